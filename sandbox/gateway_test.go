package sandbox_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"countersign/sandbox"
	"countersign/signing"
)

func TestGatewayAcceptsWhatTheSDKSigns(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	for name, c := range map[string]call{
		"plain GET":          {},
		"body":               {method: "POST", target: "/prod/orders", body: `{"id":42}`},
		"query":              {target: "/prod?b=2&a=1&a=0&empty=&sp=%20x&plus=%2B"},
		"escapes in path":    {target: "/prod/arn%3Aaws%3Aiot/x%20y/~z"},
		"content hash":       {method: "PUT", body: "x", headers: map[string]string{"X-Amz-Content-Sha256": signing.PayloadHash([]byte("x"))}},
		"spaces in a header": {headers: map[string]string{"X-Amz-Meta": "  a   b  "}},
		"host with a port":   {host: host + ":8443"},
		"just old enough":    {at: clock.Add(-5 * time.Minute)},
		"just young enough":  {at: clock.Add(5 * time.Minute)},
		"an odd method":      {method: "PROPFIND"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.request(t)
			got := send(s.Gateway(), r).seen(t)
			if got.Caller.ARN != sandbox.UserARN || got.Caller.Account != "123456789012" || got.Caller.AccessKeyID != sandbox.AccessKeyID {
				t.Errorf("caller = %+v, want the sandbox's user", got.Caller)
			}
			if got.BodySHA256 != signing.PayloadHash([]byte(c.body)) || got.BodyLength != len(c.body) {
				t.Errorf("body = %s (%d bytes), want that of %q", got.BodySHA256, got.BodyLength, c.body)
			}
			path, query, _ := strings.Cut(r.RequestURI, "?")
			if got.Method != r.Method || got.Path != path || got.Query != query || got.Host != r.Host {
				t.Errorf("target = %s %s %s?%s, want %s %s %s", got.Method, got.Host, got.Path, got.Query, r.Method, r.Host, r.RequestURI)
			}
		})
	}
}

func TestGatewayHonoursAccept(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	for accept, want := range map[string]struct{ contentType, body string }{
		"text/plain":               {"text/plain; charset=utf-8", "PUT /orders\n" + sandbox.UserARN + "\n"},
		"application/octet-stream": {"application/octet-stream", "\x00\xff"},
	} {
		c := call{method: "PUT", target: "/orders", body: "\x00\xff", headers: map[string]string{"Accept": accept}}
		got := httptest.NewRecorder()
		s.Gateway().ServeHTTP(got, c.request(t))
		if got.Code != 200 || got.Header().Get("Content-Type") != want.contentType || got.Body.String() != want.body {
			t.Errorf("%s: %d %v %q, want %q", accept, got.Code, got.Header(), got.Body, want.body)
		}
	}
}

// X-Amz-Date may be missing if Date is signed; no AWS signer does that, so the signature is put together here.
func TestGatewayAcceptsDateForXAmzDate(t *testing.T) {
	scope := signing.Scope{Service: "execute-api", Region: "us-east-1"}
	key, err := signing.DeriveKey(signing.HMAC, signing.NewCredentials(sandbox.AccessKeyID, sandbox.SecretAccessKey, ""), clock, scope)
	if err != nil {
		t.Fatal(err)
	}
	const date = "Sun, 30 Aug 2026 12:36:00 GMT"
	canonical := "GET\n/\n\ndate:" + date + "\nhost:" + host + "\n\ndate;host\n" + signing.PayloadHash(nil)
	text := signing.CredentialScope(signing.HMAC, clock, scope)
	signature, err := key.Sign(signing.StringToSign(signing.HMAC, clock, text, canonical))
	if err != nil {
		t.Fatal(err)
	}
	r := call{}.request(t)
	r.Header = http.Header{
		"Date":          {date},
		"Authorization": {signing.Authorization(signing.HMAC, sandbox.AccessKeyID, text, "date;host", signature)},
	}
	if got := send(sandbox.New(fixed(sandbox.Options{})).Gateway(), r).seen(t); !got.SignedAt.Equal(clock) {
		t.Errorf("signed at %v, want %v", got.SignedAt, clock)
	}
}

func TestGatewayAcceptsSessions(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	keys := assumeRole(t, s, nil)
	got := send(s.Gateway(), call{keys: keys}.request(t)).seen(t)
	if want := "arn:aws:sts::123456789012:assumed-role/sandbox-caller/tester"; got.Caller.ARN != want {
		t.Errorf("caller = %s, want %s", got.Caller.ARN, want)
	}
	if !strings.Contains(got.SignedHeaders, "x-amz-security-token") {
		t.Errorf("signed headers = %s, want the token among them", got.SignedHeaders)
	}
}

