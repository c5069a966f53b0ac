package handlers

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

// sentResponse is AWS's response without its body, which is written after it in one form.
type sentResponse struct {
	Status               int               `json:"status"`
	Headers              map[string]string `json:"headers"`
	HeaderList           []sentHeader      `json:"headerList"`
	ContentType          string            `json:"contentType,omitzero"`
	BodyBytes            int64             `json:"bodyBytes"`
	RequestID            string            `json:"requestId,omitzero"`
	Attempts             int               `json:"attempts"`
	DurationMilliseconds int64             `json:"durationMilliseconds"`
	Service              string            `json:"service"`
	Region               string            `json:"region"`
	Profile              string            `json:"profile,omitzero"`
	Warnings             []warning         `json:"warnings"`

	Diagnosis *problem.Diagnosis `json:"diagnosis,omitzero"`
}

// The forms in which a body is passed on.
const (
	inNone     = "none"
	inJSON     = "json" // as it was received
	inText     = "text"
	inBase64   = "base64"
	inEnvelope = "envelope"
)

// passedOn is a response of AWS that is passed on to the caller.
type passedOn struct {
	sent     *broker.Sent
	limit    int64
	spool    *sending.Spool
	form     string // as requested, and later the actual one
	took     time.Duration
	now      func() time.Time
	until    time.Time // see steadyWriter
	warnings []signing.Warning
	cause    *problem.Diagnosis // why AWS refused

	body   *heldBody // nil if there is none, or it is streamed
	length int64
	latin1 bool // the text is ISO 8859-1
}

func (a *passedOn) close() {
	if a.body != nil {
		a.body.close()
	}
}

// read decides on the form, and reads the body if that depends on it, if its length is unknown, or if the request must
// not be repeated: a response that breaks off after its status was written looks like a lost connection, and workflow
// engines repeat those.
func (a *passedOn) read() error {
	resp := a.sent.Response
	media := mediaOf(resp.Header)
	if a.form == inNone {
		var err error
		if a.length, err = io.Copy(io.Discard, resp.Body); err != nil {
			return a.sent.Problem(err)
		}
		return nil
	}
	if media == eventStream {
		return &problem.Error{Code: "answer_is_stream", Detail: "The response is a stream of events, which cannot fit into one response."}
	}
	if err := a.fits(); err != nil {
		return err
	}
	asked := a.form
	a.form = a.candidate(asked, media)
	if a.form == inNone {
		a.length = 0
		return nil
	}
	a.length = resp.ContentLength
	if (a.form == inBase64 || a.form == inEnvelope) && a.length >= 0 && sending.Idempotent(a.sent.Method) {
		return nil
	}
	if err := a.hold(a.unpacked()); err != nil {
		return err
	}
	if a.length = a.body.size; a.length == 0 {
		a.form = inNone
	}
	return a.settle(asked)
}

// fits refuses a response whose length is known to be above the limit.
func (a *passedOn) fits() error {
	resp := a.sent.Response
	if resp.ContentLength <= a.limit || resp.Request.Method == http.MethodHead {
		return nil
	}
	_, err := a.sent.ReadAll(a.limit)
	return a.sent.Problem(err)
}

// hold reads the body to its end.
func (a *passedOn) hold(body io.Reader) (err error) {
	if a.body, err = hold(body, a.limit, a.spool); err == nil {
		return nil
	}
	if errors.Is(err, sending.ErrTooLarge) || errors.Is(err, sending.ErrNoSpace) {
		_, _ = a.sent.ReadAll(0) // so that the record shows a response, and not a caller who left
	}
	return a.sent.Problem(err)
}

// candidate is the form that suits the response's headers.
func (a *passedOn) candidate(asked, media string) string {
	resp := a.sent.Response
	noBody := resp.Request.Method == http.MethodHead || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified
	encoding := encodingOf(resp.Header)
	switch {
	case noBody:
		return inNone
	case asked == inBase64, asked == inEnvelope:
		return asked
	case encoding != "" && encoding != "gzip":
		return inBase64
	case asked == inText:
		return inText
	case isJSON(media):
		return inJSON
	case isText(media):
		return inText
	}
	return inBase64
}

// settle checks whether the body suits the form.
func (a *passedOn) settle(asked string) error {
	if a.form == inJSON && !isStrictJSON(a.body.reader()) {
		a.form = inText
	}
	if a.form == inText {
		_, parameters, _ := mime.ParseMediaType(a.sent.Response.Header.Get("Content-Type"))
		switch strings.ToLower(parameters["charset"]) {
		case "iso-8859-1", "latin1":
			a.latin1 = true
		case "", "utf-8", "us-ascii":
			if !isUTF8(a.body.reader()) {
				a.form = inBase64
			}
		default:
			a.form = inBase64
		}
		if a.form == inBase64 && asked == inText {
			a.warn("body_not_text", "The body is not UTF-8 text, so it is passed on as Base64.")
		}
	}
	return nil
}

func (a *passedOn) warn(code, message string) {
	a.warnings = append(a.warnings, signing.Warning{Code: code, Message: message})
}

// unpacked returns the body, decompressed if it is gzip and JSON or text.
func (a *passedOn) unpacked() io.Reader {
	resp := a.sent.Response
	media, asBytes := mediaOf(resp.Header), a.form == inBase64 || a.form == inEnvelope
	if asBytes || encodingOf(resp.Header) != "gzip" || !isJSON(media) && !isText(media) {
		return resp.Body
	}
	body := bufio.NewReader(resp.Body)
	if magic, _ := body.Peek(2); string(magic) != "\x1f\x8b" { // it is not gzip
		return body
	}
	a.warn("body_unpacked", "The body was compressed with gzip and is passed on decompressed; the headers are as AWS sent them.")
	return &gunzipReader{packed: body}
}

// encodingOf returns the content coding of the body; empty for none (RFC 9110, section 8.4.1).
func encodingOf(h http.Header) string {
	switch encoding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding"))); encoding {
	case "identity":
		return ""
	case "x-gzip":
		return "gzip"
	default:
		return encoding
	}
}

// gunzipReader decompresses gzip. What cannot be decompressed counts as a broken response.
type gunzipReader struct {
	packed io.Reader
	plain  *gzip.Reader
}

func (u *gunzipReader) Read(b []byte) (n int, err error) {
	if u.plain == nil {
		u.plain, err = gzip.NewReader(u.packed)
	}
	if err == nil {
		n, err = u.plain.Read(b)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*sending.Error)) {
		err = fmt.Errorf("%w: %w", sending.ErrBroken, err)
	}
	return n, err
}

// headers are the response's headers without those of the connection.
func (a *passedOn) headers() []signing.Header {
	answered := a.sent.Response.Header.Clone()
	sending.Headers{Cookies: true}.Back(answered, a.sent.Response.StatusCode)
	var list []signing.Header
	for name, values := range answered {
		for _, value := range values {
			list = append(list, signing.Header{Name: strings.ToLower(name), Value: strings.ToValidUTF8(value, "\uFFFD")})
		}
	}
	slices.SortStableFunc(list, func(a, b signing.Header) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// flat are the headers by name, with repeated ones joined.
func flat(headers []signing.Header) map[string]string {
	byName := make(map[string]string, len(headers))
	for _, h := range headers {
		if before, found := byName[h.Name]; found {
			h.Value = before + ", " + h.Value
		}
		byName[h.Name] = h.Value
	}
	return byName
}
