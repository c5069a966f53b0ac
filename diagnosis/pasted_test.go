package diagnosis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/diagnosis"
	"countersign/signing"
)

// pasteForms write a case as people paste it.
var pasteForms = []struct {
	name  string
	write func(c *caseFile) string
}{
	{"HTTP", func(c *caseFile) string {
		var b strings.Builder
		target, host := c.target()
		fmt.Fprintf(&b, "%s %s HTTP/1.1\nHost: %s\n", c.Request.Method, target, host)
		for _, h := range c.Request.Headers {
			fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
		}
		fmt.Fprintf(&b, "\n%s\n\nHTTP/1.1 %d \n", c.Request.body(), c.Response.Status)
		for _, h := range c.Response.Headers {
			fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
		}
		return b.String() + "\n" + string(c.Response.body())
	}},
	{"curl -v", func(c *caseFile) string {
		var b strings.Builder
		target, host := c.target()
		fmt.Fprintf(&b, "* Connected to %s (192.0.2.10) port 443\n> %s %s HTTP/1.1\n> Host: %s\n", host, c.Request.Method, target, host)
		for _, h := range c.Request.Headers {
			fmt.Fprintf(&b, "> %s: %s\n", h.Name, h.Value)
		}
		fmt.Fprintf(&b, ">\n< HTTP/1.1 %d \n", c.Response.Status)
		for _, h := range c.Response.Headers {
			fmt.Fprintf(&b, "< %s: %s\n", h.Name, h.Value)
		}
		return b.String() + "<\n" + string(c.Response.body()) + "\n* Connection #0 to host " + host + " left intact\n"
	}},
	{"Python's http.client", func(c *caseFile) string {
		var b strings.Builder
		target, host := c.target()
		fmt.Fprintf(&b, "DEBUG:http.client:send: b'%s %s HTTP/1.1\\r\\nHost: %s", c.Request.Method, target, host)
		for _, h := range c.Request.Headers {
			fmt.Fprintf(&b, "\\r\\n%s: %s", pythonBytes(h.Name), pythonBytes(h.Value))
		}
		b.WriteString("\\r\\n\\r\\n'\n")
		if body := string(c.Request.body()); body != "" {
			fmt.Fprintf(&b, "DEBUG:http.client:send: b'%s'\n", pythonBytes(body))
		}
		fmt.Fprintf(&b, "DEBUG:http.client:reply: 'HTTP/1.1 %d \\r\\n'\n", c.Response.Status)
		for _, h := range c.Response.Headers {
			fmt.Fprintf(&b, "DEBUG:http.client:header: %s: %s\n", h.Name, h.Value)
		}
		return b.String() + string(c.Response.body())
	}},
	{"Logic Apps", func(c *caseFile) string {
		inputs := map[string]any{"method": c.Request.Method, "uri": c.Request.URL, "headers": headersOf(c.Request)}
		if len(c.Request.body()) > 0 {
			inputs["body"] = asWorkflow(c.Request.body())
		}
		text, _ := json.MarshalIndent(map[string]any{
			"name": "HTTP", "status": "Failed", "code": "ActionFailed", "inputs": inputs,
			"outputs": map[string]any{"statusCode": c.Response.Status, "headers": headersOf(c.Response), "body": asWorkflow(c.Response.body())},
		}, "", "  ")
		return string(text)
	}},
	{"response alone", func(c *caseFile) string { return string(c.Response.body()) }},
	{"within a log line", func(c *caseFile) string {
		quoted, _ := json.Marshal(string(c.Response.body()))
		return `2026-11-28T19:07:48.123Z ERROR call failed {"level":"error","status":` + fmt.Sprint(c.Response.Status) +
			`,"responseBody":` + string(quoted) + `}`
	}},
}

