package diagnosis

import (
	"net/url"
	"strings"

	"countersign/signing"
)

// About returns the request that a diagnosis of the input is about, so that the caller can decide whether the
// credentials may be used for it: the given or pasted request (the signed one first), or else the one in AWS's
// canonical request. It returns false if there is none, or none with a host; credentials would prove nothing then.
func (in *Input) About() (Request, bool) {
	f := observe(in)
	m := f.request()
	if m == nil {
		m = f.echoed()
	}
	if m == nil || m.host == "" || m.method == "" {
		return Request{}, false
	}
	scheme := "https"
	if m.scheme == "http" {
		scheme = "http"
	}
	address := scheme + "://" + m.host + escaped(m.path)
	if m.query != "" {
		address += "?" + escaped(m.query)
	}
	return Request{Method: strings.ToUpper(m.method), URL: address, Headers: m.headers, Body: m.body, BodyUnknown: !m.bodyKnown}, true
}

// echoed rebuilds the request from AWS's canonical request and from what the refusal repeats of the signature.
func (f *facts) echoed() *message {
	a := &f.arrived
	host, _ := a.value("host")
	if !a.given() || host == "" {
		return nil
	}
	m := &message{method: a.method, host: host, path: a.path, query: a.query, headers: a.headers}
	if path, err := url.PathUnescape(a.path); err == nil && !(len(f.claim.scope) == 4 && f.claim.scope[2] == "s3") {
		m.path = path // canonical requests have the path encoded twice
	}
	if len(f.claim.scope) == 4 && !strings.Contains(a.query, "X-Amz-Credential=") {
		m.headers = append([]signing.Header{{Name: "Authorization", Value: string(signing.HMAC) + " Credential=" + f.claim.keyID + "/" +
			strings.Join(f.claim.scope, "/") + ", SignedHeaders=" + a.signedHeaders + ", Signature=" + f.claim.signature}}, m.headers...)
	}
	return m
}

// escaped percent-encodes the characters that a URL cannot hold, as clients do, and leaves the rest.
func escaped(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
