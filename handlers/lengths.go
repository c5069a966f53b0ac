package handlers

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxEntries is how many entries a list or an object of texts may hold before anything else is asked of it: more than any request may
// have, so that what is wrong with each of a million entries is never looked for.
const maxEntries = 2048

// list is a JSON array of bounded length.
type list[T any] []T

// UnmarshalJSONFrom reads the entries one by one, and stops at the bound.
func (l *list[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '[' { // null, or what is none
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
