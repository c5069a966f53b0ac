package handlers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const (
	aQueue  = "https://sqs.eu-west-1.amazonaws.com/"
	aBucket = "https://examplebucket.s3.eu-west-1.amazonaws.com/"
	anAPI   = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/"
)

// request is a document to post, with the fields that a test is about.
func request(method, target string, fields map[string]any) string {
	document := map[string]any{"method": method, "url": target}
	for name, value := range fields {
		document[name] = value
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// signRight signs, and compares the signature with two computations over what is sent.
func (s *testServer) signRight(body string) signResponse {
	s.t.Helper()
	signed := s.sign(body)
	style := strings.HasPrefix(signed.Service, "s3")
	verifyAgain(s.t, signed, style)
	if want := independent(signed, style, pieces(signed.URL), signed.PayloadSha256); !strings.HasSuffix(signed.Authorization,
		"Signature="+want) {
		s.t.Errorf("%s\nis signed by %s,\nwant %s", body, signed.Authorization, want)
	}
	return signed
}

// presignRight is signRight for a URL.
func (s *testServer) presignRight(body string) presigned {
	s.t.Helper()
	signed := s.presign(body)
	like := signResponse{Method: signed.Method, URL: signed.URL, SignedHeaders: signed.SignedHeaders, Service: "s3", Region: "eu-west-1"}
	for name, value := range signed.Headers {
		like.HeaderList = append(like.HeaderList, struct{ Name, Value string }{name, value})
	}
	verifyAgain(s.t, like, true)
	unsigned, signature, _ := strings.Cut(signed.URL, "&X-Amz-Signature=")
	if want := independent(like, true, pieces(unsigned), signed.PayloadSha256); signature != want {
		s.t.Errorf("%s: want the signature %s", signed.URL, want)
	}
	return signed
}

// warns checks that a response has a warning with this code, or none.
func (a signResponse) warns(t *testing.T, code string) {
	t.Helper()
	if code == "" && len(a.Warnings) > 0 || code != "" && !slices.Contains(a.warningCodes(), code) {
		t.Errorf("%s: got warnings %v, want %q", a.URL, a.Warnings, code)
	}
	for _, w := range a.Warnings {
		if !strings.HasSuffix(w.Message, ".") || len(w.Message) < 40 {
			t.Errorf("the message of %s says too little: %q", w.Code, w.Message)
		}
	}
}

func warningCodesOf(p presigned) []string { return signResponse{Warnings: p.Warnings}.warningCodes() }
