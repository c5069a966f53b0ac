package handlers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/handlers"
	"countersign/signing"
)

func TestScope_IsInferredFromTheHost(t *testing.T) {
	for url, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/":                         "sqs eu-west-1",
		"https://a1b2c3d4e5.execute-api.ap-south-1.amazonaws.com/prod": "execute-api ap-south-1",
	} {
		got := newServer(t, nil).sign(`{"method":"GET","url":"` + url + `"}`)
		if got.Service+" "+got.Region != want || got.ScopeSource != "inferred" || got.Algorithm != "AWS4-HMAC-SHA256" {
			t.Errorf("%s: got %s %s (%s)", url, got.Service, got.Region, got.ScopeSource)
		}
	}
}

func TestScope_GivenValuesOverrideTheHost(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","service":"sns","region":"eu-west-2"}`)
	if got.Service != "sns" || got.Region != "eu-west-2" || got.ScopeSource != "explicit" {
		t.Errorf("got %s %s (%s)", got.Service, got.Region, got.ScopeSource)
	}
	if codes := got.warningCodes(); !slices.Contains(codes, "service_differs") || !slices.Contains(codes, "region_differs") {
		t.Errorf("got warnings %v", codes)
	}
	got = newServer(t, nil).sign(`{"method":"GET","url":"https://api.example.com/","service":"execute-api","region":"eu-west-2"}`)
	if got.ScopeSource != "explicit" || len(got.Warnings) != 0 {
		t.Errorf("a custom domain: got %s, %v", got.ScopeSource, got.Warnings)
	}
}

func TestTheResponseIsTheRequestToSend(t *testing.T) {
	got := newServer(t, nil).sign(`{
		"method": "POST", "url": "https://SQS.eu-west-1.amazonaws.com:443/./queue//a b?x=1+2&y",
		"query": {"z": "ü/&"},
		"headers": {"Content-Type": "text/plain", "X-Amz-Target": " a   b ", "Authorization": "Bearer x", "X-Amz-Date": "19700101T000000Z"},
		"headerList": [{"name": "X-Twice", "value": "1"}, {"name": "x-twice", "value": "2"}],
		"body": "hello"
	}`)
	if want := "https://sqs.eu-west-1.amazonaws.com/queue/a%20b?x=1%202&y=&z=%C3%BC%2F%26"; got.URL != want {
		t.Errorf("url = %s, want %s", got.URL, want)
	}
	if got.Method != "POST" || *got.Body != "hello" || got.BodyBase64 != nil {
		t.Errorf("got %s with body %v", got.Method, got.Body)
	}
	if want := "content-type: text/plain; x-amz-target: a   b; x-twice: 1,2"; !strings.HasPrefix(lowerHeaders(got), want) {
		t.Errorf("headers = %s, want %s …", lowerHeaders(got), want)
	}
	if got.Headers["X-Amz-Security-Token"] != token || got.XAmzSecurityToken != token ||
		got.Headers["X-Amz-Date"] != "20150830T123600Z" || got.XAmzDate != "20150830T123600Z" {
		t.Errorf("headers = %v", got.Headers)
	}
	if got.Headers["Authorization"] != got.Authorization ||
		!strings.HasPrefix(got.Authorization,
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/sqs/aws4_request, "+
				"SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature=") {
		t.Errorf("authorization = %s", got.Authorization)
	}
	for _, code := range []string{"header_replaced", "path_normalized"} {
		if !slices.Contains(got.warningCodes(), code) {
			t.Errorf("no warning %s in %v", code, got.Warnings)
		}
	}
	if !got.SignedAt.Equal(signedAt) || !got.ExpiresAt.Equal(signedAt.Add(5*time.Minute)) || got.Profile != "orders" ||
		got.AccessKeyID != accessKeyID {
		t.Errorf("got %+v", got)
	}
}

func lowerHeaders(a signResponse) string {
	var lines []string
	for _, h := range a.HeaderList {
		lines = append(lines, strings.ToLower(h.Name)+": "+h.Value)
	}
	return strings.Join(lines, "; ")
}

