//go:build peers

package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/peers"
	"countersign/signing"
)

// service is Countersign, run as usual in front of the gateway.
type service struct {
	url     string
	gateway *gateway
}

func startService(t *testing.T) *service {
	t.Helper()
	program := filepath.Join(t.TempDir(), "countersign")
	if out, err := exec.Command("go", "build", "-o", program, "../../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	g := startGateway(t)
	address := peers.Address(t)
	host, port, _ := strings.Cut(address, ":")
	server := exec.Command(
		program, "serve", "--auth", "none", "--address", host, "--port", port, "--http-hosts", strings.TrimPrefix(g.url, "http://"),
	)
	server.Env = []string{"AWS_ACCESS_KEY_ID=" + root.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + root.SecretAccessKey(), "AWS_REGION=us-east-1"}
	s := &service{"http://" + address, g}
	peers.Start(t, server, s.url+"/readyz")
	return s
}

// ask posts a request, which must succeed.
func (s *service) ask(t *testing.T, path string, question map[string]any, into any) {
	t.Helper()
	document, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(s.url+path, "application/json", bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", path, document, response.StatusCode, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}

// toSend is the service's response: the request to send.
type toSend struct {
	Method, URL      string
	Headers          map[string]string
	Body, BodyBase64 *string
}

func (r toSend) send(t *testing.T) serverResponse {
	t.Helper()
	body := ""
	switch {
	case r.Body != nil:
		body = *r.Body
	case r.BodyBase64 != nil:
		raw, err := base64.StdEncoding.DecodeString(*r.BodyBase64)
		if err != nil {
			t.Fatal(err)
		}
		body = string(raw)
	}
	request, err := http.NewRequest(r.Method, r.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	return send(t, request)
}

// through lets the service sign a request with one of its operations, and sends it.
func (s *service) through(t *testing.T, path, method, target string, more map[string]any) serverResponse {
	t.Helper()
	question := map[string]any{"method": method, "url": s.gateway.url + target, "service": "s3", "region": "us-east-1"}
	for name, value := range more {
		question[name] = value
	}
	var r toSend
	s.ask(t, path, question, &r)
	a := r.send(t)
	if a.status/100 != 2 {
		t.Fatalf("%s %s: %d %s", r.Method, r.URL, a.status, a.body)
	}
	return a
}

func TestServiceBeforeGateway(t *testing.T) {
	s := startService(t)
	for _, key := range keys {
		target, text := bucket+"/"+key, "the object "+key
		s.through(
			t, "/v1/sign", "PUT", target,
			map[string]any{"body": text, "headers": map[string]any{"X-Amz-Meta-Note": " two   words", "Content-Type": "text/plain"}},
		)
		got := s.through(t, "/v1/sign", "GET", target, nil)
		if got.body != text || got.header.Get("X-Amz-Meta-Note") != "two   words" || got.header.Get("Content-Type") != "text/plain" {
			t.Errorf("GET %s = %q %v", target, got.body, got.header)
		}
		s.through(
			t, "/v1/presign", "PUT", target,
			map[string]any{"expiresInSeconds": 60, "bodyBase64": base64.StdEncoding.EncodeToString([]byte("\x00\xff" + text))},
		)
		if got := s.through(t, "/v1/presign", "GET", target, map[string]any{
			"query": map[string]any{"response-content-type": "x/y+z"},
		}); got.body != "\x00\xff"+text || got.header.Get("Content-Type") != "x/y+z" {
			t.Errorf("GET %s = %q as %q", target, got.body, got.header.Get("Content-Type"))
		}
		s.through(t, "/v1/sign", "DELETE", target, map[string]any{"payload": "unsigned"})
	}
}

func TestServiceSignsUploads(t *testing.T) {
	s := startService(t)
	var form struct {
		URL       string
		FieldList []signing.Parameter
	}
	s.ask(t, "/v1/s3/post-policy", map[string]any{
		"bucket": strings.TrimPrefix(bucket, "/"), "key": "up/two words", "region": "us-east-1", "url": s.gateway.url + bucket,
		"fields": map[string]any{"x-amz-meta-note": "ünïcödé"}, "startsWith": map[string]any{"Content-Type": "text/"}, "maxLength": 10,
	}, &form)
	fields := append(form.FieldList, signing.Parameter{Name: "Content-Type", Value: "text/plain"})
	for file, code := range map[string]string{"0123456789": "", "0123456789x": "EntityTooLarge"} {
		if a := send(t, s.gateway.form(t, fields, file)); a.code() != code {
			t.Errorf("%d bytes: %d %s", len(file), a.status, a.body)
		}
	}
	if got := s.through(t, "/v1/sign", "GET", bucket+"/up/two words", nil); got.body != "0123456789" {
		t.Errorf("the file is %q", got.body)
	}
}

// The four steps one by one: each uses the response of the one before.
func TestServiceStepsBeforeGateway(t *testing.T) {
	s := startService(t)
	passed := map[string]any{
		"method": "PUT", "url": s.gateway.url + bucket + "/four steps?tagging", "service": "s3", "region": "us-east-1",
		"body": `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`,
	}
	s.through(t, "/v1/sign", "PUT", bucket+"/four steps", nil)
	for _, step := range []string{"canonical-request", "string-to-sign", "signature"} {
		answered := map[string]any{}
		s.ask(t, "/v1/steps/"+step, passed, &answered)
		passed = answered
	}
	var r toSend
	s.ask(t, "/v1/steps/authorization", passed, &r)
	if a := r.send(t); a.status != http.StatusOK {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, a.status, a.body)
	}
}
