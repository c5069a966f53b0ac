package sending_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/sending"
	"countersign/signing"
)

// private are headers that concern a connection, identify the client or carry
// credentials, spelled as their senders do.
var private = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Expect",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "proxy-anything",
	"Forwarded", "Via", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-client-cert",
	"X-Real-IP", "Client-IP", "X-Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP",
	"X-Original-URL", "X-Original-Host", "X-ARR-SSL", "X-ARR-LOG-ID", "X-MS-CLIENT-PRINCIPAL", "x-ms-workflow-run-id", "X-Azure-FDID",
	"X-Functions-Key", "X-API-Key", "x-api-key", "Authorization", "authorization", "Cookie", "Cookie2",
	"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Region-Set", "Host", "Content-Length",
	"X-Company-Key", // by Drop
}

const canary = "CANARY-EXAMPLE"

// TestHeaders_OutDropsPrivateHeaders sends each of them over the wire, as a proxy
// would: alone, in other cases, and named by Connection.
func TestHeaders_OutDropsPrivateHeaders(t *testing.T) {
	h := sending.Headers{Drop: []string{"x-company-key"}}
	saw := make(chan []string, 1)
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			_, headers, err := readHead(r)
			if err != nil {
				return
			}
			saw <- headers
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	send := func(name string, client http.Header) {
		t.Helper()
		client["X-Amz-Meta-Stays"] = []string{"stays"}
		out := h.Out(client)
		a, err := c.Send(t.Context(), message{method: "GET", url: "http://" + server.host() + "/", headers: out}.request(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		readAll(t, a)
		headers := <-saw
		for _, line := range headers {
			if strings.Contains(line, canary) {
				t.Errorf("%s reached the server: %q", name, line)
			}
		}
		if valuesOf(headers, "X-Amz-Meta-Stays") == nil {
			t.Errorf("%s: another header was lost: %q", name, headers)
		}
	}
	for _, name := range private {
		for _, spelled := range []string{name, http.CanonicalHeaderKey(name), strings.ToLower(name)} {
			send(name, http.Header{spelled: {canary}})
			send(name+", twice", http.Header{spelled: {canary, "a", canary}})
			send(name+", named by Connection", http.Header{spelled: {canary}, "Connection": {"close, " + spelled}})
		}
	}
	for _, named := range []string{"X-Anything", "X-Amz-Meta-A", "Content-Type", "Content-Md5", "X-Amz-Content-Sha256", "Range"} {
		send(named+", named by Connection", http.Header{named: {canary}, "Connection": {strings.ToLower(named) + ",close", "x"}})
	}
	if len(private) < 40 {
		t.Errorf("only %d headers", len(private))
	}
}

func TestHeaders_OutKeepsTheRest(t *testing.T) {
	client := http.Header{
		"Content-Type": {"text/plain"}, "X-Amz-Target": {"DynamoDB.Query"}, "X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}, "Content-Md5": {"x"},
		"User-Agent": {"curl/8"}, "Range": {"bytes=0-1"}, "Accept": {"a", "b"}, "If-None-Match": {"x"}, "X-Amzn-Trace-Id": {"Root=1"},
		"Amz-Sdk-Request": {"attempt=1"}, "Origin": {"https://a"}, "Sec-Websocket-Key": {"k"}, "Cookie": {"a=1", "b=2"},
		"Content-Encoding": {"aws-chunked"}, "Idempotency-Key": {"k"}, "X-Ms": {"1"}, "Viax": {"1"},
	}
	out := sending.Headers{}.Out(client)
	for name, values := range client {
		var got []string
		for _, h := range out {
			if h.Name == name {
				got = append(got, h.Value)
			}
		}
		if want := values; name != "Cookie" && !slices.Equal(got, want) || name == "Cookie" && got != nil {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := (sending.Headers{Cookies: true}).Out(http.Header{"Cookie": {"a=1", "b=2"}}); len(got) != 1 || got[0].Value != "a=1; b=2" {
		t.Errorf("cookies: %q", got)
	}
	if !slices.IsSortedFunc(out, func(a, b signing.Header) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	got := sending.Signed(append(out, signing.Header{Name: "content-type", Value: "x"}))
	if !slices.Equal(got, []string{"content-md5", "content-type"}) {
		t.Errorf("Signed = %q", got)
	}
}

func TestHeaders_Back(t *testing.T) {
	response := func() http.Header {
		return http.Header{
			"Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "Keep-Alive": {"1"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"},
			"Proxy-Authenticate": {"1"}, "Alt-Svc": {"h3"}, "Strict-Transport-Security": {"1"}, "Set-Cookie": {"a"}, "X-Amz-Id-2": {"1"},
			"Access-Control-Allow-Origin": {"*"}, "Location": {"/"}, "Trailer": {"X"},
		}
	}
	for name, row := range map[string]struct {
		headers sending.Headers
		status  int
		stays   []string
	}{
		"https": {
			sending.Headers{}, 200, []string{"Access-Control-Allow-Origin", "Location", "Strict-Transport-Security", "X-Amz-Id-2"},
		},
		"http": {sending.Headers{Plain: true}, 200, []string{"Access-Control-Allow-Origin", "Location", "X-Amz-Id-2"}},
		"cookies": {
			sending.Headers{Plain: true, Cookies: true},
			200,
			[]string{"Access-Control-Allow-Origin", "Location", "Set-Cookie", "X-Amz-Id-2"},
		},
		"another protocol": {
			sending.Headers{Plain: true},
			101,
			[]string{"Access-Control-Allow-Origin", "Connection", "Location", "Upgrade", "X-Amz-Id-2"},
		},
	} {
		h := response()
		row.headers.Back(h, row.status)
		var stays []string
		for name := range h {
			stays = append(stays, name)
		}
		slices.Sort(stays)
		if !slices.Equal(stays, row.stays) {
			t.Errorf("%s: %q stay, want %q", name, stays, row.stays)
		}
	}
}

// A hop-by-hop header among the signed ones is the caller's mistake, and is not silently
// dropped.
func TestSend_RefusesConnectionHeaders(t *testing.T) {
	c := newClient(t, sending.Options{})
	for _, name := range []string{"Connection", "transfer-encoding", "Te", "Trailer", "Upgrade", "Expect", "Keep-Alive"} {
		_, err := c.Send(
			t.Context(),
			message{method: "GET", url: "https://a.example/", headers: []signing.Header{{Name: name, Value: "x"}}}.request(t),
		)
		wantError(t, err, sending.ErrUnsendable)
	}
}