func TestBodiesAreReturnedAsSigned(t *testing.T) {
	for name, test := range map[string]struct {
		fields, bytes, media string
		asBytes              bool
	}{
		"text":       {`"body": "Grüße\n"`, "Grüße\n", "text/plain; charset=utf-8", false},
		"empty text": {`"body": ""`, "", "text/plain; charset=utf-8", false},
		"object": {
			`"body": { "b" : 1.0, "a" : 1e3, "c": "\u00fc" }`, `{"b":1.0,"a":1e3,"c":"\u00fc"}`, "application/json", false,
		},
		"array":   {`"body": [ 1 , 2 ]`, `[1,2]`, "application/json", false},
		"number":  {`"body": 12.50`, `12.50`, "application/json", false},
		"boolean": {`"body": true`, `true`, "application/json", false},
		"Base64":  {`"bodyBase64": "/wA="`, "\xff\x00", "application/octet-stream", true},
		"envelope": {
			`"body": {"$content-type": "image/png", "$content": "iVBORw0KGgo="}`, "\x89PNG\r\n\x1a\n", "image/png", true,
		},
		"envelope without type": {`"body": {"$content": "YQ=="}`, "a", "application/octet-stream", true},
		"typed by the headers": {
			`"body": {"a":1}, "headers": {"content-type": "application/x-amz-json-1.0"}`, `{"a":1}`, "application/x-amz-json-1.0",
			false,
		},
		"envelope beside a header": {
			`"body": {"$content-type": "image/png", "$content": "YQ=="}, "headers": {"Content-Type": "image/gif"}`, "a", "image/gif",
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := newServer(t, nil).sign(`{"method":"PUT","url":"https://sqs.eu-west-1.amazonaws.com/",` + test.fields + `}`)
			sum := sha256.Sum256([]byte(test.bytes))
			if got.PayloadSha256 != hex.EncodeToString(sum[:]) {
				t.Errorf("payloadSha256 = %s, want the hash of %q", got.PayloadSha256, test.bytes)
			}
			encoded := base64.StdEncoding.EncodeToString([]byte(test.bytes))
			if got.BodyEnvelope["$content"] != encoded || got.BodyEnvelope["$content-type"] != test.media {
				t.Errorf("bodyEnvelope = %v, want %s of %s", got.BodyEnvelope, encoded, test.media)
			}
			if test.asBytes && (got.Body != nil || got.BodyBase64 == nil || *got.BodyBase64 != encoded) {
				t.Errorf("body = %v, bodyBase64 = %v", got.Body, got.BodyBase64)
			}
			if !test.asBytes && (got.BodyBase64 != nil || got.Body == nil || *got.Body != test.bytes) {
				t.Errorf("body = %v, bodyBase64 = %v", got.Body, got.BodyBase64)
			}
		})
	}
	none := newServer(t, nil).sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","body":null}`)
	if none.Body != nil || none.BodyBase64 != nil || none.BodyEnvelope != nil {
		t.Errorf("no body: got %v %v %v", none.Body, none.BodyBase64, none.BodyEnvelope)
	}
}

func TestAnEnvelopeBringsItsContentType(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"PUT","url":"https://sqs.eu-west-1.amazonaws.com/","body":{"$content-type":"image/png",` +
		`"$content":"YQ=="}}`)
	if got.Headers["Content-Type"] != "image/png" || slices.Contains(got.SignedHeaders, "content-type") {
		t.Errorf("headers = %v, signed %v", got.Headers, got.SignedHeaders)
	}
}

func TestS3IsSignedTheWayS3Reads(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"PUT","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a//b=c (1).txt","service":"s3",` +
		`"region":"eu-west-1","body":"x","explain":true}`)
	if want := "https://examplebucket.s3.eu-west-1.amazonaws.com/a//b%3Dc%20%281%29.txt"; got.URL != want {
		t.Errorf("url = %s, want %s", got.URL, want)
	}
	if !strings.HasPrefix(got.Explanation["canonicalRequest"], "PUT\n/a//b%3Dc%20%281%29.txt\n\n") {
		t.Errorf("canonical request = %q", got.Explanation["canonicalRequest"])
	}
	if got.XAmzContentSha256 != got.PayloadSha256 || !slices.Contains(got.SignedHeaders, "x-amz-content-sha256") {
		t.Errorf("x-amz-content-sha256 = %q, signed %v", got.XAmzContentSha256, got.SignedHeaders)
	}
	if !got.ExpiresAt.Equal(signedAt.Add(15 * time.Minute)) {
		t.Errorf("expiresAt = %v", got.ExpiresAt)
	}
	got = newServer(t, nil).sign(`{"method":"PUT","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a","service":"s3",` +
		`"region":"eu-west-1","payload":"unsigned","body":"x"}`)
	if got.PayloadSha256 != "UNSIGNED-PAYLOAD" || got.XAmzContentSha256 != "UNSIGNED-PAYLOAD" || *got.Body != "x" {
		t.Errorf("unsigned: %+v", got)
	}
}

