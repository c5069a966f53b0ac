package reading_test

import (
	"testing"

	"countersign/reading"
)

// Text that people write around a message is not part of its body if Content-Length says how long that is.
func TestRead_TextAroundAMessage(t *testing.T) {
	const head = "POST /a HTTP/1.1\r\nHost: sqs.eu-west-1.amazonaws.com\r\nContent-Length: "
	const response = "and this came back:\n\nHTTP/1.1 403 Forbidden\n\n{\"message\":\"Missing Authentication Token\"}"
	for name, test := range map[string]struct {
		text, body string
		exact      bool
	}{
		"no body":              {head + "0\r\n\r\n\r\n" + response, "", true},
		"no body, no blank":    {head + "0\r\n\r\n" + response, "", true},
		"a body":               {head + "5\r\n\r\nhello\n\n" + response, "hello", true},
		"a length that is off": {head + "3\r\n\r\nhello", "hello", false},
	} {
		r := reading.Read(test.text)
		q := r.Request()
		if q == nil {
			t.Errorf("%s: no request", name)
			continue
		}
		if got := q.Body.Content.Text(); got != test.body || q.Body.Exact != test.exact {
			t.Errorf("%s: the body is %q, exact %t", name, got, q.Body.Exact)
		}
		if name != "a length that is off" && (r.Refusal() == nil || r.Refusal().Message.Text() != "Missing Authentication Token") {
			t.Errorf("%s: the refusal is %+v", name, r.Refusal())
		}
	}
}

// Consoles show a status alone between a request and its response.
func TestRead_StatusAlone(t *testing.T) {
	for _, status := range []string{"403", "403 Forbidden", "Status: 403"} {
		r := reading.Read("GET https://abc.eu-west-1.aoss.amazonaws.com/x\n" + status + "\n{\"error\":{\"reason\":\"403 Forbidden\"}}")
		if f := r.Refusal(); f == nil || f.Status != 403 {
			t.Errorf("%s: %+v", status, f)
		}
	}
}