// On request, the gateway changes one byte, as something on the way may, and says what differs.
func TestGatewaySpoilsAByte(t *testing.T) {
	for target, c := range map[string]struct{ body, want string }{
		"/a?b=c&d=e": {"x", "b=c&d=0"}, "/a?b=%20": {"", "b=%21"}, "/a": {"x", signing.PayloadHash([]byte("0"))}, "/a0": {"", "\n/a1\n"},
		"/": {"", "\n/0\n"},
	} {
		r := call{target: target, body: c.body}.request(t)
		r.Header.Set(sandbox.SpoilHeader, "one byte")
		got := send(sandbox.New(fixed(sandbox.Options{})).Gateway(), r)
		if want := strings.ReplaceAll(c.want, "\n", `\n`); got.status != http.StatusForbidden || !strings.Contains(string(got.body), want) {
			t.Errorf("%s: the gateway responded with %d %s, want 403 and %s", target, got.status, got.body, want)
		}
	}
}

func TestGatewayNormalizesPathsExceptForS3(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	for sent, signed := range map[string]string{
		"/a/./b":        "/a/b",
		"/a/../b":       "/b",
		"/a//b/":        "/a/b/",
		"/../../a/..":   "/",
		"/a/b/.":        "/a/b/",
		"/":             "/",
		"//":            "/",
		"/a/b/..":       "/a/",
		"/a/.../b":      "/a/.../b",
		"/%2e%2e/a%2Fb": "/%2e%2e/a%2Fb",
	} {
		r := call{target: signed}.request(t)
		r.RequestURI = sent
		if got := send(s.Gateway(), r); got.status != http.StatusOK {
			t.Errorf("gateway responded to %s signed as %s with %d %s, want 200", sent, signed, got.status, got.body)
		}
	}
}

func TestGatewayOfS3(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{Service: "s3"}))
	for name, c := range map[string]call{
		"key encoded once":     {service: "s3", target: "/key%20with/a%3Ab/~x"},
		"empty and dot parts":  {service: "s3", target: "/a//b/../c"},
		"unsigned payload":     {service: "s3", method: "PUT", body: "x", headers: map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}},
		"payload with a hash":  {service: "s3", method: "PUT", body: "x"},
		"nothing but the root": {service: "s3"},
	} {
		if got := send(s.Gateway(), c.request(t)); got.status != http.StatusOK {
			t.Errorf("%s: gateway responded with %d %s, want 200", name, got.status, got.body)
		}
	}
}

// mismatchText is the message for a wrong signature, without the texts that follow it.
const mismatchText = "The request signature we calculated does not match the signature you provided. Check your AWS Secret " +
	"Access Key and signing method. Consult the service documentation for details."

