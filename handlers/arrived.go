package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"countersign/access"
	"countersign/problem"
)

// Arrived is a body that was read before the handler was called; it is decoded in place.
type Arrived struct {
	bytes.Reader
	data []byte
}

// Close does nothing.
func (*Arrived) Close() error { return nil }

// Set sets the content of the body.
func (b *Arrived) Set(data []byte) {
	b.data = data
	b.Reset(data)
}

// WholeBody returns the body of a request that has been read completely.
func WholeBody(data []byte) io.ReadCloser {
	body := new(Arrived)
	body.Set(data)
	return body
}

// BodyUnreadable returns the error of a body that could not be read to its end; nil for nil.
func BodyUnreadable(err error) error {
	if err == nil || errors.As(err, new(*access.BusyError)) {
		return err
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return TooLarge(tooLarge.Limit)
	}
	return &problem.Error{Code: "body_unreadable", Detail: "The request body is incomplete.", Cause: err}
}

// TooLarge returns the error of a body of more than limit bytes.
func TooLarge(limit int64) error {
	return &problem.Error{Code: "body_too_large", Detail: fmt.Sprintf("The request body is larger than %d bytes.", limit)}
}
