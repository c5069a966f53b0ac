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

// writeJSON encodes before it writes the status, so that the response is either complete or a problem.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, media string, v any) {
	if a, ok := v.(appender); ok {
		writeAppended(w, r, status, media, a)
		return
	}
	var body bytes.Buffer
	if large, ok := v.(interface{ size() int }); ok {
		body.Grow(large.size()) // growing it while it is written would take two or three times as much
	}
	// A problem may quote the caller, whatever the bytes; anything else that is not UTF-8 is an internal error.
	refused := status >= http.StatusBadRequest
	if err := json.MarshalWrite(&body, v, json.Deterministic(true), jsontext.AllowInvalidUTF8(refused)); err != nil {
		WriteError(w, r, fmt.Errorf("encoding the response: %w", err))
		return
	}
	writeHead(w, status, media, body.Len())
	_, _ = w.Write(body.Bytes()) // the client may be gone
}

func writeHead(w http.ResponseWriter, status int, media string, length int) {
	header, values := w.Header(), []string{media, strconv.Itoa(length), "no-store"}
	header["Content-Type"], header["Content-Length"], header["Cache-Control"] = values[:1:1], values[1:2:2], values[2:]
	w.WriteHeader(status)
}

// responses are reusable buffers of up to maxReusedResponse bytes.
var responses = sync.Pool{New: func() any { return new(appendjson.Object) }}

const maxReusedResponse = 256 << 10

var errNotUTF8 = errors.New("encoding the response: a string is not UTF-8")

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
	// If the write fails, the client may be gone. Its HTTP/2 connection may still read the buffer then, so it is not
	// reused.
	if _, err := o.WriteTo(w); err == nil && cap(text) <= maxReusedResponse {
		responses.Put(o)
	}
}

// documentOf returns a response that is not written to a client.
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
