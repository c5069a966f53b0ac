package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/sandbox"
)

// Random requests, signed over HTTP and sent over HTTP exactly as the response says, are all accepted by a gateway
// that verifies as AWS does.
func TestSignedRequests_AreAcceptedByTheGateway(t *testing.T) {
	const requests = 400
	aws := startSandbox(t)
	p := program{env: sandboxEnvironment(aws)}
	p.env["COUNTERSIGN_AUTH"], p.env["COUNTERSIGN_ADDRESS"], p.env["PORT"] = "none", "127.0.0.1", freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- p.run(ctx, "serve") }()
	defer func() { stop(); <-done }()
	service := "http://127.0.0.1:" + p.env["PORT"]
	waitFor(t, service+"/")
	for seed := range uint64(requests) {
		ask := randomRequest(rand.New(rand.NewPCG(seed, 0)), aws.GatewayURL)
		status, text := exchange(t, http.MethodPost, service+"/v1/sign", map[string]string{"Content-Type": "application/json"}, ask)
		if status != http.StatusOK {
			t.Fatalf("seed %d: %s: %d %s", seed, ask, status, text)
		}
		var signed struct {
			Method, URL, BodyBase64 string
			Body                    *string
			Headers                 map[string]string
		}
		if err := json.Unmarshal([]byte(text), &signed); err != nil {
			t.Fatal(err)
		}
		body, err := base64.StdEncoding.DecodeString(signed.BodyBase64)
		if err != nil {
			t.Fatal(err)
		}
		if signed.Body != nil {
			body = []byte(*signed.Body)
		}
		status, text = exchange(t, signed.Method, signed.URL, signed.Headers, string(body))
		var seen sandbox.Seen
		if err := json.Unmarshal([]byte(text), &seen); status != http.StatusOK || signed.Method != http.MethodHead && (err != nil ||
			seen.BodyLength != len(body)) {
			t.Fatalf("seed %d: %s\nwas signed as %s\nand answered %d %s", seed, ask, signed.URL, status, text)
		}
	}
}

// exchange sends to the address as it is written: net/url would write parts of it differently.
func exchange(t *testing.T, method, address string, headers map[string]string, body string) (int, string) {
	t.Helper()
	rest, found := strings.CutPrefix(address, "http://")
	slash := strings.IndexByte(rest, '/')
	if !found || slash < 0 {
		t.Fatalf("%s is not an address", address)
	}
	path, query, _ := strings.Cut(rest[slash:], "?")
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+rest[:slash], strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL = &url.URL{Scheme: "http", Host: rest[:slash], Opaque: path, RawQuery: query}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// randomRequest is a request as a caller may post it.
func randomRequest(r *rand.Rand, gateway string) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	text := func(pieces ...string) (out string) {
		for range r.IntN(6) {
			out += pick(pieces...)
		}
		return out
	}
	path := ""
	for range r.IntN(5) {
		path += "/" + pick(
			"", ".", "..", "%2e", "a", "B",
			text(
				"a", "~", "%7e", "%2F", "%2f", "%c3%bc", "ü", " ", "+", "=", ":", "@", "!", "$", "&", "'", "(", ")", "*", ",", ";", "%25",
				"%3A", "%3f", "日",
			),
		)
	}
	query := ""
	for i := range r.IntN(5) {
		query += pick("", "&", "&&") + fmt.Sprintf("&%s%d", text("a", "Z", "%61", "-", "ü", "%2B", "."), i) + pick(
			"", "=", "="+text("1", "%20", "+", "/", "=", ":", "%e2%82%ac", "~", "*", "'"),
		)
	}
	request := map[string]any{
		"method": pick(
			"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS",
		), "url": gateway + path + strings.Replace(query, "&", "?", 1), "service": "execute-api", "region": "eu-west-1",
	}
	if r.IntN(2) == 0 {
		request["query"] = map[string]string{"x" + text("a", " ", "&", "=", "ü", "/"): text("b", "%", "+", "\"", "日")}
	}
	headers := map[string]string{}
	for i := range r.IntN(4) {
		headers[fmt.Sprintf(pick("X-Amz-Meta-%d", "X-Custom-%d", "x-AMZ-%d"), i)] = text("a", "  ", "\t", ",", "\"q  q\"", ";", "=", "~")
	}
	if r.IntN(3) == 0 {
		headers["Content-Type"] = pick("application/json", "text/plain; charset=utf-8", "application/x-amz-json-1.0")
	}
	request["headers"] = headers
	switch method := request["method"]; {
	case method == "GET" || method == "HEAD":
	case r.IntN(4) == 0:
		request["body"] = text("Grüße", "\r\n", "\x00", "a", "{}")
	case r.IntN(3) == 0:
		request["body"] = map[string]any{"n": r.Float64(), "t": text("é", "\"", "\\"), "l": []any{nil, true, r.IntN(9)}}
	case r.IntN(2) == 0:
		request["bodyBase64"] = base64.StdEncoding.EncodeToString([]byte(text("\xff", "\x00", "x")))
	}
	if r.IntN(4) == 0 {
		request["options"] = map[string]any{"contentSha256Header": "always"}
	}
	if r.IntN(4) == 0 {
		request["signAllHeaders"] = true
	}
	document, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	return string(document)
}
