package handlers_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/handlers"
	"countersign/signing"
)

// signedBy is the signature of another signer, computed with only the documented algorithm: canonical is the
// canonical request without the names and the payload, so that a test says what was signed.
func signedBy(scope string, canonical ...string) string {
	text := strings.Join(canonical, "\n")
	hash := sha256.Sum256([]byte(text))
	key := []byte("AWS4" + secretKey)
	for _, part := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n20150830T123600Z\n"+scope+"\n"+hex.EncodeToString(hash[:])) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// bySigner is a request that another signer signed in its headers, over a path and a query of its choice, without a
// session.
type bySigner struct {
	method, url, service string
	uri, query           string // as signed
	host                 string // as signed
	sent                 map[string]string
	signed               []string // the lines of the signed headers other than host and x-amz-date
	payload              string
	date                 string // the name of the date header
	between              string // the separator of the parts of Authorization
}

func (r bySigner) document() map[string]any {
	dateHeader, between := orElse(r.date, "x-amz-date"), orElse(r.between, ", ")
	payload := orElse(r.payload, signing.PayloadHash(nil))
	lines := append([]string{"host:" + r.host, dateHeader + ":20150830T123600Z"}, r.signed...)
	slices.Sort(lines)
	var names []string
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	scope := "20150830/eu-west-1/" + r.service + "/aws4_request"
	signature := signedBy(scope, append(append([]string{r.method, r.uri, r.query}, lines...), "", strings.Join(names, ";"), payload)...)
	headers := map[string]string{dateHeader: "20150830T123600Z"}
	maps.Copy(headers, r.sent)
	headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=" + accessKeyID + "/" + scope + between + "SignedHeaders=" +
		strings.Join(names, ";") + between + "Signature=" + signature
	return map[string]any{
		"method": r.method, "url": r.url, "headers": headers, "at": "2015-08-30T12:36:00Z",
		"credentials": map[string]string{"accessKeyId": accessKeyID, "secretAccessKey": secretKey},
	}
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

// A signature is valid if AWS reads in the request as sent what the signer signed.
func TestVerify_ReadsARequestAsAWSDoes(t *testing.T) {
	const (
		example, s3 = "example.amazonaws.com", "examplebucket.s3.eu-west-1.amazonaws.com"
		store       = "storage.example.com:9000"
		api         = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
		empty       = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	)
	get := func(host, path, service, uri string) bySigner {
		path, query, _ := strings.Cut(path, "?")
		url := "https://" + host + path
		if query != "" {
			url += "?" + query
		}
		r := bySigner{method: "GET", url: url, service: service, uri: uri, query: query, host: host}
		if service == "s3" {
			r.sent, r.signed = map[string]string{"x-amz-content-sha256": empty}, []string{"x-amz-content-sha256:" + empty}
		}
		return r
	}
	with := func(r bySigner, change func(*bySigner)) bySigner { change(&r); return r }
	for _, test := range []struct {
		name  string
		r     bySigner
		valid bool
	}{
		// 1: outside S3, dot segments and empty ones are removed, and escapes keep their spelling.
		{"empty segments, signed without", get(example, "//example//", "service", "/example/"), true},
		{"empty segments, signed as sent", get(example, "//example//", "service", "//example//"), false},
		{"dot segments, signed without", get(api, "/a/./b/../c", "execute-api", "/a/c"), true},
		{"dot segments, signed as sent", get(api, "/a/./b/../c", "execute-api", "/a/./b/../c"), false},
		{"a dot segment at the end, by RFC 3986", get(api, "/a/b/..", "execute-api", "/a/"), true},
		{"a dot segment at the end, as botocore does", get(api, "/a/b/..", "execute-api", "/a"), true},
		{"a dot segment at the end, signed as sent", get(api, "/a/b/..", "execute-api", "/a/b/.."), false},
		{"nothing but dots", get(api, "/./..", "execute-api", "/"), true},
		{"an escape that need not be", get(api, "/%41", "execute-api", "/%2541"), true},
		{"an escape that need not be, signed without", get(api, "/%41", "execute-api", "/A"), false},
		{"an escape in lower case", get(api, "//a%2fb", "execute-api", "/a%252fb"), true},
		{"an escape in lower case, signed in capitals", get(api, "/a%2fb", "execute-api", "/a%252Fb"), false},
		{"a path encoded once", get(api, "/a:b", "execute-api", "/a:b"), false},
		{"segments of a key at S3", get(s3, "//a//./b/../c", "s3", "//a//./b/../c"), true},
		{"segments of a key at S3, normalised", get(s3, "//a//./b/../c", "s3", "/a/c"), false},
		{"an escape at S3 in lower case", get(s3, "/a%2fb%7e", "s3", "/a/b~"), true},
		// 2: in AWS's S3 a plus sign in the path is a space.
		{"a plus at S3, signed as a space", get(s3, "/a+b", "s3", "/a%20b"), true},
		{"a plus at S3, signed as itself", get(s3, "/a+b", "s3", "/a%2Bb"), false},
		{"an escaped plus at S3", get(s3, "/a%2Bb", "s3", "/a%2Bb"), true},
		{"a plus at the global host of S3", get("examplebucket.s3.amazonaws.com", "/a+b", "s3", "/a%20b"), true},
		{"a plus at another store, signed as itself", get(store, "/a+b", "s3", "/a%2Bb"), true},
		{"a plus at another store, signed as a space", get(store, "/a+b", "s3", "/a%20b"), false},
		{"a plus elsewhere", get(api, "/a+b", "execute-api", "/a%2Bb"), true},
		// 3: a semicolon in a query stands for itself.
		{"a semicolon in a query", with(get(api, "/?a=1;b=2", "execute-api", "/"), func(r *bySigner) { r.query = "a=1%3Bb%3D2" }), true},
		{"a semicolon as a separator", with(get(api, "/?a=1;b=2", "execute-api", "/"), func(r *bySigner) { r.query = "a=1&b=2" }), false},
		{"a plus in a query", with(get(api, "/?a=1+2", "execute-api", "/"), func(r *bySigner) { r.query = "a=1%202" }), true},
		{"parameters in another order", with(get(api, "/?b=1&a=2&a=1", "execute-api", "/"), func(r *bySigner) { r.query = "a=1&a=2&b=1" }), true},
		// 4: the host is signed as it was sent.
		{"the default port, sent and signed", with(get("host.foo.com", "/", "host", "/"), func(r *bySigner) {
			r.host, r.sent = "host.foo.com:443", map[string]string{"Host": "host.foo.com:443"}
		}), true},
		{"the default port, sent and not signed", with(get("host.foo.com", "/", "host", "/"), func(r *bySigner) {
			r.sent = map[string]string{"Host": "host.foo.com:443"}
		}), false},
		{
			"the default port, in the URL alone",
			with(get("host.foo.com", "/", "host", "/"), func(r *bySigner) { r.url = "https://host.foo.com:443/" }), true,
		},
		{"the default port, in the URL and signed", with(get("host.foo.com:443", "/", "host", "/"), func(*bySigner) {}), true},
		{"capitals, sent and signed", with(get("host.foo.com", "/", "host", "/"), func(r *bySigner) {
			r.host, r.sent = "Host.Foo.com", map[string]string{"host": "Host.Foo.com"}
		}), true},
		{"another port", get("host.foo.com:8443", "/", "host", "/"), true},
		{"another host", with(get("host.foo.com", "/", "host", "/"), func(r *bySigner) {
			r.host, r.sent = "host.bar.com", map[string]string{"Host": "host.bar.com"}
		}), false},
		// 6: Date may replace X-Amz-Date.
		{"the date in Date", with(get(api, "/", "execute-api", "/"), func(r *bySigner) { r.date = "date" }), true},
		// How signers write Authorization.
		{"no blank after the commas", with(get(api, "/", "execute-api", "/"), func(r *bySigner) { r.between = "," }), true},
		{"more blanks after the commas", with(get(api, "/", "execute-api", "/"), func(r *bySigner) { r.between = " ,  " }), true},
		{"no commas", with(get(api, "/", "execute-api", "/"), func(r *bySigner) { r.between = " " }), false},
		// What is not signed.
		{
			"a further header",
			with(get(api, "/", "execute-api", "/"), func(r *bySigner) { r.sent = map[string]string{"User-Agent": "x", "Accept": "*/*"} }),
			true,
		},
		{
			"a header of AWS's own that is not signed",
			with(get(api, "/", "execute-api", "/"), func(r *bySigner) { r.sent = map[string]string{"X-Amz-Target": "x"} }), false,
		},
		{"the hash of the payload, not signed as a header", with(get(api, "/", "execute-api", "/"), func(r *bySigner) {
			r.sent = map[string]string{"X-Amz-Content-Sha256": empty}
		}), true},
		{"the hash of the payload, not signed at S3", with(get(s3, "/", "s3", "/"), func(r *bySigner) { r.signed = nil }), false},
		{"white space in a value", with(get(api, "/", "execute-api", "/"), func(r *bySigner) {
			r.sent, r.signed = map[string]string{"My-Header": "  \"a   b\t c\" "}, []string{"my-header:\"a b c\""}
		}), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := test.r.document()
			got := newServer(t, withoutSession).verify(document)
			if got.Valid != test.valid || got.Verdict != map[bool]string{true: "valid", false: "invalid"}[test.valid] {
				t.Errorf("valid = %t (%s), want %t: %+v\n%v", got.Valid, got.Verdict, test.valid, got, document)
			}
		})
	}
}

func TestVerify_ContentLengthIsThatOfTheBody(t *testing.T) {
	r := bySigner{
		method: "POST", url: "https://sqs.eu-west-1.amazonaws.com/", service: "sqs", uri: "/", host: "sqs.eu-west-1.amazonaws.com",
		signed: []string{"content-length:5"}, payload: signing.PayloadHash([]byte("hello")),
	}
	for body, valid := range map[string]bool{"hello": true, "hell": false} {
		document := r.document()
		document["body"] = body
		if got := newServer(t, withoutSession).verify(document); got.Valid != valid {
			t.Errorf("%s: %+v", body, got)
		}
	}
	if got := newServer(t, withoutSession).verify(r.document()); !slices.ContainsFunc(got.Faults,
		func(f struct{ Part, Name, Reason string }) bool { return f.Name == "content-length" }) {
		t.Errorf("without a body: %+v", got)
	}
}

func TestVerify_ADateInWordsIsNamed(t *testing.T) {
	r := bySigner{method: "GET", url: "https://sqs.eu-west-1.amazonaws.com/", service: "sqs", uri: "/", host: "sqs.eu-west-1.amazonaws.com"}
	for name, test := range map[string]struct {
		headers map[string]string
		named   string
		reason  string
	}{
		"Date in words":        {map[string]string{"Date": "Sun, 30 Aug 2015 12:36:00 GMT"}, "date", "is in the format of RFC 1123"},
		"X-Amz-Date in words":  {map[string]string{"X-Amz-Date": "Sun, 30 Aug 2015 12:36:00 GMT"}, "x-amz-date", "is in the format of RFC 1123"},
		"Date in another form": {map[string]string{"Date": "2015-08-30T12:36:00Z"}, "date", "must have the format"},
		"neither":              {nil, "x-amz-date", "is missing"},
		"Date twice":           {map[string]string{"Date": "20150830T123600Z", "date": "20150830T123600Z"}, "date", "more than once"},
	} {
		document := r.document()
		headers := document["headers"].(map[string]string)
		delete(headers, "x-amz-date")
		maps.Copy(headers, test.headers)
		got := newServer(t, withoutSession).verify(document)
		if len(got.Faults) != 1 || got.Faults[0].Part != "date" || got.Faults[0].Name != test.named ||
			!strings.Contains(got.Faults[0].Reason, test.reason) {
			t.Errorf("%s: %+v", name, got.Faults)
		}
	}
}

// presignedBy is a URL that another signer presigned over a payload of its choice.
func presignedBy(host, service, payload string, more ...string) map[string]any {
	scope := "20150830/eu-west-1/" + service + "/aws4_request"
	parameters := append([]string{
		"X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Credential=" + accessKeyID + "%2F" + strings.ReplaceAll(scope, "/", "%2F"),
		"X-Amz-Date=20150830T123600Z", "X-Amz-SignedHeaders=host",
	}, more...)
	slices.Sort(parameters)
	query := strings.Join(parameters, "&")
	signature := signedBy(scope, "GET", "/a", query, "host:"+host, "", "host", payload)
	return map[string]any{
		"method": "GET", "url": "https://" + host + "/a?" + query + "&X-Amz-Signature=" + signature, "at": "2015-08-30T12:37:00Z",
		"service": service, "region": "eu-west-1",
		"credentials": map[string]string{"accessKeyId": accessKeyID, "secretAccessKey": secretKey},
	}
}

func TestVerify_PresignedPayloadsAreUnsignedOnlyInS3(t *testing.T) {
	empty := signing.PayloadHash(nil)
	for _, test := range []struct {
		host, service, payload string
		doubleEncode           any
		valid                  bool
	}{
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", "UNSIGNED-PAYLOAD", nil, true},
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", "UNSIGNED-PAYLOAD", true, true},
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", empty, nil, false},
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", empty, true, false},
		{"sqs.eu-west-1.amazonaws.com", "sqs", empty, nil, true},
		{"sqs.eu-west-1.amazonaws.com", "sqs", empty, false, true},
		{"sqs.eu-west-1.amazonaws.com", "sqs", "UNSIGNED-PAYLOAD", nil, false},
		{"sqs.eu-west-1.amazonaws.com", "sqs", "UNSIGNED-PAYLOAD", false, false},
	} {
		document := presignedBy(test.host, test.service, test.payload, "X-Amz-Expires=600")
		if test.doubleEncode != nil {
			document["doubleEncode"] = test.doubleEncode
		}
		if got := newServer(t, withoutSession).verify(document); got.Valid != test.valid {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

func TestVerify_AnExpiryMayBeAbsentOutsideS3(t *testing.T) {
	for _, test := range []struct {
		host, service, payload, expires, at string
		valid                               bool
	}{
		{"sqs.eu-west-1.amazonaws.com", "sqs", signing.PayloadHash(nil), "", "2015-08-30T12:50:00Z", true},
		{"sqs.eu-west-1.amazonaws.com", "sqs", signing.PayloadHash(nil), "", "2015-08-30T12:52:00Z", false},
		{"sqs.eu-west-1.amazonaws.com", "sqs", signing.PayloadHash(nil), "X-Amz-Expires=604801", "2015-08-30T12:50:00Z", true},
		{"sqs.eu-west-1.amazonaws.com", "sqs", signing.PayloadHash(nil), "X-Amz-Expires=0", "2015-08-30T12:36:00Z", false},
		{"sqs.eu-west-1.amazonaws.com", "sqs", signing.PayloadHash(nil), "X-Amz-Expires=60s", "2015-08-30T12:36:00Z", false},
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", "UNSIGNED-PAYLOAD", "", "2015-08-30T12:36:00Z", false},
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", "UNSIGNED-PAYLOAD", "X-Amz-Expires=604800", "2015-08-30T12:50:00Z", true},
		{"examplebucket.s3.eu-west-1.amazonaws.com", "s3", "UNSIGNED-PAYLOAD", "X-Amz-Expires=604801", "2015-08-30T12:50:00Z", false},
	} {
		var more []string
		if test.expires != "" {
			more = []string{test.expires}
		}
		document := presignedBy(test.host, test.service, test.payload, more...)
		document["at"] = test.at
		if got := newServer(t, withoutSession).verify(document); got.Valid != test.valid {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

// The .NET SDK leaves the semicolons of X-Amz-SignedHeaders unescaped.
func TestVerify_SemicolonsInSignedHeadersMayBePlain(t *testing.T) {
	server := newServer(t, nil)
	url := server.presign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"X-Amz-Target":"a"}}`).URL
	plain := strings.Replace(url, "host%3Bx-amz-target", "host;x-amz-target", 1)
	if got := server.verify(map[string]any{
		"method": "GET", "url": plain, "headers": map[string]string{"X-Amz-Target": "a"},
	}); plain == url || !got.Valid {
		t.Errorf("%s: %+v", plain, got)
	}
	server.refuse(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/?a=1;b"}`, 400)
}

func TestPresign_LatticeHasTheUnsignedPayloadInAHeader(t *testing.T) {
	server := newServer(t, nil)
	const ask = `{"method":"POST","url":"https://service.example.com/a","service":"vpc-lattice-svcs","region":"eu-west-1","body":"x"`
	for _, more := range []string{`}`, `,"headers":{"x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}`, `,"payload":"unsigned"}`} {
		got := server.presign(ask + more)
		if got.Headers["X-Amz-Content-Sha256"] != "UNSIGNED-PAYLOAD" ||
			!slices.Equal(
				got.SignedHeaders, []string{"host", "x-amz-content-sha256"},
			) || strings.Contains(got.URL, "Content-Sha256") || len(got.Warnings) != 0 {
			t.Errorf("%s: %+v", more, got)
		}
		document := map[string]any{"method": "POST", "url": got.URL, "headers": got.Headers, "body": "x"}
		if v := server.verify(document); !v.Valid {
			t.Errorf("%s: %+v", more, v)
		}
		delete(document, "headers")
		if v := server.verify(document); v.Valid {
			t.Errorf("%s: valid without the header", more)
		}
	}
}

func TestVerify_WhatAnotherSessionSignedIsUnknown(t *testing.T) {
	const id, older, foreign = "ASIAEXAMPLENEW00", "ASIAEXAMPLEOLD00", "AKIAIOSFODNN7EXAMPLE"
	const oldToken = "OLDEXAMPLETOKENthatOpensNothing=="
	server := func(id, token string) *testServer {
		return newServer(t, func(o *handlers.Options) {
			o.Sessions, o.AllowCredentials = holding(signing.NewCredentials(id, secretKey, token), time.Time{}), true
		})
	}
	const ask = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/a?b=1"}`
	old := server(older, oldToken)
	headers, presigned := old.sign(ask), old.presign(ask)
	permanent := server(foreign, "").sign(ask)
	now := server(id, token)
	document := func(signed signResponse) map[string]any {
		return map[string]any{"method": "GET", "url": signed.URL, "headers": signed.Headers}
	}
	changed := func(d map[string]any, change func(map[string]any)) map[string]any { change(d); return d }
	for _, test := range []struct {
		name     string
		server   *testServer
		document map[string]any
		verdict  string
		parts    []string
	}{
		{"by headers", now, document(headers), "unknown", []string{"access-key"}},
		{"presigned", now, map[string]any{"method": "GET", "url": presigned.URL}, "unknown", []string{"access-key"}},
		{"a permanent key of another", now, document(permanent), "invalid", []string{"access-key", "session-token"}},
		{
			"by a session, the profile's key is permanent", server(foreign, ""), document(headers), "invalid",
			[]string{"access-key", "session-token"},
		},
		{
			"too long ago", now, changed(document(headers), func(d map[string]any) { d["at"] = "2015-08-30T12:50:00Z" }), "invalid",
			[]string{"access-key", "date"},
		},
		{
			"for another service", now, changed(document(headers), func(d map[string]any) { d["service"] = "sns" }), "invalid",
			[]string{"access-key", "scope"},
		},
		{"without its token", now, changed(document(headers), func(d map[string]any) {
			d["headers"] = map[string]string{"Authorization": headers.Authorization, "X-Amz-Date": headers.XAmzDate}
		}), "invalid", []string{"access-key", "session-token", "signed-headers"}},
		{"a header that is not signed", now, changed(document(headers), func(d map[string]any) {
			d["headerList"] = []map[string]string{{"name": "X-Amz-Acl", "value": "private"}}
		}), "invalid", []string{"access-key", "signed-headers"}},
		{"keys of the request", now, changed(document(headers), func(d map[string]any) {
			d["credentials"] = map[string]string{"accessKeyId": id, "secretAccessKey": secretKey, "sessionToken": token}
		}), "invalid", []string{"access-key", "session-token"}},
	} {
		got := test.server.verify(test.document)
		var parts []string
		for _, f := range got.Faults {
			parts = append(parts, f.Part)
		}
		if got.Valid || got.Verdict != test.verdict || !slices.Equal(parts, test.parts) {
			t.Errorf("%s: %+v, want %s for %v", test.name, got, test.verdict, test.parts)
		}
		if test.verdict == "unknown" && !strings.Contains(got.Faults[0].Reason, "whose signature cannot be verified here") {
			t.Errorf("%s: %+v", test.name, got.Faults)
		}
		if text := got.Explanation["canonicalRequest"]; strings.Contains(text, "OLDEXAMPLETOKEN") || strings.Contains(text, token) {
			t.Errorf("%s: the explanation shows the token: %s", test.name, text)
		}
	}
}

// Policies see of a signed request what they saw when it was signed: what its signature covers, without the
// signature.
func TestVerify_PoliciesSeeWhatIsSigned(t *testing.T) {
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when {
		resource.service == "s3" && resource.operation == "GetObject" && resource.path like "/in/*" };
		permit (principal, action, resource) when { resource.service == "sqs" && resource.headers.contains("x-tenant") };`))
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	url := server.presign(`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/in/a"}`).URL
	if got := server.verify(map[string]any{"method": "GET", "url": url}); !got.Valid {
		t.Errorf("presigned: %+v", got)
	}
	signed := server.sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"X-Tenant":"a"},` +
		`"signedHeaders":["x-tenant"]}`)
	document := map[string]any{"method": "GET", "url": signed.URL, "headers": signed.Headers}
	if got := server.verify(document); !got.Valid {
		t.Errorf("signed: %+v", got)
	}
	unsigned := bySigner{
		method: "GET", url: signed.URL, service: "sqs", uri: "/", host: "sqs.eu-west-1.amazonaws.com",
		sent: map[string]string{"X-Tenant": "a"},
	}.document()
	delete(unsigned, "credentials")
	server.problem(server.post("/v1/verify", encode(t, unsigned)), http.StatusForbidden)
}

func TestVerify_AcceptsRequestsAtEveryBound(t *testing.T) {
	server := newServer(t, nil)
	headers := make([]map[string]string, 128)
	for i := range headers {
		headers[i] = map[string]string{"name": "X-Meta-" + strings.Repeat("a", i+1), "value": "v"}
	}
	ask := map[string]any{
		"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/?a" + strings.Repeat("&a", 1023), "headerList": headers,
		"signAllHeaders": true,
	}
	m := &mirror{testServer: server}
	for _, way := range []string{"sign", "presign", "steps"} {
		signed, ok := m.signs(way, ask)
		if !ok {
			t.Fatalf("%s: refused", way)
		}
		if got := server.verify(paste(signed, "method", "url", "headerList")); !got.Valid {
			t.Errorf("%s: %+v", way, got.Faults)
		}
	}
}
