package handlers

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/sending"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxRefusal  = 64 << 10 // what is told of a refusal's body
	maxMessage  = 1 << 10  // and of AWS's message in the detail
	againAfter  = 5 * time.Second
	latestAgain = 5 * time.Minute
)

// Refusal is the problem that a response of AWS is to a client which knows AWS less well than its SDKs do, or nil. It reads
// of the response's body.
func Refusal(sent *broker.Sent) *problem.Error { return (&passedOn{sent: sent}).refusal() }

// refusal is the problem that a response of AWS is, or nil. Its status is of the same class as AWS's, and such that a workflow that
// repeats 408, 429 and 5xx by itself repeats what is worth it and no more.
func (a *passedOn) refusal() *problem.Error {
	status := a.sent.Response.StatusCode
	if kind := functionError(a.sent.Response); kind != "" {
		aws, _ := a.told()
		detail := fmt.Sprintf("Lambda answered %d, and the function failed (%s): %s", status, clip(kind, 64), clip(aws.Message, maxMessage))
		return &problem.Error{Code: "function_failed", Detail: strings.TrimSuffix(detail, ": "), AWS: aws}
	}
	if !refused(status) {
		return nil
	}
	aws, body := a.told()
	p := &problem.Error{AWS: aws, Diagnosis: a.diagnosis(body)}
	said := strings.TrimSpace(cmp.Or(aws.Code, "") + " " + clip(aws.Message, maxMessage))
	if said == "" {
		said = http.StatusText(status)
	}
	p.Detail = fmt.Sprintf("AWS answered %d: %s", status, said)
	switch {
	case status < 400:
		p.Code, p.Detail = "aws_redirected", redirected(a.sent.Response)
	case status == http.StatusTooManyRequests, status < 500 && sending.Throttled(status, aws.Code):
		p.Code, p.RetryAfter = "aws_throttled", retryAfter(a.sent.Response.Header)
	case status >= 500:
		p.Code, p.RetryAfter = "aws_failed", retryAfter(a.sent.Response.Header)
	default:
		p.Code, p.StatusCode = "aws_refused", refusedAs(status, a.sent.Method)
	}
	return p
}

// functionError is what Lambda says of a function that ran and failed, Handled or
// Unhandled, in a response below 300.
func functionError(resp *http.Response) string {
	if refused(resp.StatusCode) {
		return ""
	}
	return resp.Header.Get("X-Amz-Function-Error")
}

func refused(status int) bool { return status >= 300 && status != http.StatusNotModified }

// refusedAs is AWS's own status, but for those that would say something about this service, or have workflows repeat what
// may have been done.
func refusedAs(status int, method string) int {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return http.StatusForbidden
	case http.StatusMisdirectedRequest:
		return http.StatusBadRequest
	case http.StatusRequestTimeout:
		if !sending.Idempotent(method) {
			return http.StatusBadRequest
		}
	}
	return status
}

// retryAfter is when AWS wants to be asked again.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return againAfter
	}
	return min(time.Duration(seconds)*time.Second, latestAgain)
}

// redirected says where AWS wants the request to be sent.
func redirected(resp *http.Response) string {
	detail := fmt.Sprintf("AWS answered %d.", resp.StatusCode)
	if region := resp.Header.Get("X-Amz-Bucket-Region"); region != "" {
		detail += " The bucket is in the region " + clip(region, 64) + "."
	}
	if at, err := url.Parse(resp.Header.Get("Location")); err == nil && at.Host != "" {
		detail += " The request belongs to the host " + clip(at.Host, 256) + "."
	}
	return detail
}

// told is what the caller is told of a refusal, without what AWS repeats of the session; and its body with that.
func (a *passedOn) told() (*problem.Answer, []byte) {
	resp, report := a.sent.Response, a.sent.Report()
	body, _ := io.ReadAll(io.LimitReader(a.unpacked(), maxRefusal+broker.Overhang)) // as far as it came
	whole := len(body) <= maxRefusal
	text, _ := a.sent.RedactBeginning(string(body), maxRefusal)
	text = strings.ToValidUTF8(text, "\uFFFD")
	out := &problem.Answer{
		Status: resp.StatusCode, Code: report.Code, RequestID: report.RequestID, Headers: flat(a.headers()),
		Message: a.sent.Redact(messageOf(text)),
	}
	for name, value := range out.Headers {
		out.Headers[name] = a.sent.Redact(value)
	}
	switch {
	case text == "":
	case whole && isJSON(mediaOf(resp.Header)) && isStrictJSON(strings.NewReader(text)):
		out.Body = jsontext.Value(text)
	default:
		out.Body = text
	}
	return out, body[:min(len(body), maxRefusal+1)]
}

// messageOf is what a service says in its response to a request that it refuses: message, in one of AWS's spellings, or the
// first Message of XML.
func messageOf(body string) string {
	body = strings.TrimLeft(body, byteOrderMark+" \t\r\n")
	if strings.HasPrefix(body, "<") {
		_, rest, _ := strings.Cut(body, "<Message>")
		text, _, found := strings.Cut(rest, "</Message>")
		if !found {
			return ""
		}
		return strings.TrimSpace(html.UnescapeString(text))
	}
	var told struct {
		awsMessage
		Error jsontext.Value
	}
	_ = json.Unmarshal([]byte(body), &told, jsontext.AllowDuplicateNames(true)) // as far as it can be read
	var inner awsMessage
	_ = json.Unmarshal(told.Error, &inner, jsontext.AllowDuplicateNames(true))
	return cmp.Or(told.text(), inner.text())
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
