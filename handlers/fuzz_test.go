package handlers_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/signing"
)

// inputRequest is a request that the fuzzer makes up.
type inputRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Query   map[string]string `json:"query,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Service string            `json:"service,omitempty"`
	Region  string            `json:"region,omitempty"`
}

func seed(f *testing.F) {
	for _, target := range []string{
		"https://sqs.eu-west-1.amazonaws.com/", "https://sqs.eu-west-1.amazonaws.com/a/../b//c%2Fd?x=1&y=2+3&" +
			"z", "https://examplebucket.s3.eu-west-1.amazonaws.com/a//b c%zz", "https://examplebucket.s3.amazonaws.com/%2e%2e/x",
		"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com:443/prod/ü?ä=ö#f",
		"https://user:pass@sqs.eu-west-1.amazonaws.com\\@evil.example/", "https://sqs.eu-west-1.amazonaws.com:8443/?a=b;c", "https://[::1]/",
		"http://x/", "https://sqs.eu-west-1.amazonaws.com?X-Amz-Date=1&=b",
	} {
		f.Add(target, "X-Amz-Target", " a  b ", "q", "v/w", "body", "")
		f.Add(target, "Host", "evil.example", "X-Amz-Signature", "\r\n", "", "s3")
		f.Add(target, "x-a\r\n", "1\r\nx: 2", "", "\x00", "{}", "execute-api")
	}
}

// document makes the request to post.
func document(target, name, value, parameter, parameterValue, body, service string) inputRequest {
	in := inputRequest{
		Method: "POST", URL: target, Headers: map[string]string{name: value, "X-Amz-Meta-Fixed": "1"},
		Query: map[string]string{parameter: parameterValue}, Body: body, Service: service,
	}
	if parameter == "" {
		in.Query = nil
	}
	if service != "" {
		in.Region = "eu-west-1"
	}
	return in
}

// signOnce posts the document and checks what must hold for every response. It returns false if there is nothing to
// send.
func signOnce(t *testing.T, server *testServer, path string, in inputRequest) (signed signResponse, ok bool) {
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	server.t, server.handler = t, server.plain
	server.log.Reset()
	server.audit.list = server.audit.list[:0]
	w := server.post(path, string(text))
	if w.Code == http.StatusTooManyRequests { // the clock stands still
		return signed, false
	}
	if w.Code != http.StatusOK {
		if got := server.problem(w, w.Code); w.Code >= 500 || got.Code == "" || got.Hint == "" {
			t.Fatalf("%s: %d %s\n%s", text, w.Code, w.Body, server.log)
		}
		return signed, false
	}
	signed = decodeAs[signResponse](t, w.Body)
	sent := signed.Method + signed.URL
	for _, h := range signed.HeaderList {
		sent += h.Name + h.Value
	}
	if strings.ContainsAny(sent, "\r\n\x00") {
		t.Fatalf("%s: the response holds a line break: %q", text, sent)
	}
	decided := server.audit.list[len(server.audit.list)-1]
	_, rest, _ := strings.Cut(signed.URL, "://")
	if host := rest[:strings.IndexByte(rest, '/')]; host != decided.Host || decided.Decision != "allow" ||
		decided.Service != signed.Service || decided.Region != signed.Region {
		t.Fatalf("%s: %s is in the response, %+v was decided", text, signed.URL, decided)
	}
	if path, _, _ := strings.Cut(rest[len(decided.Host):], "?"); path != decided.Path {
		t.Fatalf("%s: %s is in the response, the path %s was decided", text, signed.URL, decided.Path)
	}
	if got := dotNet(signed.URL); got != signed.URL {
		t.Fatalf("%s: .NET would send %s instead of %s", text, got, signed.URL)
	}
	return signed, true
}

// dotNet is what System.Uri makes of an address before Logic Apps or any .NET client sends it: escapes of unreserved
// characters are decoded, others are written in capitals, and then dot segments are removed (RFC 3986 sections 6.2.2
// and 5.2.4).
func dotNet(address string) string {
	var b strings.Builder
	for i := 0; i < len(address); i++ {
		if address[i] != '%' || i+2 >= len(address) {
			b.WriteByte(address[i])
			continue
		}
		if c, err := hex.DecodeString(address[i+1 : i+3]); err == nil &&
			strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c[0]) >= 0 {
			b.WriteByte(c[0])
		} else {
			b.WriteString(strings.ToUpper(address[i : i+3]))
		}
		i += 2
	}
	address, query, asked := strings.Cut(b.String(), "?")
	begin := strings.Index(address, "://") + 3
	begin += strings.IndexByte(address[begin:], '/')
	var kept []string
	segments := strings.Split(address[begin+1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	address = address[:begin+1] + strings.Join(kept, "/")
	if asked {
		address += "?" + query
	}
	return address
}

func TestDotNetIsImitated(t *testing.T) {
	for given, want := range map[string]string{
		"https://h/": "https://h/", "https://h/a/../b/./c": "https://h/b/c", "https://h/a//b/": "https://h/a//b/",
		"https://h/%7eu%2fx%c3": "https://h/~u%2Fx%C3", "https://h/a/%2e%2e/b?c=%7e/../d": "https://h/b?c=~/../d", "https://h/a/..": "https://h/",
	} {
		if got := dotNet(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}

// verifyAgain verifies a response as a received request, with package signing.
func verifyAgain(t testing.TB, signed signResponse, style bool) {
	t.Helper()
	target, _, err := signing.ParseURL(signed.URL, nil)
	if err != nil || target.String() != signed.URL {
		t.Fatalf("%s is read as %s, %v", signed.URL, target, err)
	}
	received := &signing.Received{Method: signed.Method, URL: target}
	if signed.Body != nil {
		received.PayloadHash = signing.PayloadHash([]byte(*signed.Body))
	} else if signed.PayloadSha256 != signing.UnsignedPayload {
		received.PayloadHash = signed.PayloadSha256
	}
	for _, h := range signed.HeaderList {
		received.Headers = append(received.Headers, signing.Header{Name: h.Name, Value: h.Value})
	}
	v := signing.Verify(
		received,
		&signing.Expected{
			Credentials: signing.NewCredentials(accessKeyID, secretKey, token), SingleEncode: style, S3Style: style, Time: signedAt,
		},
	)
	if !v.Valid() {
		t.Fatalf("%s %s: %+v\n%s", signed.Method, signed.URL, v.Mismatches, v.CanonicalRequest)
	}
}

// independent computes the signature of a response from what is sent, using only the documented algorithm.
func independent(signed signResponse, style bool, query []string, payloadHash string) string {
	_, rest, _ := strings.Cut(signed.URL, "://")
	host, path := rest[:strings.IndexByte(rest, '/')], rest[strings.IndexByte(rest, '/'):]
	path, _, _ = strings.Cut(path, "?")
	if !style {
		path = strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(path), "+", "%20"), "%2F", "/")
		path = strings.ReplaceAll(path, "%7E", "~")
	}
	slices.SortFunc(query, func(a, b string) int {
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if an != bn {
			return strings.Compare(an, bn)
		}
		return strings.Compare(av, bv)
	})
	text := signed.Method + "\n" + path + "\n" + strings.Join(query, "&") + "\n"
	for _, name := range signed.SignedHeaders {
		value := host
		for _, h := range signed.HeaderList {
			if strings.EqualFold(h.Name, name) {
				value = h.Value
			}
		}
		for strings.Contains(value, "  ") {
			value = strings.ReplaceAll(value, "  ", " ")
		}
		text += name + ":" + value + "\n"
	}
	text += "\n" + strings.Join(signed.SignedHeaders, ";") + "\n" + payloadHash
	sum := sha256.Sum256([]byte(text))
	date := signedAt.Format("20060102")
	key := []byte("AWS4" + secretKey)
	for _, part := range []string{
		date, signed.Region, signed.Service, "aws4_request",
		"AWS4-HMAC-SHA256\n" + signedAt.Format("20060102T150405Z") + "\n" + date + "/" + signed.Region + "/" + signed.Service +
			"/aws4_request\n" + hex.EncodeToString(sum[:]),
	} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func pieces(target string) []string {
	_, query, _ := strings.Cut(target, "?")
	if query == "" {
		return nil
	}
	return strings.Split(query, "&")
}

// Many of the fuzzers' seeds are signed.
func TestTheFuzzersPremise(t *testing.T) {
	server := newServer(t, nil)
	for _, path := range []string{"/v1/sign", "/v1/presign"} {
		signed := 0
		for _, target := range []string{
			"https://sqs.eu-west-1.amazonaws.com/a/../b//c%2Fd?x=1&y=2+3&z", "https://examplebucket.s3.eu-west-1.amazonaws.com/a//b c",
			"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com:443/prod/%7eü?ä=ö",
		} {
			if _, ok := signOnce(t, server, path, document(target, "X-Amz-Target", " a  b ", "q", "v/w", "body", "")); ok {
				signed++
			}
		}
		if signed != 3 {
			t.Errorf("%s signed %d of 3", path, signed)
		}
	}
}

// For any request, the response can be sent, is what was decided, and has the right signature by two computations.
func FuzzSignEndToEnd(f *testing.F) {
	seed(f)
	server := newServer(f, nil)
	f.Fuzz(func(t *testing.T, target, name, value, parameter, parameterValue, body, service string) {
		signed, ok := signOnce(t, server, "/v1/sign", document(target, name, value, parameter, parameterValue, body, service))
		if !ok || signed.Algorithm != "AWS4-HMAC-SHA256" {
			return
		}
		style := slices.Contains([]string{"s3", "s3express", "s3-outposts", "s3-object-lambda"}, signed.Service)
		verifyAgain(t, signed, style)
		want := independent(signed, style, pieces(signed.URL), signed.PayloadSha256)
		if !strings.HasSuffix(signed.Authorization, "Signature="+want) {
			t.Fatalf("%s is signed by %s, want %s", signed.URL, signed.Authorization, want)
		}
	})
}

// FuzzPresignEndToEnd does the same for signatures in the URL.
func FuzzPresignEndToEnd(f *testing.F) {
	seed(f)
	server := newServer(f, nil)
	f.Fuzz(func(t *testing.T, target, name, value, parameter, parameterValue, body, service string) {
		signed, ok := signOnce(t, server, "/v1/presign", document(target, name, value, parameter, parameterValue, body, service))
		if !ok || signed.Algorithm != "AWS4-HMAC-SHA256" || signed.Service == "iotdevicegateway" {
			return
		}
		style := slices.Contains([]string{"s3", "s3express", "s3-outposts", "s3-object-lambda"}, signed.Service)
		verifyAgain(t, signed, style)
		unsigned, signature, _ := strings.Cut(signed.URL, "&X-Amz-Signature=")
		if want := independent(signed, style, pieces(unsigned), signed.PayloadSha256); signature != want {
			t.Fatalf("%s: want the signature %s", signed.URL, want)
		}
	})
}