func TestExplanationShowsEveryStageWithoutTheToken(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/?b=2&a=1","explain":true}`)
	canonical := got.Explanation["canonicalRequest"]
	const begin = "GET\n/\na=1&b=2\nhost:sqs.eu-west-1.amazonaws.com\nx-amz-date:20150830T123600Z\nx-amz-security-token:"
	if !strings.HasPrefix(canonical, begin) || strings.Contains(canonical, token) {
		t.Errorf("canonicalRequest = %q", canonical)
	}
	scope := "20150830/eu-west-1/sqs/aws4_request"
	want := "AWS4-HMAC-SHA256\n20150830T123600Z\n" + scope + "\n" + got.Explanation["canonicalRequestSha256"]
	if got.Explanation["stringToSign"] != want || got.Explanation["credentialScope"] != scope {
		t.Errorf("stringToSign = %q, want %q", got.Explanation["stringToSign"], want)
	}
	if !strings.HasSuffix(got.Authorization, "Signature="+got.Explanation["signature"]) {
		t.Errorf("signature = %q", got.Explanation["signature"])
	}
	if plain := newServer(t, nil).sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`); plain.Explanation != nil {
		t.Errorf("explained without explain: %v", plain.Explanation)
	}
}

func TestExpiryIsTheEarlierOfWindowAndSession(t *testing.T) {
	soon := signedAt.Add(90 * time.Second)
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(a credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Expires: soon}, nil
		}}
	})
	if got := server.sign(`{` + aGet + `}`); !got.ExpiresAt.Equal(soon) {
		t.Errorf("expiresAt = %v, want %v", got.ExpiresAt, soon)
	}
}

func TestSession_IsRequestedAsTheDocumentSays(t *testing.T) {
	var asked credentials.SessionRequest
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(a credentials.SessionRequest) (credentials.Session, error) {
			asked = a
			return credentials.Session{Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Skew: 40 * time.Second}, nil
		}}
	})
	got := server.sign(`{` + aGet + `,"profile":"billing","minValiditySeconds":6e2}`)
	want := credentials.SessionRequest{
		Profile: "billing", Caller: "anonymous", Host: "sqs.eu-west-1.amazonaws.com", MinValidity: 10 * time.Minute, Strict: true,
	}
	if asked != want {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
	if !got.SignedAt.Equal(signedAt.Add(40 * time.Second)) {
		t.Errorf("signedAt = %v: the clock was not corrected", got.SignedAt)
	}
	server.sign(`{` + aGet + `,"profile":null,"minValiditySeconds":null}`)
	if asked.Profile != "orders" || asked.MinValidity != time.Minute {
		t.Errorf("null: asked %+v", asked)
	}
}

// What an unknown service accepts is up to the caller.
func TestUnsignedPayloadsOfUnknownServices(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"PUT","url":"https://blobs.example/a","service":"blobs","region":"eu-west-1",` +
		`"payload":"unsigned","body":"x","explain":true}`)
	if !strings.HasSuffix(got.Explanation["canonicalRequest"], "\nUNSIGNED-PAYLOAD") ||
		!slices.Equal(got.warningCodes(), []string{"payload_unsigned"}) {
		t.Errorf("got %s with %v", got.Explanation["canonicalRequest"], got.Warnings)
	}
}

// In a presigned request the hash is in the query.
func TestPresigningDropsTheHashHeader(t *testing.T) {
	w := newServer(t, nil).post(
		"/v1/presign",
		`{"method":"PUT","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a","body":"x","payload":"signed",`+
			`"headers":{"x-amz-content-sha256":"`+signing.PayloadHash([]byte("x"))+`"}}`,
	)
	if body := w.Body.String(); !strings.Contains(body, "X-Amz-Content-Sha256="+signing.PayloadHash([]byte("x"))) ||
		!strings.Contains(body, `"code":"header_replaced"`) {
		t.Errorf("got %s", body)
	}
}

func TestOptionsOverrideTheServicesDefaults(t *testing.T) {
	server := newServer(t, nil)
	const head = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/a/../b%3Ac","explain":true,"options":`
	for options, want := range map[string]string{
		`null`:                             "/b%253Ac [host x-amz-date x-amz-security-token]",
		`{"normalizePath":false}`:          "/a/../b%253Ac [host x-amz-date x-amz-security-token]",
		`{"doubleEncode":false}`:           "/b%3Ac [host x-amz-date x-amz-security-token]",
		`{"sessionToken":"appended"}`:      "/b%253Ac [host x-amz-date]",
		`{"sessionToken":"omitted"}`:       "/b%253Ac [host x-amz-date]",
		`{"contentSha256Header":"always"}`: "/b%253Ac [host x-amz-content-sha256 x-amz-date x-amz-security-token]",
	} {
		got := server.sign(head + options + `}`)
		path := strings.Split(got.Explanation["canonicalRequest"], "\n")[1]
		if found := fmt.Sprint(path, " ", got.SignedHeaders); found != want {
			t.Errorf("%s: got %s, want %s", options, found, want)
		}
		_, sent := got.Headers["X-Amz-Security-Token"]
		if sent != !strings.Contains(options, "omitted") {
			t.Errorf("%s: token sent: %v", options, sent)
		}
	}
}

