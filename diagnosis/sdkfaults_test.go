package diagnosis_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/logging"

	"countersign/diagnosis"
	"countersign/signing"
)

// The cases in this file are requests signed by AWS's own SDK, with one thing wrong. What is wrong is known from how
// the request is made. The responses come from a service that computes the signature independently.

const (
	sdkKey    = "AKIAIOSFODNN7EXAMPLE"
	sdkSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" // the slash and the plus sign tend to get lost
)

var sdkTime = time.Date(2026, 11, 28, 22, 14, 7, 0, time.UTC)

// place is where a request goes, and how that service writes refusals.
type place struct {
	service, region string
	refuses         func(r *refusal) *diagnosis.Response
}

// refusal is what a service knows when it refuses.
type refusal struct{ keyID, signature, canonical, toSign string }

const mismatchSentence = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func (r *refusal) sentence() string {
	if r.canonical == "" {
		return mismatchSentence
	}
	return mismatchSentence + "\n\nThe Canonical String for this request should have been\n'" + r.canonical +
		"'\n\nThe String-to-Sign should have been\n'" + r.toSign + "'\n"
}

func errorResponse(status int, contentType, body string, more ...string) *diagnosis.Response {
	a := &diagnosis.Response{Status: status, Body: []byte(body), Headers: []signing.Header{
		{Name: "Date", Value: sdkTime.Add(time.Second).Format(http.TimeFormat)}, {Name: "Content-Type", Value: contentType},
	}}
	for i := 0; i+1 < len(more); i += 2 {
		a.Headers = append(a.Headers, signing.Header{Name: more[i], Value: more[i+1]})
	}
	return a
}

func quotedJSON(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func gatewayResponse(r *refusal) *diagnosis.Response {
	return errorResponse(403, "application/json", `{"message":`+quotedJSON(r.sentence())+`}`, "x-amzn-ErrorType", "InvalidSignatureException")
}

func coralResponse(r *refusal) *diagnosis.Response {
	return errorResponse(
		400, "application/x-amz-json-1.0",
		`{"__type":"com.amazon.coral.service#InvalidSignatureException","message":`+quotedJSON(r.sentence())+`}`,
	)
}

var xmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func queryResponse(r *refusal) *diagnosis.Response {
	return errorResponse(403, "text/xml", `<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type>`+
		`<Code>SignatureDoesNotMatch</Code><Message>`+xmlText.Replace(r.sentence())+
		`</Message><Detail/></Error><RequestId>8a4b3e2f</RequestId></ErrorResponse>`)
}

func s3Response(r *refusal) *diagnosis.Response {
	body := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>SignatureDoesNotMatch</Code>" +
		"<Message>The request signature we calculated does not match the signature you provided. Check your key and signing method.</Message>"
	if r.canonical != "" {
		body += "<AWSAccessKeyId>" + r.keyID + "</AWSAccessKeyId><StringToSign>" + xmlText.Replace(r.toSign) + "</StringToSign>" +
			"<SignatureProvided>" + xmlText.Replace(r.signature) + "</SignatureProvided>" +
			"<StringToSignBytes>" + fmt.Sprintf("% x", r.toSign) + "</StringToSignBytes>" +
			"<CanonicalRequest>" + xmlText.Replace(r.canonical) + "</CanonicalRequest><CanonicalRequestBytes>" +
			fmt.Sprintf("% x", r.canonical) + "</CanonicalRequestBytes>"
	}
	body += "<RequestId>ABC</RequestId><HostId>x</HostId></Error>"
	return errorResponse(403, "application/xml", body, "x-amz-request-id", "ABC", "Server", "AmazonS3")
}

// sdkCall is the request that a case starts from.
type sdkCall struct {
	place
	call
}

func newCall(p place, method, host, target string, headers, body string) sdkCall {
	c := call{method: method, host: host, body: []byte(body)}
	c.path, c.query, _ = strings.Cut(target, "?")
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			c.headers = append(c.headers, [2]string{name, value})
		}
	}
	return sdkCall{p, c}
}

func (s *sdkCall) s3() bool { return s.service == "s3" }

