package handlers_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/endpoints"
	"countersign/handlers"
)

var links = flag.Int("links", 2_000, "how many random requests to link line by line; 100000 is the full run")

type linkedResponse struct {
	Warnings    []struct{ Code, Pointer string }
	Explanation struct {
		CanonicalRequest string
		Lines            []linkedLine
		NotSigned        []struct{ Name, From, Reason, Message string }
		Scope            struct{ ServiceFrom, RegionFrom, Why string }
	}
}

type linkedLine struct {
	Number           int
	Part, Name, Text string
	Redacted         bool
	How              []string
	Pieces, Removed  []linkedPiece
}

type linkedPiece struct {
	Text, From, By string
	At             []int
}

// checkLinks checks what an explanation promises: the lines are the canonical request, pieces join to their lines,
// positions are in the fields that they name, and each byte of the URL's path and query is in one piece or removed.
func checkLinks(t *testing.T, document map[string]any, got linkedResponse) {
	t.Helper()
	url := document["url"].(string)
	covered := make([]int, len(url))
	lines := make([]string, 0, len(got.Explanation.Lines))
	place := func(p linkedPiece) {
		if p.At == nil {
			return
		}
		value, ok := fieldAt(document, p.From).(string)
		if !ok || len(p.At) != 2 || p.At[0] < 0 || p.At[0] > p.At[1] || p.At[1] > len(value) {
			t.Fatalf("%v: %+v is not in %q", document, p, value)
		}
		for i := p.At[0]; p.From == "/url" && i < p.At[1]; i++ {
			covered[i]++
		}
	}
	for i, line := range got.Explanation.Lines {
		lines = append(lines, line.Text)
		joined := ""
		for _, p := range line.Pieces {
			joined += p.Text
			if p.From == "" && p.By == "" {
				t.Fatalf("%v: %+v comes from nowhere", document, p)
			}
			if line.Part == "path" || line.Part == "query" {
				place(p)
			}
		}
		for _, p := range line.Removed {
			place(p)
		}
		if joined != line.Text || line.Number != i+1 {
			t.Fatalf("%v: line %d of %d: the pieces %q are not the line %q", document, line.Number, i+1, joined, line.Text)
		}
	}
	if strings.Join(lines, "\n") != got.Explanation.CanonicalRequest {
		t.Fatalf("%v: the lines are not the canonical request:\n%s", document, got.Explanation.CanonicalRequest)
	}
	begin := strings.Index(url, "://") + 3
	if i := strings.IndexAny(url[begin:], "/?"); i >= 0 {
		begin += i
	} else {
		begin = len(url)
	}
	asked := false
	for i := begin; i < len(strings.TrimRight(url, " ")); i++ {
		divides := url[i] == '?' && !asked || url[i] == '&' && asked
		asked = asked || url[i] == '?'
		if want := map[bool]int{false: 1}[divides]; covered[i] != want {
			t.Fatalf("%v: byte %d of the URL, %q, is in %d pieces, want %d\n%+v", document, i, url[i], covered[i], want, got.Explanation.Lines[1:3])
		}
	}
}

// fieldAt is the value at a JSON Pointer.
func fieldAt(document any, pointer string) any {
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := document.(type) {
		case map[string]any:
			document = v[token]
		case map[string]string:
			document = v[token]
		case []map[string]string:
			var i int
			if _, err := fmt.Sscan(token, &i); err != nil || i >= len(v) {
				return nil
			}
			document = v[i]
		default:
			return nil
		}
	}
	return document
}