// S3 reads an unescaped plus sign as a space, whether or not dot segments are removed.
func TestKeysAreEncodedWhateverBecomesOfDots(t *testing.T) {
	server := newServer(t, nil)
	for _, tt := range []struct{ path, options, want string }{
		{"/a/c++@.txt", `null`, "/a/c%2B%2B%40.txt"},
		{"/a/c++@.txt", `{"normalizePath":null}`, "/a/c%2B%2B%40.txt"},
		{"/a/./c++@.txt", `{"normalizePath":true}`, "/a/c%2B%2B%40.txt"},
		{"/a/./c++@.txt", `{"normalizePath":false}`, "/a/./c%2B%2B%40.txt"},
		{"/a%2F.%2Fc++.txt", `{"normalizePath":false}`, "/a%2F.%2Fc%2B%2B.txt"},
	} {
		got := server.sign(`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com` + tt.path + `","explain":true,"options":` +
			tt.options + `}`)
		if signed := strings.Split(got.Explanation["canonicalRequest"], "\n")[1]; signed != strings.ReplaceAll(tt.want, "%2F", "/") ||
			!strings.HasSuffix(got.URL, ".com"+tt.want) {
			t.Errorf("%s %s: sent %s, signed %s, want %s", tt.path, tt.options, got.URL, signed, tt.want)
		}
	}
}

func TestRequestCredentials_IfAllowed(t *testing.T) {
	var given credentials.RequestCredentials
	server := newServer(t, func(o *handlers.Options) {
		o.AllowCredentials, o.AllowSigningTime = true, true
		o.Sessions = fakeSessions{sessionFrom: func(g credentials.RequestCredentials) (credentials.Session, error) {
			given = g
			return credentials.Session{Credentials: signing.NewCredentials(g.AccessKeyID, g.SecretAccessKey, g.SessionToken)}, nil
		}}
	})
	got := server.sign(`{` + aGet +
		`,"signingTime":"2013-05-24T02:00:00+02:00","credentials":{"accessKeyId":"AKIDEXAMPLE","secretAccessKey":"k",` +
		`"accountId":"123456789012","roleName":"r","externalId":"e","durationSeconds":900}}`)
	if got.XAmzDate != "20130524T000000Z" {
		t.Errorf("xAmzDate = %s", got.XAmzDate)
	}
	want := credentials.RequestCredentials{
		AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "k", AccountID: "123456789012", RoleName: "r", ExternalID: "e",
		Duration: 15 * time.Minute, Region: "eu-west-1", Caller: "anonymous", MinValidity: time.Minute,
	}
	if given != want {
		t.Errorf("given %+v, want %+v", given, want)
	}
	refused := server.refuse(`{`+aGet+`,"profile":"orders","credentials":{"accessKeyId":"a","secretAccessKey":"b"}}`, 400)
	if refused.Code != "fields_conflict" {
		t.Errorf("got %+v", refused)
	}
}

func TestHTTP_OnlyIfTheOperatorListsTheHost(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) { o.HTTPHosts = []string{"127.0.0.1:9000"} })
	got := server.sign(`{"method":"GET","url":"http://127.0.0.1:9000/bucket","service":"s3","region":"us-east-1"}`)
	if got.URL != "http://127.0.0.1:9000/bucket" {
		t.Errorf("url = %s", got.URL)
	}
	server.refuse(`{"method":"GET","url":"http://127.0.0.1:9001/bucket","service":"s3","region":"us-east-1"}`, 400)
}

func TestSignAllHeadersIsForClientsThatSendThemAsTheyAre(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"X-Name":"Grüße\u00a0"},` +
		`"signAllHeaders":true,"explain":true}`)
	if !strings.Contains(got.Explanation["canonicalRequest"], "\nx-name:Grüße\u00a0\n") {
		t.Errorf("canonical request = %q", got.Explanation["canonicalRequest"])
	}
	newServer(t, nil).refuse(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"X-Name":"Grüße"}}`, 400)
}

func TestTheOnlyPayloadHashOfAServiceMayBeGiven(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"POST","url":"https://api.example.com/","service":"vpc-lattice-svcs","region":"eu-west-1",` +
		`"headers":{"x-amz-content-sha256":"UNSIGNED-PAYLOAD"},"body":"x"}`)
	if got.PayloadSha256 != "UNSIGNED-PAYLOAD" {
		t.Errorf("payloadSha256 = %s", got.PayloadSha256)
	}
}