// sdkSigner is the SDK with one or more of its steps replaced.
type sdkSigner struct {
	give      func(c *call) // changes what the SDK is given
	escape    bool          // encode the path if it must not be encoded, and vice versa
	hash      func(body []byte) string
	at        time.Time
	service   string
	region    string
	secret    string
	token     string
	keyID     string
	presigned bool
	canonical func(c string) string
	toSign    func(s, canonical string) string
	key       func(secret string, scope []string) []byte
	write     func(mac []byte) string
}

// sign signs a call with the SDK and copies the result to the call that is sent.
func (s *sdkSigner) sign(t *testing.T, q *sdkCall) {
	t.Helper()
	given := q.clone()
	if s.give != nil {
		s.give(given)
	}
	hash := s.payload(q, given.body)
	if q.s3() && !s.presigned {
		given.set("X-Amz-Content-Sha256", hash)
		q.set("X-Amz-Content-Sha256", hash)
	}
	r := &http.Request{
		Method: given.method, Header: http.Header{}, Host: given.host,
		URL: &url.URL{Scheme: "https", Host: given.host, Opaque: "//" + given.host + given.path, RawQuery: given.query},
	}
	for _, h := range given.headers {
		r.Header.Add(h[0], h[1])
	}
	var text, toSign string
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping, o.LogSigning = q.s3() != s.escape, true
		o.Logger = logging.LoggerFunc(func(_ logging.Classification, _ string, v ...any) {
			text, toSign = v[0].(string), v[1].(string)
		})
	})
	credentials := aws.Credentials{AccessKeyID: orText(s.keyID, sdkKey), SecretAccessKey: orText(s.secret, sdkSecret), SessionToken: s.token}
	at, region, service := s.at, orText(s.region, q.region), orText(s.service, q.service)
	if at.IsZero() {
		at = sdkTime
	}
	if s.presigned {
		address, _, err := signer.PresignHTTP(context.Background(), credentials, r, hash, service, region, at)
		if err != nil {
			t.Fatal(err)
		}
		_, signed, _ := strings.Cut(address, "?")
		_, q.query, _ = strings.Cut(q.query+"&"+withoutParameters(signed, q.query), "&")
		if !strings.Contains(q.query, "Expires") {
			q.query = signed
		}
	} else if err := signer.SignHTTP(context.Background(), credentials, r, hash, service, region, at); err != nil {
		t.Fatal(err)
	}
	if s.canonical != nil || s.toSign != nil || s.key != nil || s.write != nil {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature="+signatureIn(r.Header.Get("Authorization")),
			"Signature="+s.again(text, toSign), 1))
	}
	for _, name := range []string{"X-Amz-Date", "X-Amz-Security-Token", "Authorization"} {
		if value := r.Header.Get(name); value != "" && !s.presigned {
			q.set(name, value)
		}
	}
}

// withoutParameters returns the parameters of a query that another query lacks.
func withoutParameters(query, other string) string {
	have := strings.Split(other, "&")
	return strings.Join(slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool { return slices.Contains(have, p) }), "&")
}

