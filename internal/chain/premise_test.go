//go:build linux && amd64

package chain_test

import (
	"net/http"
	"testing"

	"countersign/internal/logicapps"
)

// premise checks that what the definitions avoid is refused. Otherwise the matrix would prove nothing.
func (c *chain) premise(t *testing.T) {
	for name, wrong := range map[string]struct {
		method string
		value  any
		field  string
	}{
		"the object instead of the envelope": {"POST", "@outputs('Request')['body']", "body"},
		"no body":                            {"POST", nil, "body"},
		"another method":                     {"POST", "PUT", "method"},
		"the author's headers":               {"POST", "@outputs('Request')['headers']", "headers"},
		"an extra query":                     {"POST", "@{body('Sign')['url']}&more=1", "uri"},
		"the object for a DELETE":            {"DELETE", "@outputs('Request')['body']", "body"},
	} {
		w := c.open(t, "sign-then-call.json")
		fitRequest(t, w, wrong.method, api, payloads(t)[3])
		edit(t, w, wrong.value, "Call_AWS", "inputs", wrong.field)
		before := c.aws.count()
		run := c.run(t, w)
		call := run.Of("Call_AWS")[0]
		if len(call.Calls) != 1 || call.Calls[0].Status != http.StatusForbidden || c.aws.count() != before {
			t.Errorf("%s: %v %+v, want a refusal by AWS", name, call.Err, call.Calls)
		}
	}
}

// signedContentType checks that a signature over Content-Type is valid if the engine keeps that header: with POST and
// PUT, and with an envelope.
func (c *chain) signedContentType(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		for _, p := range payloads(t)[1:] {
			w := c.open(t, "sign-then-call.json")
			edit(
				t, w, append(requestFor(method, api, p), logicapps.Member{Name: "signedHeaders", Value: []any{"content-type"}}), "Request",
				"inputs",
			)
			run := c.run(t, w)
			if run.Status != logicapps.Succeeded {
				t.Errorf("%s %s: %v %s", method, p.name, run.Of("Call_AWS")[0].Err, run.Of("Sign")[0].Calls[0].ResponseBody)
			}
		}
	}
}
