package handlers

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/broker"
	"countersign/internal/cborjson"
	"countersign/problem"
	"countersign/sending"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxRefusal  = 64 << 10 // how much of a refusal's body is returned
	maxMessage  = 1 << 10  // and of AWS's message in the detail
	againAfter  = 5 * time.Second
	latestAgain = 5 * time.Minute
)

// refusal returns a refusal or failure by AWS as a problem, or nil. Its status has the same class as AWS's, chosen so
// that a workflow that repeats 408, 429 and 5xx repeats only what is worth repeating.
func (a *passedOn) refusal() *problem.Error {
	status := a.sent.Response.StatusCode
	if kind := functionError(a.sent.Response.Response); kind != "" {
		aws, _ := a.redactedResponse()
		detail := fmt.Sprintf("Lambda responded with %d, and the function failed (%s): %s", status, clip(kind, 64), clip(aws.Message, maxMessage))
		return &problem.Error{Code: "function_failed", Detail: strings.TrimSuffix(detail, ": "), AWS: aws}
	}
	if a.failedLate() {
		return a.lateFailure()
	}
	if !refused(status) {
		return nil
	}
	aws, body := a.redactedResponse()
	p := &problem.Error{AWS: aws, Diagnosis: a.diagnosis(body)}
	said := cmp.Or(saidBy(aws), http.StatusText(status))
	p.Detail = strings.TrimSuffix(fmt.Sprintf("AWS responded with %d: %s", status, said), ": ")
	switch {
	case status < 400:
		p.Code, p.Detail = "aws_redirected", redirected(a.sent.Response.Response, a.sent.Redact(string(body)))
	case status == http.StatusTooManyRequests, status < 500 && sending.Throttled(status, aws.Code):
		p.Code, p.RetryAfter = "aws_throttled", retryAfter(a.sent.Response.Header)
	case status >= 500 && !isPermanent(status), status == http.StatusBadRequest && sending.TimedOut(aws.Code):
		p.Code, p.RetryAfter = "aws_failed", retryAfter(a.sent.Response.Header)
	default:
		p.Code, p.StatusCode = "aws_refused", refusedAs(status, a.sent.Method)
	}
	return p
}

// functionError returns Lambda's name for the error of a function that ran and failed, Handled or Unhandled, in a
// response below 300.
func functionError(resp *http.Response) string {
	if refused(resp.StatusCode) {
		return ""
	}
	return resp.Header.Get("X-Amz-Function-Error")
}

// failedLate reports whether S3 reports a failure in place of a result, such as that of a copy or of completing an
// upload: S3 had already sent the status ("Handling 200 OK responses that contain errors").
func (a *passedOn) failedLate() bool {
	resp := a.sent.Response.Response
	method := a.sent.Method
	if a.sent.Scope.Service != "s3" || resp.StatusCode != http.StatusOK || !strings.HasSuffix(mediaOf(resp.Header), "xml") ||
		method != http.MethodPut && method != http.MethodPost { // other methods may return an object with any content
		return false
	}
	text := bytes.TrimLeft(sending.Peek(resp, maxRefusal), byteOrderMark+" \t\r\n")
	if bytes.HasPrefix(text, []byte("<?xml")) {
		_, text, _ = bytes.Cut(text, []byte("?>"))
	}
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<Error>"))
}

// lateFailure is a failure of AWS, whatever S3 calls it: S3 would have refused a faulty request before it sent the
// status.
func (a *passedOn) lateFailure() *problem.Error {
	aws, body := a.redactedResponse()
	aws.Code = sending.ErrorCode(nil, body)
	detail := "AWS responded with 200, and then failed: " + saidBy(aws)
	p := &problem.Error{Code: "aws_failed", Detail: detail, AWS: aws, RetryAfter: againAfter}
	if sending.Throttled(http.StatusBadRequest, aws.Code) {
		p.Code = "aws_throttled"
	}
	return p
}

// saidBy returns code and message.
func saidBy(aws *problem.AWSResponse) string {
	return strings.TrimSpace(aws.Code + " " + clip(aws.Message, maxMessage))
}

// isPermanent reports whether a failure recurs however often the request is repeated: S3 responds with 501 to a
// header that it does not know.
func isPermanent(status int) bool {
	return status == http.StatusNotImplemented || status == http.StatusHTTPVersionNotSupported
}

func refused(status int) bool { return status >= 300 && status != http.StatusNotModified }

