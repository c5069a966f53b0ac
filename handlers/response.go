package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"countersign/internal/appendjson"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// appender is a response that writes its fields itself.
type appender interface{ appendTo(*appendjson.Object) }

// writeJSON encodes before it writes the status, so that a response is whole or is a problem.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, media string, v any) {
	if a, ok := v.(appender); ok {
		writeAppended(w, r, status, media, a)
		return
	}
	var body bytes.Buffer
	if large, ok := v.(interface{ size() int }); ok {
		body.Grow(large.size()) // doubling it while it is written would take two and three times as much
	}
	// A problem may quote what a caller sent, whatever that is; anything else that is not UTF-8 is a fault of ours.
	refused := status >= http.StatusBadRequest
	if err := json.MarshalWrite(&body, v, json.Deterministic(true), jsontext.AllowInvalidUTF8(refused)); err != nil {
		WriteError(w, r, fmt.Errorf("encoding the response: %w", err))
		return
	}
	writeHead(w, status, media, body.Len())
	// A client that is gone cannot be told anything more.
	_, _ = w.Write(body.Bytes())
}

func writeHead(w http.ResponseWriter, status int, media string, length int) {
	header, values := w.Header(), []string{media, strconv.Itoa(length), "no-store"}
	header["Content-Type"], header["Content-Length"], header["Cache-Control"] = values[:1:1], values[1:2:2], values[2:]
	w.WriteHeader(status)
}

// responses have buffers; none is kept that is larger than keptResponse.
var responses = sync.Pool{New: func() any { return new(appendjson.Object) }}

const keptResponse = 256 << 10

var errNotUTF8 = errors.New("encoding the response: a text is not UTF-8")

func writeAppended(w http.ResponseWriter, r *http.Request, status int, media string, a appender) {
	o := responses.Get().(*appendjson.Object)
	o.Reopen()
	a.appendTo(o)
	text, valid := o.Close()
	if !valid {
		WriteError(w, r, errNotUTF8)
		return
	}
	writeHead(w, status, media, o.Len())
	// A client that is gone cannot be told anything more. Its connection of HTTP/2 may still read the buffer, when the write
	// has ended in an error: it is not used again.
	if _, err := o.WriteTo(w); err == nil && cap(text) <= keptResponse {
		responses.Put(o)
	}
}

// documentOf is a response that is not written to a client.
func documentOf(a appender) ([]byte, error) {
	o := appendjson.Open(nil)
	a.appendTo(o)
	if _, valid := o.Close(); !valid {
		return nil, errNotUTF8
	}
	var text bytes.Buffer
	_, err := o.WriteTo(&text)
	return text.Bytes(), err
}
