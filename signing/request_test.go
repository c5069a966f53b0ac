package signing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

const (
	exampleID     = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	exampleToken  = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="
)

var exampleTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// exampleRequest returns a valid request.
func exampleRequest(t testing.TB) *signing.Request {
	t.Helper()
	return &signing.Request{
		Method:      "POST",
		URL:         mustParse(t, "https://example.amazonaws.com/orders?b=2&a=1"),
		Headers:     []signing.Header{{Name: "Content-Type", Value: "application/json"}},
		PayloadHash: signing.PayloadHash([]byte("{}")),
		Scope:       signing.Scope{Service: "execute-api", Region: "us-east-1"},
		Time:        exampleTime,
		Credentials: signing.NewCredentials(exampleID, exampleSecret, exampleToken),
		Expires:     time.Minute,
		Explain:     true,
	}
}

func sign(t testing.TB, r *signing.Request) signing.Signed {
	t.Helper()
	got, err := new(signing.Signer).Sign(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSign_ReturnsWhatToSend(t *testing.T) {
	r := exampleRequest(t)
	r.Headers = []signing.Header{
		{Name: "X-Amz-Meta", Value: "  a \t b  "},
		{Name: "HOST", Value: "Example.amazonaws.com:443"},
		{Name: "Accept", Value: "*/*"},
		{Name: "x-amz-meta", Value: `"c   d"`},
		{Name: "Content-Length", Value: "2"},
		{Name: "X-AMZ-META", Value: ""},
		{Name: "Accept", Value: "text/plain"},
	}
	r.ContentSHA256Header = true
	got := sign(t, r)
	want := []signing.Header{
		{Name: "X-Amz-Meta", Value: `a b,"c   d",`},
		{Name: "Accept", Value: "*/*,text/plain"},
		{Name: "X-Amz-Date", Value: "20150830T123600Z"},
		{Name: "X-Amz-Content-Sha256", Value: r.PayloadHash},
		{Name: "X-Amz-Security-Token", Value: exampleToken},
		{Name: "Authorization", Value: got.Authorization},
	}
	if !slices.Equal(got.Headers, want) {
		t.Errorf("headers = %q, want %q", got.Headers, want)
	}
	if want := "host;x-amz-content-sha256;x-amz-date;x-amz-meta;x-amz-security-token"; got.SignedHeaders != want {
		t.Errorf("signed headers = %q, want %q", got.SignedHeaders, want)
	}
	if !strings.Contains(got.CanonicalRequest, "\nx-amz-meta:a b,\"c d\",\n") {
		t.Errorf("canonical request lacks the header with white space folded:\n%s", got.CanonicalRequest)
	}
	if got.URL != r.URL {
		t.Errorf("URL = %q, want %q", got.URL, r.URL)
	}
	if r.Explain = false; sign(t, r).CanonicalRequest != "" || sign(t, r).StringToSign != "" {
		t.Error("the intermediate texts are set without Explain")
	}
}

// Services fold white space only to verify, and store the value as sent. Some fold only spaces, so
// tabs are not sent.
func TestSign_FoldsSpacesOnlyInTheSignature(t *testing.T) {
	for _, tt := range []struct {
		values       []string
		sent, signed string
	}{
		{[]string{"a b"}, "a b", "a b"},
		{[]string{"a  b   c"}, "a  b   c", "a b c"},
		{[]string{"  a  b  "}, "a  b", "a b"},
		{[]string{`"a   b"`}, `"a   b"`, `"a b"`},
		{[]string{"a\tb"}, "a b", "a b"},
		{[]string{"\ta \t b  c\t"}, "a b  c", "a b c"},
		{[]string{"  ", "\t"}, ",", ","},
		{[]string{"   "}, "", ""},
		{[]string{"a  b", "c", " d \t  e "}, "a  b,c,d e", "a b,c,d e"},
		{[]string{"a", "b  c"}, "a,b  c", "a,b c"},
		{[]string{"é  \u00a0 b"}, "é  \u00a0 b", "é \u00a0 b"},
	} {
		r := exampleRequest(t)
		r.Headers = nil
		for _, value := range tt.values {
			r.Headers = append(r.Headers, signing.Header{Name: "x-amz-meta-a", Value: value})
		}
		got := sign(t, r)
		presigned, err := new(signing.Signer).Presign(r)
		if err != nil {
			t.Fatal(err)
		}
		for form, out := range map[string]signing.Signed{"Sign": got, "Presign": presigned} {
			if sent := out.Headers[0]; sent != (signing.Header{Name: "x-amz-meta-a", Value: tt.sent}) {
				t.Errorf("%s %q: sent %q, want %q", form, tt.values, sent, tt.sent)
			}
			if !strings.Contains(out.CanonicalRequest, "\nx-amz-meta-a:"+tt.signed+"\n") {
				t.Errorf("%s %q: want %q signed in\n%s", form, tt.values, tt.signed, out.CanonicalRequest)
			}
		}
		received := &signing.Received{Method: r.Method, URL: got.URL, Headers: got.Headers, PayloadHash: r.PayloadHash}
		if v := signing.Verify(received, &signing.Expected{Credentials: r.Credentials}); !v.Valid() {
			t.Errorf("%q: what is sent does not verify: %v", tt.values, v.Mismatches)
		}
		if want := sdkSign(t, r, sdkRequest(t, r, got, 0)); strings.Contains(got.Authorization, "content-length") || got.Authorization != want {
			t.Errorf("%q: got %s, the SDK %s", tt.values, got.Authorization, want)
		}
	}
}

func TestSign_ChoosesSignedHeaders(t *testing.T) {
	headers := []signing.Header{
		{Name: "Content-Type", Value: "text/plain"},
		{Name: "Accept", Value: "*/*"},
		{Name: "User-Agent", Value: "x"},
		{Name: "Range", Value: "bytes=0-9"},
		{Name: "Date", Value: "now"},
		{Name: "x-amzn-trace-id", Value: "1"},
		{Name: "Content-Length", Value: "2"},
		{Name: "X-Amz-Target", Value: "t"},
		{Name: "Via", Value: "1.1 x"},
		{Name: "X-Forwarded-For", Value: "::1"},
		{Name: "Accept-Version", Value: "1"},
		{Name: "Content-MD5", Value: "x"},
	}
	for _, tt := range []struct {
		name, method string
		named        []string
		all          bool
		want         string
	}{
		{"host and x-amz-* by default", "POST", nil, false, "host;x-amz-date;x-amz-target"},
		{
			"named headers", "POST",
			[]string{"Range", "CONTENT-TYPE", "range", "x-amz-date"},
			false,
			"content-type;host;range;x-amz-date;x-amz-target",
		},
		{
			"named headers that clients set", "POST",
			[]string{"content-length", "date", "accept"},
			false,
			"accept;content-length;date;host;x-amz-date;x-amz-target",
		},
		{
			"all except per-connection headers", "POST", nil, true,
			"accept;accept-version;content-length;content-md5;content-type;date;host;range;x-amz-date;x-amz-target",
		},
		{
			"all, with any method", "GET", nil, true,
			"accept;accept-version;content-length;content-md5;content-type;date;host;range;x-amz-date;x-amz-target",
		},
		{
			"all, and one named in addition", "GET",
			[]string{"content-type"},
			true,
			"accept;accept-version;content-length;content-md5;content-type;date;host;range;x-amz-date;x-amz-target",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := exampleRequest(t)
			r.Method, r.Headers, r.SignedHeaders, r.SignAllHeaders = tt.method, headers, tt.named, tt.all
			r.Token = signing.TokenOmitted
			if got := sign(t, r).SignedHeaders; got != tt.want {
				t.Errorf("signed headers = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSign_RejectsFragileSignedHeaders(t *testing.T) {
	for _, name := range []string{
		"Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Proxy-Authorization",
		"Sec-WebSocket-Key", "User-Agent", "Via", "Forwarded", "X-Forwarded-Host", "x-amzn-trace-id", "Authorization",
	} {
		if reason, forbidden := signing.Fragile("POST", name); reason == "" || !forbidden {
			t.Errorf("Fragile(POST, %q) = %q, %t, want a reason and true", name, reason, forbidden)
		}
		r := exampleRequest(t)
		r.Headers = []signing.Header{{Name: name, Value: "v"}}
		r.SignedHeaders = []string{"host", name}
		_, err := new(signing.Signer).Sign(r)
		input := wantInputError(t, err)
		if name != "Authorization" && (input.Part != signing.InputSignedHeaders || input.Index != 1 || input.Name != name) {
			t.Errorf("naming %q: %+v, want signedHeaders[1]", name, input)
		}
	}
}

func TestSign_TokenModes(t *testing.T) {
	for _, tt := range []struct {
		mode                   signing.TokenMode
		sent, signed, inURL    bool
		afterSignature, header string
	}{
		{mode: "", sent: true, signed: true, inURL: true},
		{mode: signing.TokenSigned, sent: true, signed: true, inURL: true},
		{mode: signing.TokenAppended, sent: true, signed: false, inURL: true},
		{mode: signing.TokenOmitted},
	} {
		r := exampleRequest(t)
		r.Token = tt.mode
		got := sign(t, r)
		if sent := slices.Contains(got.Headers, signing.Header{Name: "X-Amz-Security-Token", Value: exampleToken}); sent != tt.sent {
			t.Errorf("%q: token sent = %t, want %t", tt.mode, sent, tt.sent)
		}
		if signed := strings.Contains(got.CanonicalRequest, exampleToken); signed != tt.signed {
			t.Errorf("%q: token signed = %t, want %t", tt.mode, signed, tt.signed)
		}
		presigned, err := new(signing.Signer).Presign(r)
		if err != nil {
			t.Fatal(err)
		}
		inURL := slices.Contains(presigned.URL.Query(), signing.Parameter{Name: "X-Amz-Security-Token", Value: exampleToken})
		if inURL != tt.inURL {
			t.Errorf("%q: token in %q = %t, want %t", tt.mode, presigned.URL, inURL, tt.inURL)
		}
		if signed := strings.Contains(presigned.CanonicalRequest, "X-Amz-Security-Token"); signed != tt.signed {
			t.Errorf("%q: token signed in the URL = %t, want %t", tt.mode, signed, tt.signed)
		}
	}
}

func TestSign_Rejects(t *testing.T) {
	header := func(headers ...signing.Header) func(*signing.Request) {
		return func(r *signing.Request) { r.Headers = headers }
	}
	for _, tt := range []struct {
		name   string
		change func(*signing.Request)
		part   signing.InputPart
		index  int
	}{
		{"no method", func(r *signing.Request) { r.Method = "" }, signing.InputMethod, -1},
		{"a method with a line break", func(r *signing.Request) { r.Method = "GET\r\nX: y" }, signing.InputMethod, -1},
		{"no URL", func(r *signing.Request) { r.URL = signing.URL{} }, signing.InputURL, -1},
		{"no payload hash", func(r *signing.Request) { r.PayloadHash = "" }, signing.InputPayloadHash, -1},
		{"a payload hash in upper case", func(r *signing.Request) { r.PayloadHash = strings.Repeat("A", 64) }, signing.InputPayloadHash, -1},
		{"a short payload hash", func(r *signing.Request) { r.PayloadHash = "abc" }, signing.InputPayloadHash, -1},
		{"an unknown constant as payload hash", func(r *signing.Request) { r.PayloadHash = "STREAMING-PAYLOAD" }, signing.InputPayloadHash, -1},
		{"no service", func(r *signing.Request) { r.Scope.Service = "" }, signing.InputService, -1},
		{"a service with a slash", func(r *signing.Request) { r.Scope.Service = "s3/aws4_request" }, signing.InputService, -1},
		{"no region", func(r *signing.Request) { r.Scope.Region = "" }, signing.InputRegion, -1},
		{"a region set with HMAC", func(r *signing.Request) { r.Scope.Region = "*" }, signing.InputRegion, -1},
		{"a region with a line break", func(r *signing.Request) { r.Scope.Region = "a\nb" }, signing.InputRegion, -1},
		{"a region set with a gap", func(r *signing.Request) { r.Algorithm, r.Scope.Region = signing.ECDSA, "a,,b" }, signing.InputRegion, -1},
		{"a region set with a space", func(r *signing.Request) { r.Algorithm, r.Scope.Region = signing.ECDSA, "a, b" }, signing.InputRegion, -1},
		{"another algorithm", func(r *signing.Request) { r.Algorithm = "AWS4" }, signing.InputAlgorithm, -1},
		{"another token mode", func(r *signing.Request) { r.Token = "twice" }, signing.InputTokenMode, -1},
		{"no time", func(r *signing.Request) { r.Time = time.Time{} }, signing.InputTime, -1},
		{"a year of five digits", func(r *signing.Request) { r.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, signing.InputTime, -1},
		{"no credentials", func(r *signing.Request) { r.Credentials = signing.Credentials{} }, signing.InputCredentials, -1},
		{"an id alone", func(r *signing.Request) { r.Credentials = signing.Credentials{AccessKeyID: exampleID} }, signing.InputCredentials, -1},
		{"no id", func(r *signing.Request) { r.Credentials.AccessKeyID = "" }, signing.InputCredentials, -1},
		{"an id with a slash", func(r *signing.Request) { r.Credentials.AccessKeyID = "AKID/x" }, signing.InputCredentials, -1},
		{"no secret", func(r *signing.Request) { r.Credentials = signing.NewCredentials(exampleID, "", "") }, signing.InputCredentials, -1},
		{
			"a secret with a line feed",
			func(r *signing.Request) { r.Credentials = signing.NewCredentials(exampleID, exampleSecret+"\n", "") },
			signing.InputCredentials, -1,
		},
		{
			"a token with a space",
			func(r *signing.Request) { r.Credentials = signing.NewCredentials(exampleID, exampleSecret, "a b") },
			signing.InputCredentials, -1,
		},
		{"a header without a name", header(signing.Header{Value: "v"}), signing.InputHeaders, 0},
		{
			"a header name with a space", header(signing.Header{Name: "A", Value: "v"}, signing.Header{Name: "B C", Value: "v"}),
			signing.InputHeaders, 1,
		},
		{"a pseudo-header", header(signing.Header{Name: ":authority", Value: "example.com"}), signing.InputHeaders, 0},
		{"a carriage return in a value", header(signing.Header{Name: "A", Value: "v\rX: y"}), signing.InputHeaders, 0},
		{"a line feed in a value", header(signing.Header{Name: "A", Value: "v\nX: y"}), signing.InputHeaders, 0},
		{"NUL in a value", header(signing.Header{Name: "A", Value: "\x00"}), signing.InputHeaders, 0},
		{"another host", header(signing.Header{Name: "Host", Value: "other.amazonaws.com"}), signing.InputHeaders, 0},
		{
			"a second host",
			header(signing.Header{Name: "Host", Value: "example.amazonaws.com"}, signing.Header{Name: "host", Value: "evil.com"}),
			signing.InputHeaders, 1,
		},
		{"the host with another port", header(signing.Header{Name: "Host", Value: "example.amazonaws.com:8443"}), signing.InputHeaders, 0},
		{"authorization", header(signing.Header{Name: "authorization", Value: "v"}), signing.InputHeaders, 0},
		{"x-amz-date", header(signing.Header{Name: "X-Amz-Date", Value: "20150830T123600Z"}), signing.InputHeaders, 0},
		{"x-amz-security-token", header(signing.Header{Name: "x-amz-security-token", Value: "v"}), signing.InputHeaders, 0},
		{"x-amz-region-set", header(signing.Header{Name: "x-amz-region-set", Value: "*"}), signing.InputHeaders, 0},
		{"a payload beside its hash", func(r *signing.Request) { r.Payload = []byte("Param1=value1") }, signing.InputPayloadHash, -1},
		{
			"another x-amz-content-sha256", header(signing.Header{Name: "x-amz-content-sha256", Value: "UNSIGNED-PAYLOAD"}),
			signing.InputHeaders, 0,
		},
		{
			"a signed header that is absent", func(r *signing.Request) { r.SignedHeaders = []string{"content-type", "range"} },
			signing.InputSignedHeaders, 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := exampleRequest(t)
			tt.change(r)
			for form, do := range map[string]func(*signing.Request) (signing.Signed, error){
				"Sign": new(signing.Signer).Sign, "Presign": new(signing.Signer).Presign, "Canonicalize": signing.Canonicalize,
			} {
				_, err := do(r)
				if err == nil {
					t.Fatalf("%s accepts it", form)
				}
				if input := wantInputError(t, err); input.Part != tt.part || input.Index != tt.index {
					t.Errorf("%s: %+v, want %s, index %d", form, input, tt.part, tt.index)
				}
				for _, secret := range []string{exampleSecret, exampleToken, "X: y"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%s: %q contains a value of the request", form, err)
					}
				}
			}
		})
	}
}

func TestSign_SendsTheCallersContentSHA256Once(t *testing.T) {
	r := exampleRequest(t)
	r.Headers = []signing.Header{
		{Name: "x-amz-content-sha256", Value: " " + r.PayloadHash}, {Name: "X-Amz-Content-Sha256", Value: r.PayloadHash},
	}
	got := sign(t, r)
	r.Headers, r.ContentSHA256Header = nil, true
	if want := sign(t, r); !slices.Equal(got.Headers, want.Headers) {
		t.Errorf("headers = %q, want %q", got.Headers, want.Headers)
	}
}

func TestCredentials_DoNotPrintTheirSecrets(t *testing.T) {
	c := signing.NewCredentials(exampleID, exampleSecret, exampleToken)
	if c.SecretAccessKey() != exampleSecret || c.SessionToken() != exampleToken {
		t.Fatal("credentials do not return the secret and token given")
	}
	inside := struct {
		c signing.Credentials
		p *signing.Credentials
	}{c, &c}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		for _, v := range []any{c, &c, inside, &inside, []signing.Credentials{c}} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range []string{exampleSecret, exampleToken, fmt.Sprintf("%x", exampleSecret), fmt.Sprintf("%x", exampleToken)} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows a secret", verb, v)
				}
			}
		}
	}
}

// A printed key would be at least as long as its 32 bytes in hexadecimal.
func TestKey_DoesNotPrintItself(t *testing.T) {
	c := signing.NewCredentials(exampleID, exampleSecret, "")
	for _, a := range []signing.Algorithm{signing.HMAC, signing.ECDSA} {
		key, err := signing.DeriveKey(a, c, exampleTime, signing.Scope{Service: "s3", Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"%v", "%+v", "%s", "%q", "%x", "%d", "%t"} {
			if text := fmt.Sprintf(verb, key); len(text) > 64 {
				t.Errorf("%s of a key shows %q", verb, text)
			}
		}
	}
}

func TestRedact(t *testing.T) {
	r := exampleRequest(t)
	header := sign(t, r)
	query, err := new(signing.Signer).Presign(r)
	if err != nil {
		t.Fatal(err)
	}
	const encoded = "IQoJb3JpZ2luX2VjEXAMPLE%2F%2F%2F"
	if !strings.Contains(header.CanonicalRequest, exampleToken) || !strings.Contains(query.CanonicalRequest, encoded) {
		t.Fatal("the canonical requests do not contain the token in the first place")
	}
	text := r.Credentials.Redact(header.CanonicalRequest + query.CanonicalRequest + exampleSecret)
	for _, secret := range []string{exampleToken, encoded, exampleSecret} {
		if strings.Contains(text, secret) {
			t.Errorf("Redact leaves %q", secret)
		}
	}
	if got := (signing.Credentials{}).Redact("text"); got != "text" {
		t.Errorf("Redact without credentials = %q, want the text", got)
	}
}

func TestInputError_SaysWhere(t *testing.T) {
	for _, tt := range []struct {
		err  signing.InputError
		want string
	}{
		{signing.InputError{Part: signing.InputURL, Index: -1, Reason: "has no host"}, "url has no host"},
		{signing.InputError{Part: signing.InputQuery, Index: 2, Reason: "has no name"}, "query[2] has no name"},
		{signing.InputError{Part: signing.InputPayloadHash, Index: -1, Reason: "is missing"}, "payload hash is missing"},
		{signing.InputError{Index: -1, Reason: "is wrong"}, "input is wrong"},
		{
			signing.InputError{Part: signing.InputHeaders, Index: 0, Name: "A\nB", Reason: "is not a header name"},
			`headers: "A\nB" is not a header name`,
		},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
}