func signatureIn(authorization string) string {
	_, signature, _ := strings.Cut(authorization, "Signature=")
	return signature
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (s *sdkSigner) payload(q *sdkCall, body []byte) string {
	switch {
	case s.hash != nil:
		return s.hash(body)
	case s.presigned && q.s3():
		return "UNSIGNED-PAYLOAD"
	}
	return hexSHA(body)
}

// again computes the signature with the replaced steps.
func (s *sdkSigner) again(text, toSign string) string {
	lines := strings.Split(toSign, "\n")
	if s.canonical != nil {
		text = s.canonical(text)
		lines[3] = hexSHA([]byte(text))
		toSign = strings.Join(lines, "\n")
	}
	if s.toSign != nil {
		toSign = s.toSign(toSign, text)
	}
	key, scope := []byte(nil), strings.Split(lines[2], "/")
	if s.key != nil {
		key = s.key(orText(s.secret, sdkSecret), scope)
	} else {
		key = hmacs("AWS4"+orText(s.secret, sdkSecret), scope...)
	}
	mac := hmacs(string(key), toSign)
	if s.write != nil {
		return s.write(mac)
	}
	return hex.EncodeToString(mac)
}

func hmacs(key string, texts ...string) []byte {
	mac := []byte(key)
	for _, text := range texts {
		h := hmac.New(sha256.New, mac)
		h.Write([]byte(text))
		mac = h.Sum(nil)
	}
	return mac
}

// encoded is UriEncode from AWS's documentation.
func encoded(s string, slash bool) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._~", rune(c)) || slash && c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// asServiceReads returns the canonical request that the service makes of what arrived.
func asServiceReads(q *sdkCall, signedHeaders string, presigned bool) string {
	path := q.path
	if q.s3() {
		path, _ = url.PathUnescape(path)
	}
	var pairs [][2]string
	for piece := range strings.SplitSeq(q.query, "&") {
		n, v, _ := strings.Cut(piece, "=")
		n, _ = url.QueryUnescape(n)
		v, _ = url.QueryUnescape(v)
		if piece != "" && n != "X-Amz-Signature" {
			pairs = append(pairs, [2]string{encoded(n, false), encoded(v, false)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if a[0] != b[0] {
			return strings.Compare(a[0], b[0])
		}
		return strings.Compare(a[1], b[1])
	})
	var query []string
	for _, p := range pairs {
		query = append(query, p[0]+"="+p[1])
	}
	lines := []string{q.method, encoded(path, true), strings.Join(query, "&")}
	for name := range strings.SplitSeq(signedHeaders, ";") {
		var values []string
		for _, h := range append(slices.Clone(q.headers), [2]string{"host", q.host}) {
			if strings.EqualFold(h[0], name) {
				values = append(values, strings.Join(strings.Fields(h[1]), " "))
			}
		}
		lines = append(lines, name+":"+strings.Join(values, ","))
	}
	payload := hexSHA(q.body)
	if q.s3() {
		payload = orText(q.get("X-Amz-Content-Sha256"), payload)
		if presigned {
			payload = "UNSIGNED-PAYLOAD"
		}
	}
	return strings.Join(append(lines, "", signedHeaders, payload), "\n")
}

// refusedByService returns the response to a call, or nil if its signature is right.
func refusedByService(t *testing.T, q *sdkCall, secret string) (whole, short *diagnosis.Response) {
	t.Helper()
	r, scope, date := &refusal{}, "", ""
	signedHeaders := ""
	presigned := strings.Contains(q.query, "X-Amz-Signature=")
	if values, _ := url.ParseQuery(q.query); presigned {
		r.signature, signedHeaders, date = values.Get("X-Amz-Signature"), values.Get("X-Amz-SignedHeaders"), values.Get("X-Amz-Date")
		r.keyID, scope, _ = strings.Cut(values.Get("X-Amz-Credential"), "/")
	} else {
		authorization := q.get("Authorization")
		r.signature, date = signatureIn(authorization), q.get("X-Amz-Date")
		_, rest, _ := strings.Cut(authorization, "Credential=")
		credential, rest, _ := strings.Cut(rest, ", SignedHeaders=")
		signedHeaders, _, _ = strings.Cut(rest, ", ")
		r.keyID, scope, _ = strings.Cut(credential, "/")
	}
	r.canonical = asServiceReads(q, signedHeaders, presigned)
	r.toSign = "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hexSHA([]byte(r.canonical))
	if hex.EncodeToString(hmacs("AWS4"+secret, append(strings.Split(scope, "/"), r.toSign)...)) == r.signature {
		claimed := q.get("X-Amz-Content-Sha256")
		if !q.s3() || presigned || claimed == hexSHA(q.body) {
			return nil, nil
		}
		whole = errorResponse(400, "application/xml", "<Error><Code>XAmzContentSHA256Mismatch</Code>"+
			"<Message>The provided 'x-amz-content-sha256' header does not match what was computed.</Message>"+
			"<ClientComputedContentSHA256>"+claimed+"</ClientComputedContentSHA256>"+
			"<S3ComputedContentSHA256>"+hexSHA(q.body)+"</S3ComputedContentSHA256><RequestId>ABC</RequestId></Error>")
		return whole, whole
	}
	whole = q.refuses(r)
	r.canonical = ""
	return whole, q.refuses(r)
}