// tamper is a signed request that is changed on the way, and the expected refusal.
type tamper struct {
	name    string
	call    call
	change  func(*http.Request)
	status  int
	code    string
	message string
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func authorization(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
	}
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func unchanged(*http.Request) {}

func TestGatewayRefusals(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	other := sandbox.New(fixed(sandbox.Options{Rand: strings.NewReader(strings.Repeat("other key", 4))}))
	session, foreign := assumeRole(t, s, nil), assumeRole(t, other, nil)
	const (
		unknown = "The security token included in the request is invalid."
		jwt     = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
	)
	for _, c := range []tamper{
		{
			"no signature",
			call{},
			func(r *http.Request) { r.Header.Del("Authorization") },
			403, "MissingAuthenticationTokenException", "Missing Authentication Token",
		},
		{
			"a token without a scheme",
			call{},
			func(r *http.Request) { r.Header = http.Header{"Authorization": {jwt}} },
			403, "IncompleteSignatureException", "Authorization header requires 'Credential' parameter. Authorization header requires " +
				"'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of " +
				"either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed(jwt),
		},
		{
			"a bearer token",
			call{},
			header("Authorization", "Bearer "+jwt),
			403, "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with " +
				"SHA-256 and encoded with Base64): '" + hashed("Bearer "+jwt) + "'.",
		},
		{"no time", call{}, func(r *http.Request) {
			r.Header.Del("X-Amz-Date")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b")
		}, 403, "IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
			"(Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, "+
			"Signature=b")},
		{
			"a time in another form",
			call{},
			header("X-Amz-Date", "2026-08-30T12:36:00Z"),
			403, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '2026-08-30T12:36:00Z'. See http://" +
				"en.wikipedia.org/wiki/ISO_8601",
		},
		{
			"two times",
			call{},
			func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260830T123601Z") },
			403, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '20260830T123600Z,20260830T123601Z'. See " +
				"http://en.wikipedia.org/wiki/ISO_8601",
		},
		{
			"too old by a second",
			call{at: clock.Add(-5*time.Minute - time.Second)},
			unchanged,
			403, "InvalidSignatureException", "Signature expired: 20260830T123059Z is now earlier than 20260830T123100Z (20260830T123600Z - 5 min.)",
		},
		{
			"too young by a second",
			call{at: clock.Add(5*time.Minute + time.Second)},
			unchanged,
			403, "InvalidSignatureException", "Signature not yet current: 20260830T124101Z is still later than 20260830T124100Z " +
				"(20260830T123600Z + 5 min.)",
		},
		{
			"host not signed",
			call{},
			authorization("SignedHeaders=host;", "SignedHeaders="),
			403, "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{
			"another algorithm",
			call{},
			authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
			403, "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). ",
		},
		{
			"a credential of four parts",
			call{},
			authorization("/us-east-1/", "/"),
			403, "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/" +
				"service/term, got '" + sandbox.AccessKeyID + "/20260830/execute-api/aws4_request'",
		},
		{
			"another region",
			call{region: "eu-west-1"},
			unchanged,
			403, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-west-1'. ",
		},
		{
			"another service",
			call{service: "lambda"},
			unchanged,
			403, "InvalidSignatureException", "Credential should be scoped to correct service: 'execute-api'. ",
		},
		{
			"another terminator",
			call{},
			authorization("/aws4_request", "/aws5_request"),
			403, "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ",
		},
		{
			"another day",
			call{},
			authorization("/20260830/", "/20260829/"),
			403, "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
				"'20260829' != '20260830', from '20260830T123600Z'.",
		},
		{
			"everything of the scope",
			call{},
			authorization("/20260830/us-east-1/execute-api/aws4_request", "/b/c/d/e"),
			403, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to " +
				"correct service: 'execute-api'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in " +
				"Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20260830', from '20260830T123600Z'.",
		},
		{
			"an unsigned x-amz header",
			call{},
			header("X-Amz-Acl", "public-read"),
			403, "AccessDenied", "There were headers present in the request which were not signed",
		},
		{
			"a token added after signing",
			call{keys: aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey}},
			header("X-Amz-Security-Token", session.SessionToken),
			403, "AccessDenied", "There were headers present in the request which were not signed",
		},
		{
			"an unknown key",
			call{keys: aws.Credentials{AccessKeyID: "AKIASANDBOXNOTKNOWN1", SecretAccessKey: "x"}},
			unchanged,
			403, "UnrecognizedClientException", unknown,
		},
		{
			"a session's key without its token",
			call{keys: aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey}},
			unchanged,
			403, "UnrecognizedClientException", unknown,
		},
		{
			"a token that is none",
			call{keys: aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: "x"}},
			unchanged,
			403, "UnrecognizedClientException", unknown,
		},
		{
			"another session's token",
			call{
				keys: aws.Credentials{
					AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey,
					SessionToken: assumeRole(t, s, nil).SessionToken,
				},
			},
			unchanged,
			403, "UnrecognizedClientException", unknown,
		},
		{
			"a session of another AWS",
			call{keys: foreign},
			unchanged,
			403, "UnrecognizedClientException", unknown,
		},
		{
			"a token beside a long-term key",
			call{
				keys: aws.Credentials{AccessKeyID: sandbox.AccessKeyID, SecretAccessKey: sandbox.SecretAccessKey, SessionToken: session.SessionToken},
			},
			unchanged,
			403, "UnrecognizedClientException", unknown,
		},
		{
			"a content hash that is not the body's",
			call{method: "POST", body: "x", headers: map[string]string{"X-Amz-Content-Sha256": signing.PayloadHash(nil)}},
			unchanged,
			400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
		},
		{
			"an unsigned payload",
			call{method: "POST", body: "x", headers: map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}},
			unchanged,
			400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
		},
		{
			"a query that cannot be decoded",
			call{},
			func(r *http.Request) { r.RequestURI = "/?a=%zz" },
			400, "BadRequestException", "Bad Request",
		},
		{
			"a target in absolute form",
			call{},
			func(r *http.Request) { r.RequestURI = "http://" + host + "/" },
			400, "BadRequestException", "Bad Request",
		},
		{
			"a body past the limit",
			call{method: "POST", body: strings.Repeat("x", 10<<20+1)},
			unchanged,
			413, "RequestEntityTooLargeException", "Request Too Long",
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.expect(t, s.Gateway(), "") })
	}
}

