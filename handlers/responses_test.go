package handlers_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
)

var update = flag.Bool("update", false, "rewrite testdata/responses.txt")

// The responses of all operations, byte for byte: what callers read must not change by accident. With -update the
// test rewrites them; the difference is then part of the change, and reviewed.
func TestResponses_StayAsTheyAre(t *testing.T) {
	text, err := os.ReadFile("testdata/requests/policies.cedar")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.NewPolicy("policies.cedar", text)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) {
		o.Policy, o.AllowCredentials, o.AllowSigningTime = policy, true, true
	})
	server.handler = server.plain // some of the requests violate the contract on purpose
	var got bytes.Buffer
	n := 0
	ask := func(method, path, body string) string {
		n++
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") // otherwise each trace has a new id
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
		}
		before := len(server.audit.list)
		w := server.do(r)
		fmt.Fprintf(&got, "%s %s %s\n%d %s\n%s\n", method, path, body, w.Code, w.Header().Get("Content-Type"), w.Body)
		for _, record := range server.audit.list[before:] {
			fmt.Fprintf(&got, "record %s\n", encode(t, record))
		}
		got.WriteByte('\n')
		return w.Body.String()
	}
	askAll(t, ask)
	if n < 200 {
		t.Errorf("%d requests, want at least 200", n)
	}
	const name = "testdata/responses.txt"
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Split(string(want), "\n\n")
	for i, response := range strings.Split(got.String(), "\n\n") {
		if i >= len(wanted) || response != wanted[i] {
			t.Errorf("response %d differs:\n%s\n\nit was\n%s", i, response, append(wanted, "nothing")[min(i, len(wanted))])
		}
	}
}

// askAll sends requests to every operation, valid ones and ones that it refuses.
func askAll(t *testing.T, ask func(method, path, body string) string) {
	signable := readLines(t, "testdata/requests/signable.txt")
	malformed := []string{"", "[]", "null", "method=GET", `{"method":"GET"`, "{}{}", "{\"method\":\"\xff\"}"}
	for _, body := range slices.Concat(signable, readLines(t, "testdata/requests/refused.txt"), malformed) {
		ask("POST", "/v1/sign", body)
	}
	for _, body := range signable {
		ask("POST", "/v1/presign", body)
		ask("POST", "/v1/presign", strings.TrimSuffix(body, "}")+`,"expiresInSeconds":86400}`)
	}
	for _, body := range signable[:12] {
		response := ask("POST", "/v1/steps/canonical-request", body)
		for _, step := range []string{"string-to-sign", "signature", "authorization"} {
			response = ask("POST", "/v1/steps/"+step, response)
		}
	}
	for _, operation := range []string{"verify", "s3/post-policy", "tokens", "read", "diagnose", "snippets"} {
		for _, body := range readLines(t, "testdata/requests/"+path.Base(operation)+".txt") {
			ask("POST", "/v1/"+operation, body)
		}
	}
	ask("POST", "/v1/payload-hash", `{"a":1}`)
	ask("POST", "/v1/payload-hash", ``)
	for _, path := range []string{
		"/", "/livez", "/readyz", "/v1/profiles", "/v1/identity", "/v1/identity?profile=billing", "/v1/nothing", "/v1/sign",
		"/v1/scope?url=https://sqs.eu-west-1.amazonaws.com/", "/v1/scope?url=https://s3.amazonaws.com/b/k",
		"/v1/scope?url=https://example.com/", "/v1/scope",
	} {
		ask("GET", path, "")
	}
	ask("PUT", "/v1/sign", "{}")
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
