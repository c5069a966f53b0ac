package handlers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/broker"

	"github.com/go-json-experiment/json"
)

// write writes the response. After the first byte there can be no other response, so a failure then breaks the
// connection.
func (a *passedOn) write(w http.ResponseWriter, r *http.Request) {
	head, tail, err := a.frame()
	if err != nil {
		WriteError(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	if length, known := a.written(); known {
		header.Set("Content-Length", strconv.FormatInt(int64(len(head))+length+int64(len(tail)), 10))
	}
	w.WriteHeader(http.StatusOK)
	to := &steadyWriter{w: w, control: http.NewResponseController(w), now: a.now, until: a.until}
	if _, err = to.Write(head); err == nil {
		err = a.writeBody(to)
	}
	if err == nil {
		_, err = to.Write(tail)
	}
	if err != nil {
		event := EventOf(r)
		event.Code, event.Cause = "answer_broken", err
		panic(http.ErrAbortHandler)
	}
}

// frame returns the document around the body.
func (a *passedOn) frame() (head, tail []byte, err error) {
	headers, report := a.headers(), a.sent.Report()
	head, err = json.Marshal(sentResponse{
		Status: a.sent.Response.StatusCode, Headers: flat(headers), HeaderList: sentHeaders(headers),
		ContentType: strings.ToValidUTF8(a.sent.Response.Header.Get("Content-Type"), "\uFFFD"), BodyBytes: a.length,
		RequestID: report.RequestID, Attempts: len(report.Attempts), DurationMilliseconds: a.took.Milliseconds(),
		Service: a.sent.Scope.Service, Region: a.sent.Scope.Region, Profile: a.sent.Profile,
		Warnings: warningsOf(append(slices.Clone(a.sent.Warnings), a.warnings...)), Diagnosis: a.cause,
	}, json.Deterministic(true))
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the response: %w", err)
	}
	head, tail = head[:len(head)-1], []byte("}")
	switch a.form {
	case inJSON:
		head = append(head, `,"body":`...)
	case inText:
		head, tail = append(head, `,"body":"`...), []byte(`"}`)
	case inBase64:
		head, tail = append(head, `,"bodyBase64":"`...), []byte(`"}`)
	case inEnvelope:
		media, err := json.Marshal(contentTypeOr(a.sent.Response.Header, broker.MediaBinary))
		if err != nil {
			return nil, nil, fmt.Errorf("encoding the response: %w", err)
		}
		head = append(append(append(head, `,"bodyEnvelope":{"$content-type":`...), media...), `,"$content":"`...)
		tail = []byte(`"}}`)
	}
	return head, tail, nil
}

func contentTypeOr(h http.Header, other string) string {
	if given := h.Get("Content-Type"); given != "" {
		return strings.ToValidUTF8(given, "\uFFFD")
	}
	return other
}

// written returns the length of the body as it will be written, if that is known.
func (a *passedOn) written() (int64, bool) {
	switch a.form {
	case inNone:
		return 0, true
	case inBase64, inEnvelope:
		return (a.length + 2) / 3 * 4, true
	case inJSON:
		return a.length, true
	}
	return 0, false
}

func (a *passedOn) writeBody(w io.Writer) error {
	if a.form == inNone {
		return nil
	}
	from := io.Reader(a.sent.Response.Body)
	if a.body != nil {
		from = a.body.reader()
	}
	switch a.form {
	case inJSON:
		_, err := copyTo(w, from)
		return err
	case inText:
		return writeQuoted(w, from, a.latin1)
	}
	n, err := writeBase64(w, from)
	if err == nil && n != a.length {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func copyTo(w io.Writer, r io.Reader) (int64, error) {
	if whole, ok := r.(*bytes.Reader); ok {
		return whole.WriteTo(w)
	}
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 48<<10))
}

// steadyWriter gives each piece of a response its own deadline, however long the whole takes.
type steadyWriter struct {
	w       io.Writer
	control *http.ResponseController
	now     func() time.Time
	until   time.Time // no deadline is earlier, because over HTTP/2 it would end the response even while AWS is waited for
}

func (s *steadyWriter) Write(p []byte) (int, error) {
	deadline := s.now().Add(responseGrace)
	if deadline.Before(s.until) {
		deadline = s.until
	}
	_ = s.control.SetWriteDeadline(deadline) // a recorder in a test has none
	return s.w.Write(p)
}

func mediaOf(h http.Header) string {
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

func isJSON(media string) bool {
	return strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json") || strings.HasPrefix(media, "application/x-amz-json-")
}

func isText(media string) bool {
	isXML := strings.HasSuffix(media, "/xml") || strings.HasSuffix(media, "+xml")
	return isXML || strings.HasPrefix(media, "text/") || media == broker.MediaForm
}
