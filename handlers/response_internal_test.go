package handlers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/internal/appendjson"
)

// oneField is a response.
type oneField string

func (f oneField) appendTo(o *appendjson.Object) { o.Text("field", string(f)) }

// late is a connection that still reads what it was given after the write has failed.
type late struct {
	http.ResponseWriter
	given []byte
}

func (l *late) Write(text []byte) (int, error) {
	l.given = text
	return 0, errors.New("stream closed")
}

// A client whose connection failed must not get the response to another.
func TestWriteAppended_BufferOfAFailedWriteIsNotReused(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for range 20 {
		gone := &late{ResponseWriter: httptest.NewRecorder()}
		writeAppended(gone, r, 200, "application/json", oneField("mine"))
		writeAppended(httptest.NewRecorder(), r, 200, "application/json", oneField("another's"))
		if got := string(gone.given); !strings.Contains(got, "mine") {
			t.Fatalf("got %s", got)
		}
	}
}
