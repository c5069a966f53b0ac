package reading

import (
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// refusedCase is a refusal with its request, given as fields or as a paste.
type refusedCase struct {
	ID            string
	Request, Sent *caseMessage
	Response      *caseMessage
	Paste         string
	MustNotLeak   []string
}

type caseMessage struct {
	Method, URL string
	Status      int
	Headers     []pair
	Body        *string
	BodyBase64  *string
}

func (m *caseMessage) body() string {
	switch {
	case m == nil:
		return ""
	case m.BodyBase64 != nil:
		decoded, _ := base64.StdEncoding.DecodeString(*m.BodyBase64)
		return string(decoded)
	case m.Body != nil:
		return *m.Body
	}
	return ""
}

// sample returns the case as a sample to write in many forms. A field that ends with a line feed loses it if a form
// cannot tell what the line feed belongs to.
func (c *refusedCase) sample(request *caseMessage) *sample {
	s := &sample{Method: "GET", URL: "https://h.example/"}
	if request != nil {
		s = &sample{Method: request.Method, URL: request.URL, Headers: request.Headers, Body: request.body()}
	}
	if c.Response != nil {
		s.Status, s.ResponseHeaders, s.Content = c.Response.Status, c.Response.Headers, c.Response.body()
	}
	return s
}

func readCases(t testing.TB) []refusedCase {
	var cases []refusedCase
	readJSONFile(t, "testdata/cases.json", &cases)
	if len(cases) != 60 {
		t.Fatalf("%d cases", len(cases))
	}
	return cases
}

func TestRead_CasesInEveryForm(t *testing.T) {
	read := 0
	for _, c := range readCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			for _, request := range []*caseMessage{c.Request, c.Sent} {
				if c.Paste != "" || request == nil && (request == c.Sent && c.Request != nil || c.Response == nil) {
					continue
				}
				s := c.sample(request)
				for i := range writtenForms {
					if f := &writtenForms[i]; f.can(s) {
						own := *s
						checkSample(t, f, f.write(rand.New(rand.NewPCG(1, uint64(i))), &own), &own)
						read++
					}
				}
			}
			if c.Response != nil {
				checkRefusal(t, &c)
			}
		})
	}
	if read < 700 {
		t.Errorf("only %d readings were compared", read)
	}
}

// checkRefusal reads the response as HTTP and as a bare body, and compares what was found with a plain search of the
// body for the tags.
func checkRefusal(t *testing.T, c *refusedCase) {
	t.Helper()
	s := c.sample(c.Request)
	http := Read(writeHTTP(nil, s))
	bare := Read(s.Content)
	for name, f := range map[string]*Refusal{"with headers": http.Refusal(), "alone": bare.Refusal()} {
		if f == nil {
			t.Errorf("%s: no refusal in %q", name, s.Content)
			continue
		}
		if f.Message.Len() == 0 {
			t.Errorf("%s: no message", name)
		}
		if strings.Contains(s.Content, "<Code>") && !strings.Contains(s.Content, "<Code>"+f.Code.Text()+"</Code>") {
			t.Errorf("%s: code %q", name, f.Code.Text())
		}
		for _, tag := range []string{"CanonicalRequest", "StringToSign"} {
			value := map[string]Value{"CanonicalRequest": f.CanonicalRequest, "StringToSign": f.StringToSign}[tag]
			if strings.Contains(s.Content, "<"+tag+">") != (value.Len() > 0) && !strings.Contains(s.Content, "should have been") {
				t.Errorf("%s: %s %q", name, tag, value.Text())
			}
		}
		if f.CanonicalRequest.Len() > 0 && f.Whole != WholeYes {
			t.Errorf("%s: the canonical request is %s: %q %q", name, f.Whole, f.CanonicalRequest.Text(), f.StringToSign.Text())
		}
	}
	for _, h := range s.ResponseHeaders {
		if strings.EqualFold(h.Name, "x-amzn-errortype") && http.Refusal() != nil && http.Refusal().Code.Text() != h.Value {
			t.Errorf("code %q, the header says %q", http.Refusal().Code.Text(), h.Value)
		}
	}
}

