package api

import (
	"net/http"
	"strconv"

	"countersign/handlers"

	"github.com/go-chi/chi/v5"
)

// requestContext is the context of a request. It contains chi's routing context, too, for which chi would otherwise
// make another context, and another copy of the request.
type requestContext struct {
	handlers.EventContext
	route    chi.Context
	patterns [1]string // backing array of route.RoutePatterns
	response countedResponse
	id       [1]string       // the value of X-Request-Id
	offered  offeredResponse // the response while it holds a place in Requests
}

// requestKey is the key under which a requestContext returns itself.
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

// countedResponse is a response that remembers its status and size.
type countedResponse struct {
	http.ResponseWriter
	status, bytes int     // 0 until written
	conn          *joiner // nil if writes cannot be joined
}

// Unwrap is for [http.ResponseController].
func (c *countedResponse) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader passes on the first final status, and the informational ones before it.
func (c *countedResponse) WriteHeader(status int) {
	if c.status != 0 {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *countedResponse) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	n, err := c.write(b)
	c.bytes += n
	return n, err
}

func (c *countedResponse) write(b []byte) (int, error) {
	const fits = 3 << 10 // fits the buffer of net/http, together with the header
	if c.conn != nil && fits < len(b) && len(b) <= maxJoined && c.Header().Get("Content-Length") == strconv.Itoa(len(b)) {
		return c.conn.writeWhole(c.ResponseWriter, b)
	}
	return c.ResponseWriter.Write(b)
}
