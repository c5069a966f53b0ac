package handlers

import (
	"cmp"
	"io"
	"net/http"
	"path"
	"strings"

	"countersign/problem"

	"github.com/go-json-experiment/json/jsontext"
)

// Elsewhere responds to requests without a route: with not_found, except to what an Azure Functions host sends if
// host.json does not tell it to forward requests unchanged: a document with Data and Metadata, posted to the
// function's name. paths are those that a misspelt one may have meant.
func (h *Handlers) Elsewhere(paths func() []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean != "/" && clean != "." {
			WriteError(w, r, &problem.Error{
				Code: "not_found", Cause: errNotFound.Cause,
				Detail: "The path has a slash too many: use " + clean + ", with one slash before each part and none at the end.",
			})
			return
		}
		errNotFound := errNotFound
		if meant := cmp.Or(problem.Nearest(r.URL.Path, paths()), problem.Nearest("/v1"+r.URL.Path, paths())); meant != "" {
			errNotFound = &problem.Error{
				Code: "not_found", Cause: errNotFound.Cause, Detail: "There is nothing at this address; did you mean " + meant + "?",
			}
		}
		if r.Method != http.MethodPost || strings.Count(r.URL.Path, "/") != 1 {
			WriteError(w, r, errNotFound)
			return
		}
		const head = 4 << 10 // nobody is authenticated here, and only the first name is read
		d := jsontext.NewDecoder(io.LimitReader(r.Body, head))
		if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
			WriteError(w, r, errNotFound)
			return
		}
		if name, err := d.ReadToken(); err != nil || name.Kind() != '"' || name.String() != "Data" && name.String() != "Metadata" {
			WriteError(w, r, errNotFound)
			return
		}
		WriteError(w, r, &problem.Error{Code: "functions_payload", Detail: "The Azure Functions host sent its own " +
			"payload instead of the caller's request."})
	})
}
