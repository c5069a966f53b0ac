package api

import (
	"net/http"
	"strconv"

	"countersign/handlers"

	"github.com/go-chi/chi/v5"
)

// requestContext is the context of a request. What chi keeps of the route is in it, too, for which chi would make another
// context, and another copy of the request.
type requestContext struct {
	handlers.EventContext
	route    chi.Context
	patterns [1]string // the space of those of route
	response counted
	id       [1]string // the value of a header
	offered  offered   // the response to who has a place among the requests being answered
}

// requestKey finds the context of a request itself.
type requestKey struct{}

func (c *requestContext) Value(key any) any {
	switch key {
	case chi.RouteCtxKey:
		return &c.route
	case requestKey{}:
		return c
	}
	return c.EventContext.Value(key)
}

// counted is a response of which status and size are known.
type counted struct {
	http.ResponseWriter
	status, bytes int     // of what was written; 0 without
	conn          *joiner // nil where writes cannot be joined
}

// Unwrap is for [http.ResponseController].
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader passes the first status on, and those before it that only inform.
func (c *counted) WriteHeader(status int) {
	if c.status != 0 {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	n, err := c.write(b)
	c.bytes += n
	return n, err
}

func (c *counted) write(b []byte) (int, error) {
	const fits = 3 << 10 // into the buffer of net/http, with its header
	if c.conn != nil && fits < len(b) && len(b) <= mostJoined && c.Header().Get("Content-Length") == strconv.Itoa(len(b)) {
		return c.conn.writeWhole(c.ResponseWriter, b)
	}
	return c.ResponseWriter.Write(b)
}