// pythonBytes writes bytes as Python does between the quotes of b”.
func pythonBytes(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\'' || c == '\\':
			b.Write([]byte{'\\', c})
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func headersOf(m *caseMessage) map[string]string {
	out := map[string]string{}
	for _, h := range m.Headers {
		out[h.Name] = h.Value
	}
	return out
}

// asWorkflow returns a body as a workflow shows it: JSON parsed, text as text.
func asWorkflow(body []byte) any {
	var document any
	if json.Unmarshal(body, &document) == nil {
		return document
	}
	return string(body)
}

func (c *caseFile) target() (target, host string) {
	rest := strings.TrimPrefix(c.Request.URL, "https://")
	host, target, _ = strings.Cut(rest, "/")
	return "/" + target, host
}

// However a case is pasted, the verdict is never more certain than the case allows, and with the request the cause is
// the same, unless the form loses what decides.
func TestDiagnose_CasesInEveryForm(t *testing.T) {
	for _, form := range pasteForms {
		t.Run(form.name, func(t *testing.T) {
			right, all, every := 0, 0, 4
			if testing.Short() {
				every = 16
			}
			for i, c := range readCases(t) {
				if c.Request == nil || c.Response == nil || !utf8.Valid(c.Request.body()) {
					continue
				}
				in := c.input()
				in.Request, in.Response, in.Paste = nil, nil, form.write(&c)
				if *generatedCount > 1000 || i%every == 0 {
					checkNoFalseProof(t, &c, in)
				}
				report := diagnosis.Diagnose(context.Background(), in)
				checkReport(t, &report)
				v := report.Verdicts[0]
				all++
				if slices.Contains(c.Want.Causes, v.Cause) {
					right++
				} else {
					t.Logf("%s: %s (%s): %s", c.ID, v.Cause, v.Certainty, v.Reason)
				}
				if order[v.Certainty] > order[c.Want.Certainty] || v.Certainty == diagnosis.Proved && !slices.Contains(c.Want.Causes, v.Cause) {
					t.Errorf("%s: %s is called %s: %s", c.ID, v.Cause, v.Certainty, v.Reason)
				}
				for _, secret := range c.Want.MustNotLeak {
					if strings.Contains(reportJSON(t, &report), secret) {
						t.Errorf("%s: the response holds %.8s…", c.ID, secret)
					}
				}
			}
			t.Logf("%d of %d", right, all)
			if alone := !strings.ContainsAny(form.name, "HLc") || form.name == "within a log line"; !alone && right*10 < all*9 {
				t.Errorf("%d of %d are identified", right, all)
			}
		})
	}
}

// checkNoFalseProof repeats the diagnosis without the secret, without knowing at which point the request was
// captured, and without both.
func checkNoFalseProof(t *testing.T, c *caseFile, in diagnosis.Input) {
	t.Helper()
	for _, less := range []func(*diagnosis.Input){
		func(in *diagnosis.Input) { in.Credentials = signing.Credentials{} },
		func(in *diagnosis.Input) { in.RequestIs = "" },
		func(in *diagnosis.Input) { in.Credentials, in.RequestIs = signing.Credentials{}, "" },
		func(in *diagnosis.Input) {
			in.Paste = strings.NewReplacer("orders-api", "my-api", `\/orders`, "/***", "\norders", "\n***").Replace(in.Paste)
		},
	} {
		with := in
		less(&with)
		report := diagnosis.Diagnose(context.Background(), with)
		for _, v := range report.Verdicts {
			if v.Certainty == diagnosis.Proved && !slices.Contains(c.Want.Causes, v.Cause) && v.Cause != "changed-body" {
				t.Errorf("%s: with less known %s is called proved: %s", c.ID, v.Cause, v.Reason)
			}
		}
	}
}

// An edited paste proves nothing, and the mask is not the cause.
func TestDiagnose_EditedPastes(t *testing.T) {
	for _, c := range readCases(t) {
		if c.Request == nil || c.Response == nil || !strings.Contains(string(c.Response.body()), "should have been") {
			continue
		}
		_, host := c.target()
		for _, masks := range [][2]string{
			{"host:" + host, "host:xxxxx.example.com"}, {"x-amz-date:", "x-amz-security-token:[REDACTED]\\nx-amz-date:"},
		} {
			in := c.input()
			in.Response = &diagnosis.Response{
				Status: c.Response.Status, Headers: c.Response.Headers, Body: []byte(strings.ReplaceAll(string(c.Response.body()), masks[0], masks[1])),
			}
			for _, secret := range []bool{true, false} {
				if !secret {
					in.Credentials = signing.Credentials{}
				}
				report := diagnosis.Diagnose(context.Background(), in)
				for _, v := range report.Verdicts {
					if v.Cause == "changed-host" && !slices.Contains(c.Want.Causes, v.Cause) || strings.Contains(v.Place, "token") {
						t.Errorf("%s, %s: the mask is taken for the cause: %s: %s", c.ID, masks[1], v.Cause, v.Reason)
					}
					if v.Certainty == diagnosis.Proved && !slices.Contains(c.Want.Causes, v.Cause) {
						t.Errorf("%s, %s: %s is called proved: %s", c.ID, masks[1], v.Cause, v.Reason)
					}
				}
			}
		}
	}
}

// What was cut out or masked in the request is not a change in transit, and what AWS's text lost at its end was not
// dropped by a client.
func TestDiagnose_EditedRequests(t *testing.T) {
	for _, c := range readCases(t) {
		body := ""
		if c.Response != nil {
			body = string(c.Response.body())
		}
		if c.Request == nil || !strings.Contains(body, "should have been") {
			continue
		}
		for name, edit := range map[string]func(in *diagnosis.Input){
			"signature cut out": func(in *diagnosis.Input) {
				in.Request.Headers = slices.DeleteFunc(in.Request.Headers, func(h signing.Header) bool { return h.Name == "Authorization" })
			},
			"header masked": func(in *diagnosis.Input) {
				for i := range in.Request.Headers {
					if in.Request.Headers[i].Name == "X-Amz-Date" {
						in.Request.Headers[i].Value = "***"
					}
				}
			},
			"response cut": func(in *diagnosis.Input) {
				in.Response.Body = []byte(body[:strings.Index(body, "x-amz-date:")+14] + `[...]"}`)
			},
		} {
			in := c.input()
			in.Request.Headers = slices.Clone(in.Request.Headers)
			edit(&in)
			for _, secret := range []bool{true, false} {
				if !secret {
					in.Credentials = signing.Credentials{}
				}
				report := diagnosis.Diagnose(context.Background(), in)
				checkReport(t, &report)
				for _, v := range report.Verdicts {
					right := slices.Contains(c.Want.Causes, v.Cause) || v.Cause == "changed-body" && slices.Contains(c.Want.Causes, "changed-method")
					if v.Certainty == diagnosis.Proved && !right || strings.HasSuffix(v.Place, "x-amz-date") && v.Cause != "missing-date" ||
						v.Cause == "no-signature" || v.Cause == "dropped-header" && !slices.Contains(c.Want.Causes, v.Cause) {
						t.Errorf("%s, %s: %s at %s (%s): %s", c.ID, name, v.Cause, v.Place, v.Certainty, v.Reason)
					}
				}
			}
		}
	}
}

// The text of the body shows how it was changed, except for line feeds at its end, which a paste may have lost.
func TestDiagnose_BodyRewrittenInTransit(t *testing.T) {
	const signed = `{"id":7,"name":"Grüße"}`
	for arrived, want := range map[string]string{
		"\ufeff" + signed:                      "changed-body/bom-added likely",
		`{"id": 7, "name": "Gr\u00fc\u00dfe"}`: "changed-body/json-reserialised likely",
		signed + "\n":                          "unclear/ open",
		`{"id":8}`:                             "unclear/ open",
	} {
		host := "lambda.eu-west-2.amazonaws.com"
		canonical := "POST\n/\n\nhost:" + host + "\nx-amz-date:20261128T190748Z\n\nhost;x-amz-date\n" + signing.PayloadHash([]byte(arrived))
		message, _ := json.Marshal("The request signature we calculated does not match the signature you provided.\n\n" +
			"The Canonical String for this request should have been\n'" + canonical + "'\n\nThe String-to-Sign should have been\n" +
			"'AWS4-HMAC-SHA256\n20261128T190748Z\n20261128/eu-west-2/lambda/aws4_request\n" + signing.PayloadHash([]byte(canonical)) + "'")
		report := diagnosis.Diagnose(t.Context(), diagnosis.Input{RequestIs: diagnosis.AsSigned, Paste: "POST / HTTP/1.1\nHost: " + host +
			"\nX-Amz-Date: 20261128T190748Z\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/eu-west-2/lambda/" +
			"aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0a", 32) + "\n\n" + signed +
			"\n\nHTTP/1.1 403 Forbidden\n\n{\"message\":" + string(message) + "}"})
		v := report.Verdicts[0]
		if got := string(v.Cause) + "/" + v.Detail + " " + string(v.Certainty); got != want {
			t.Errorf("%q arrived: %s, want %s", arrived, got, want)
		}
	}
}