func TestExplanation_LinksEveryVector(t *testing.T) {
	server := newServer(t, withoutSession)
	server.handler = server.plain
	linked := 0
	for _, name := range []string{"sigv4.json", "sigv4a.json", "documentation.json"} {
		text, err := os.ReadFile(filepath.Join("..", "signing", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []officialVector }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, v := range file.Cases {
			for path, form := range map[string]bool{"/v1/sign": v.Header != nil, "/v1/presign": v.Presigned != nil} {
				if !form || strings.HasPrefix(v.Payload, "STREAMING-") {
					continue
				}
				document := v.document(t)
				w := server.post(path, encode(t, document))
				if w.Code != http.StatusOK {
					t.Fatalf("%s: %d %s", v.Name, w.Code, w.Body)
				}
				checkLinks(t, document, decodeAs[linkedResponse](t, w.Body))
				linked++
			}
		}
	}
	if linked != 144 {
		t.Errorf("%d vectors were linked, want 144", linked)
	}
}

func TestExplanation_LinksRandomRequests(t *testing.T) {
	server := newServer(t, nil)
	server.handler = server.plain
	r := rand.New(rand.NewPCG(20261129, 19))
	want := *links
	if testing.Short() {
		want /= 10
	}
	seen, tried := 0, 0
	for seen < want {
		if tried++; tried > 50*want {
			t.Fatalf("%d of %d random requests can be signed", seen, tried)
		}
		if tried%50_000 == 0 { // above the caller's share, since no time passes
			server = newServer(t, nil)
			server.handler = server.plain
		}
		document := hostileDocument(r)
		path := oneOf(r, "/v1/sign", "/v1/presign")
		w := server.post(path, encode(t, document))
		server.audit.list = server.audit.list[:0]
		server.log.Reset()
		if w.Code != http.StatusOK {
			continue
		}
		seen++
		checkLinks(t, document, decodeAs[linkedResponse](t, w.Body))
	}
	t.Logf("%d of %d random requests were signed", seen, tried)
}

// hostileDocument is a request with a path, a query and headers in every odd spelling.
func hostileDocument(r *rand.Rand) map[string]any {
	some := func(n int, parts ...string) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(oneOf(r, parts...))
		}
		return b.String()
	}
	host := oneOf(r, "sqs.eu-west-1.amazonaws.com", "bucket.s3.eu-west-1.amazonaws.com", "SQS.eu-west-1.amazonaws.com:443")
	url := oneOf(r, "https://", "HTTPS://", " https://") + host
	if r.IntN(8) > 0 {
		url += "/" + some(
			9, "a", "b/", "/", ".", "..", "/./", "/../", "%2e", "%2E%2e/", " ", "é", "%20", "%2f", "+", ":", "~", "%7e", "@", "日",
			"%25",
		)
	}
	if r.IntN(3) > 0 {
		url += "?" + some(9, "a=1", "&", "b", "=", "c=%20", "c=+", "é=ü", "d=/?", "%7e=~", "A=B", "a=1&", "x=%C3%A9", "&&")
	}
	document := map[string]any{"method": oneOf(r, "GET", "POST", "put"), "url": url + oneOf(r, "", "", " "), "explain": true}
	query, headers, list := map[string]string{}, map[string]string{}, []map[string]string{}
	for range r.IntN(3) {
		query[oneOf(r, "a", "é", "b c", "z/~", "A")] = oneOf(r, "", "1", "a b", "+", "%")
	}
	for range r.IntN(4) {
		headers[oneOf(
			r, "X-Tenant", "x-amz-meta-a", "Content-Type", "Accept", "X-Amz-Date", "Authorization", "a~b",
		)] = oneOf(r, "", " a  b ", "a,b", "\ta", "x")
	}
	for range r.IntN(3) {
		list = append(list, map[string]string{"name": oneOf(r, "X-Amz-Meta-A", "X-Tenant", "x-other"), "value": oneOf(r, "1", "2 ", " a   b")})
	}
	document["query"], document["headers"], document["headerList"] = query, headers, list
	switch r.IntN(5) {
	case 0:
		document["body"] = "text"
	case 1:
		document["bodyBase64"] = "AAEC"
	case 2:
		document["body"] = map[string]any{"$content-type": "image/png", "$content": "iVBORw0KGgo="}
	}
	document["signAllHeaders"] = r.IntN(3) == 0
	if r.IntN(6) == 0 {
		document["options"] = map[string]any{"normalizePath": r.IntN(2) == 0}
	}
	return document
}