// refusedAs is AWS's own status, except for those that would say something about this service, or make workflows
// repeat what may have been done.
func refusedAs(status int, method string) int {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return http.StatusForbidden
	case http.StatusMisdirectedRequest, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return http.StatusBadRequest
	case http.StatusRequestTimeout:
		if !sending.Idempotent(method) {
			return http.StatusBadRequest
		}
	}
	return status
}

// retryAfter is when AWS wants the request repeated: in seconds, in milliseconds as its SDKs read them, or as a date
// by AWS's clock.
func retryAfter(h http.Header) time.Duration {
	wait, given := count(h.Get("Retry-After"), time.Second)
	if !given {
		wait, given = count(h.Get("X-Amz-Retry-After"), time.Millisecond)
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); !given && err == nil {
		if now, err := http.ParseTime(h.Get("Date")); err == nil {
			wait = at.Sub(now)
		}
	}
	if wait <= 0 {
		return againAfter
	}
	return min(wait, latestAgain)
}

// count reads a number of units, up to latestAgain.
func count(text string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return min(max(time.Duration(n), 0), latestAgain/unit) * unit, true
}

// redirected says where AWS wants the request to be sent.
func redirected(resp *http.Response, body string) string {
	detail := fmt.Sprintf("AWS responded with %d.", resp.StatusCode)
	if region := resp.Header.Get("X-Amz-Bucket-Region"); region != "" {
		detail += " The bucket is in the region " + clip(region, 64) + "."
	}
	host := element(body, "Endpoint") // S3's, which is only here in a permanent redirect
	if at, err := url.Parse(resp.Header.Get("Location")); err == nil && at.Host != "" {
		host = at.Host
	}
	if host != "" {
		detail += " The request belongs to the host " + clip(host, 256) + "."
	}
	return detail
}

// redactedResponse returns what the caller gets to see of a refusal, without the session token that AWS may repeat; and the body,
// with the token.
func (a *passedOn) redactedResponse() (*problem.AWSResponse, []byte) {
	resp, report := a.sent.Response, a.sent.Report()
	body, _ := io.ReadAll(io.LimitReader(a.unpacked(), maxRefusal+broker.Overhang)) // as much as arrived
	if !a.sent.Searchable() {
		body = nil
	}
	said, media := body, mediaOf(resp.Header)
	isCBOR := strings.Contains(media, "cbor")
	if isCBOR {
		said, _ = cborjson.JSON(body)
	}
	whole := len(said) <= maxRefusal
	text, _ := a.sent.RedactBeginning(string(said), maxRefusal)
	text = strings.ToValidUTF8(text, "\uFFFD")
	out := &problem.AWSResponse{
		Status: resp.StatusCode, Code: report.Code, RequestID: report.RequestID, Headers: flat(a.headers()),
		Message: a.sent.Redact(messageOf(text)),
	}
	for name, value := range out.Headers {
		out.Headers[name] = a.sent.Redact(value)
	}
	switch {
	case text == "":
	case whole && (isCBOR || isJSON(media)) && isStrictJSON(strings.NewReader(text)):
		out.Body = jsontext.Value(text)
	default:
		out.Body = text
	}
	return out, body[:min(len(body), maxRefusal+1)]
}

// messageOf is a service's message in a refusal: message, in one of AWS's spellings, or the first Message element of
// XML.
func messageOf(body string) string {
	body = strings.TrimLeft(body, byteOrderMark+" \t\r\n")
	if strings.HasPrefix(body, "<") {
		return element(body, "Message")
	}
	var parsed struct {
		awsMessage
		Error jsontext.Value
	}
	_ = json.Unmarshal([]byte(body), &parsed, jsontext.AllowDuplicateNames(true)) // as much as can be read
	var inner awsMessage
	_ = json.Unmarshal(parsed.Error, &inner, jsontext.AllowDuplicateNames(true))
	return cmp.Or(parsed.text(), inner.text())
}

// element is the text of the first XML element of a name; empty if there is none.
func element(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, found := strings.Cut(rest, "</"+name+">")
	if !found {
		return ""
	}
	return strings.TrimSpace(html.UnescapeString(text))
}

// awsMessage has a message in the spellings of AWS's services.
type awsMessage struct {
	Lower jsontext.Value `json:"message"`
	Upper jsontext.Value `json:"Message"`
	Other jsontext.Value `json:"errorMessage"`
}

func (m *awsMessage) text() string {
	for _, value := range []jsontext.Value{m.Lower, m.Upper, m.Other} {
		var text string
		if json.Unmarshal(value, &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