// The six cases that are pastes, and what must be found in each.
func TestRead_PastedCases(t *testing.T) {
	want := map[string]struct {
		form         Form
		method, code string
		status       int
		says         string
		whole        Whole
	}{
		"charset-appended-logic-apps-paste-la": {FormLogicApps, "POST", "InvalidSignatureException", 403, "mismatch", WholeYes},
		"seed003-format-of-value":              {FormText, "", "", 0, "client-refused-header", WholeUnknown},
		"content-md5-dropped-paste-la-xml":     {FormLogicApps, "PUT", "SignatureDoesNotMatch", 403, "mismatch", WholeYes},
		"path-once-paste-curl":                 {FormCurlTrace, "GET", "InvalidSignatureException", 403, "mismatch", WholeYes},
		"acl-not-signed-paste-http":            {FormHTTP, "PUT", "AccessDenied", 403, "headers-not-signed", WholeUnknown},
		"secret-other-paste-browser":           {FormText, "", "SignatureDoesNotMatch", 0, "mismatch", WholeYes},
	}
	for _, c := range readCases(t) {
		if c.Paste == "" {
			continue
		}
		w, ok := want[c.ID]
		if !ok {
			t.Errorf("%s: nothing is expected of this paste", c.ID)
			continue
		}
		r := Read(c.Paste)
		checkReading(t, c.Paste, &r)
		if len(r.Exchanges) != 1 {
			t.Fatalf("%s: %d exchanges", c.ID, len(r.Exchanges))
		}
		e := r.Exchanges[0]
		method := ""
		if e.Request != nil {
			method = e.Request.Method.Text()
		}
		f := e.Refusal
		if e.Form != w.form || method != w.method || f.Code.Text() != w.code || f.Status != w.status || f.Whole != w.whole ||
			!slices.ContainsFunc(f.Says, func(s Saying) bool { return s.ID == w.says }) {
			t.Errorf("%s: %s %s %s %d %v %s", c.ID, e.Form, method, f.Code.Text(), f.Status, f.Says, f.Whole)
		}
	}
}

// realRefusal is an AWS response that was reported in public.
type realRefusal struct {
	Source  string
	Status  int
	Code    string
	Headers []pair
	Body    string
}

func TestRead_AWSRefusalsHaveCodeAndMessage(t *testing.T) {
	var refusals []realRefusal
	readJSONFile(t, "testdata/refusals.json", &refusals)
	if len(refusals) != 30 {
		t.Fatalf("%d refusals", len(refusals))
	}
	r := rand.New(rand.NewPCG(3, 3))
	for _, real := range refusals {
		t.Run(real.Source, func(t *testing.T) {
			checkReal(t, "alone", real.Body, real.Code, false)
			// With the header that names the code, as AWS's JSON services send it.
			s := &sample{Method: "POST", URL: "https://h.example/", Status: real.Status, Content: real.Body}
			s.ResponseHeaders = slices.Clone(real.Headers)
			if real.Code != "" && !strings.Contains(real.Body, real.Code) &&
				!slices.ContainsFunc(s.ResponseHeaders, func(h pair) bool { return strings.EqualFold(h.Name, "x-amzn-errortype") }) {
				namespace := ":http://internal.amazon.com/coral/com.amazon.coral.service/"
				s.ResponseHeaders = append(s.ResponseHeaders, pair{"x-amzn-ErrorType", real.Code + namespace})
			}
			for i := range writtenForms {
				f := &writtenForms[i]
				if f.response && f.can(s) && f.name != "logic apps, binary" {
					checkReal(t, f.name, f.write(r, s), real.Code, true)
				}
			}
		})
	}
}

func checkReal(t *testing.T, name, paste, code string, named bool) {
	t.Helper()
	r := Read(paste)
	checkReading(t, paste, &r)
	f := r.Refusal()
	if f == nil || f.Message.Len() == 0 {
		t.Errorf("%s: no message", name)
		return
	}
	usual := false
	for _, s := range f.Says {
		usual = usual || slices.Contains(s.Codes, code)
	}
	if f.Code.Text() != code && (named || f.Code.Len() > 0 || code != "" && !usual) {
		t.Errorf("%s: code %q, want %q (or one of %v)", name, f.Code.Text(), code, f.Says)
	}
}