// Each line is shown with how it was made and where it came from.
func TestExplanation_SaysHow(t *testing.T) {
	server := newServer(t, nil)
	w := server.post(
		"/v1/sign",
		`{"method":"post","url":"https://SQS.eu-west-1.amazonaws.com:443/a/../b c?b=2&a=1+x&&flag","headers":{"X-Amz-Target":"  Foo   bar ",`+
			`"Accept":"*/*","X-Tenant":"t","X-Amz-Date":"old"},"headerList":[{"name":"x-amz-meta-a","value":"1"},{"name":"X-Amz-Meta-A",`+
			`"value":"2"}],"signedHeaders":["x-tenant"],"explain":true}`,
	)
	got := decodeAs[linkedResponse](t, w.Body)
	var lines []string
	for _, l := range got.Explanation.Lines {
		text := l.Part
		if l.Name != "" {
			text += " " + l.Name
		}
		for _, how := range l.How {
			text += " " + how
		}
		text += ":"
		for _, p := range l.Pieces {
			if p.By != "signing" {
				text += fmt.Sprintf(" %s%s%v", p.From, p.By, p.At)
			}
		}
		lines = append(lines, text)
	}
	want := `method upper-case: /method[0 4]
path segments-removed encoded-twice: /url[44 48]
query empty-removed plus-is-space sorted equals-added: /url[53 58] /url[49 52] /url[60 64]
header host lower-case default-port-removed: /url[8 39]
header x-amz-date: clock[]
header x-amz-meta-a lower-case joined: /headerList/0/name[0 12] /headerList/0/value[0 1] /headerList/1/value[0 1]
header x-amz-security-token: session[]
header x-amz-target lower-case trimmed spaces-folded: /headers/X-Amz-Target[] /headers/X-Amz-Target[0 12]
header x-tenant lower-case: /headers/X-Tenant[] /headers/X-Tenant[0 1]
blank:
signed-headers sorted: /urlhost[] clock[] /headerList/0/name[0 12] session[] /headers/X-Amz-Target[] /headers/X-Tenant[]
payload-hash empty-hash: hash[]`
	if joined := strings.Join(lines, "\n"); joined != want {
		t.Errorf("got\n%s\nwant\n%s", joined, want)
	}
	if got := fmt.Sprint(got.Explanation.NotSigned); !strings.Contains(got, "{Accept /headers/Accept fragile It is dropped") ||
		!strings.Contains(got, "{X-Amz-Date /headers/X-Amz-Date replaced") {
		t.Errorf("not signed: %s", got)
	}
	pointers := map[string]string{}
	for _, warned := range got.Warnings {
		pointers[warned.Code] = warned.Pointer
	}
	for code, pointer := range map[string]string{
		"method_uppercased": "/method", "plus_is_space": "/url", "header_fragile": "/headers/Accept",
		"header_replaced": "/headers/X-Amz-Date", "header_repeated": "", "path_normalized": "/url",
	} {
		if pointers[code] != pointer {
			t.Errorf("%s points to %q, want %q", code, pointers[code], pointer)
		}
	}
}

func TestExplanation_SaysWhoGaveTheScope(t *testing.T) {
	hosts, err := endpoints.NewHosts([]endpoints.HostRule{{Pattern: "api.example.com", Service: "execute-api", Region: "eu-west-1"}})
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Hosts = map[string]*endpoints.Hosts{"orders": hosts} })
	for request, want := range map[string]string{
		`"url":"https://sqs.eu-west-1.amazonaws.com/"`: "host host the host names the service " +
			"sqs and the region eu-west-1",
		`"url":"https://sqs.eu-west-1.amazonaws.com/","service":"sns"`: "given host the host names the service " +
			"sqs and the region eu-west-1",
		`"url":"https://sqs.eu-west-1.amazonaws.com/","service":"sqs","region":"eu-west-1"`: "given given The request gives service and region.",
		`"url":"https://api.example.com/"`: "profile profile the host pattern " +
			"api.example.com in the configuration says so",
	} {
		for _, path := range []string{"/v1/sign", "/v1/presign"} {
			s := decodeAs[linkedResponse](t, server.post(path, `{"method":"GET",`+request+`,"explain":true}`).Body).Explanation.Scope
			if got := s.ServiceFrom + " " + s.RegionFrom + " " + s.Why; got != want {
				t.Errorf("%s: got %q, want %q", request, got, want)
			}
		}
	}
}

// Without explain, warnings have no pointers.
func TestExplanation_OnlyExplainAddsPointers(t *testing.T) {
	server := newServer(t, nil)
	w := server.post("/v1/sign", `{"method":"post","url":"https://sqs.eu-west-1.amazonaws.com/"}`)
	if body := w.Body.String(); strings.Contains(body, "pointer") || !strings.Contains(body, "method_uppercased") {
		t.Error(body)
	}
}