// expect sends the tampered request and compares the whole refusal.
func (c tamper) expect(t *testing.T, gateway http.Handler, canonical string) {
	t.Helper()
	r := c.call.request(t)
	c.change(r)
	got := send(gateway, r)
	var body struct {
		Message          string `json:"message"`
		HeadersNotSigned string `json:"headersNotSigned"`
	}
	decode(t, got.body, &body)
	if got.status != c.status || got.header.Get("x-amzn-ErrorType") != c.code || body.Message != c.message+canonical {
		t.Errorf("gateway responded with %d %s %q,\nwant %d %s %q",
			got.status, got.header.Get("x-amzn-ErrorType"), body.Message, c.status, c.code, c.message+canonical)
	}
	if len(got.header.Get("x-amzn-RequestId")) != 36 || got.header.Get("Content-Type") != "application/json" ||
		got.header.Get("Date") != "Sun, 30 Aug 2026 12:36:00 GMT" {
		t.Errorf("headers = %v, want a request id, JSON and the sandbox's time", got.header)
	}
}

func TestGatewayShowsWhatItWouldHaveSigned(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	canonical := "POST\n/prod/a%253Ab\nq=1\nhost:" + host + "\nx-amz-date:20260830T123600Z\n\nhost;x-amz-date\n" + empty
	toSign := "AWS4-HMAC-SHA256\n20260830T123600Z\n20260830/us-east-1/execute-api/aws4_request\n" + signing.PayloadHash([]byte(canonical))
	texts := "\n\nThe Canonical String for this request should have been\n'" + canonical +
		"'\n\nThe String-to-Sign should have been\n'" + toSign + "'\n"
	tamper{
		"method",
		call{method: "PUT", target: "/prod/a%3Ab?q=1"},
		func(r *http.Request) { r.Method = "POST" },
		403, "InvalidSignatureException", mismatchText,
	}.expect(t, s.Gateway(), texts)
}

func TestGatewayNamesUnsignedHeaders(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	r := call{}.request(t)
	r.Header.Set("X-Amz-Tagging", "a=b")
	r.Header.Set("X-Amz-Acl", "private")
	want := `{"message":"There were headers present in the request which were not signed","headersNotSigned":"x-amz-acl, x-amz-tagging"}` +
		"\n"
	if got := send(s.Gateway(), r); string(got.body) != want {
		t.Errorf("gateway responded with %s, want %s", got.body, want)
	}
}

func TestGatewayRefusesSessionsAfterTheirEnd(t *testing.T) {
	now := clock
	s := sandbox.New(fixed(sandbox.Options{Now: func() time.Time { return now }}))
	keys := assumeRole(t, s, map[string]string{"DurationSeconds": "900"})
	now = clock.Add(900*time.Second - time.Nanosecond)
	send(s.Gateway(), call{keys: keys, at: now}.request(t)).seen(t)

	now = clock.Add(900 * time.Second)
	got := send(s.Gateway(), call{keys: keys, at: now}.request(t))
	want := `{"message":"The security token included in the request is expired"}` + "\n"
	if got.status != 403 || got.header.Get("x-amzn-ErrorType") != "ExpiredTokenException" || string(got.body) != want {
		t.Errorf("gateway responded with %d %s, want 403 ExpiredTokenException", got.status, got.body)
	}
}

func TestGatewayOfS3Refusals(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{Service: "s3"}))
	for _, c := range []tamper{
		{"another body", call{service: "s3", method: "PUT", body: "x"}, func(r *http.Request) {
			r.Body = httptest.NewRequest("PUT", "/", strings.NewReader("y")).Body
		}, 400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."},
		{"no content hash", call{}, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "execute-api", "s3", 1))
		}, 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"},
		{
			"a streamed payload",
			call{service: "s3", method: "PUT", body: "x", headers: map[string]string{"X-Amz-Content-Sha256": signing.StreamingPayload}},
			unchanged,
			400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
		},
	} {
		t.Run(c.name, func(t *testing.T) { c.expect(t, s.Gateway(), "") })
	}
}
