package handlers

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxEntries is how many entries a list or an object of strings may have before they are checked: more than any
// request may have, so that a million wrong entries are never checked one by one.
const maxEntries = 2048

// list is a JSON array of limited length.
type list[T any] []T

// UnmarshalJSONFrom reads the entries one by one, and stops at the limit.
func (l *list[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '[' { // null, or not an array
		return json.UnmarshalDecode(d, (*[]T)(l))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	entries := list[T]{}
	for d.PeekKind() != ']' {
		if len(entries) == maxEntries {
			return &valueError{"The array has more than " + strconv.Itoa(maxEntries) + " entries."}
		}
		var entry T
		if err := json.UnmarshalDecode(d, &entry); err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	*l = entries
	_, err := d.ReadToken()
	return err
}
