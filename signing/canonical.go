package signing

import (
	"crypto/sha256"
	"strings"
	"time"
)

// CanonicalRequest joins the parts of a canonical request (IAM User Guide,
// "Create a canonical request").
func CanonicalRequest(method, canonicalURI, canonicalQuery, canonicalHeaders, signedHeaders, payloadHash string) string {
	return strings.Join([]string{method, canonicalURI, canonicalQuery, canonicalHeaders, signedHeaders, payloadHash}, "\n")
}

// Canonicalize does the first step for a whole request that is signed in a header: it adds what
// signing adds, and returns the headers to send (without Authorization), the signed headers, the
// credential scope, the date and the canonical request.
func Canonicalize(r *Request) (Signed, error) {
	var d scratch
	if err := d.canonicalize(r); err != nil {
		return Signed{}, err
	}
	return Signed{
		URL:              r.URL,
		Headers:          d.sent(0),
		SignedHeaders:    string(d.signedHeaders),
		CredentialScope:  string(d.scope),
		Date:             d.date,
		CanonicalRequest: string(d.text),
	}, nil
}

// canonicalize writes the canonical request of the header form, the first text of the scratch.
func (d *scratch) canonicalize(r *Request) error {
	if err := d.chooseHeaders(r); err != nil {
		return err
	}
	d.query = append(d.query, r.URL.RawQuery()...)
	d.appendCanonicalRequest(r)
	if token := r.Credentials.SessionToken(); token != "" && r.Token == TokenAppended { // sent unsigned
		d.addHeader("x-amz-security-token", "X-Amz-Security-Token", token)
	}
	return nil
}

// chooseHeaders checks the request of the header form and arranges its headers. The steps after it
// cannot fail.
func (d *scratch) chooseHeaders(r *Request) error {
	if err := d.begin(r); err != nil {
		return err
	}
	d.addHeader("x-amz-date", "X-Amz-Date", d.date)
	if d.sendHash {
		hash := r.PayloadHash
		if r.Payload != nil {
			hash = string(d.payload)
		}
		d.addHeader("x-amz-content-sha256", "X-Amz-Content-Sha256", hash)
	}
	if r.Algorithm == ECDSA {
		d.addHeader("x-amz-region-set", "X-Amz-Region-Set", r.Scope.Region)
	}
	token := r.Credentials.SessionToken()
	if token != "" && (r.Token == "" || r.Token == TokenSigned) {
		d.addHeader("x-amz-security-token", "X-Amz-Security-Token", token)
	}
	return d.chooseSigned(r)
}

// appendCanonicalRequest appends the canonical request, from the chosen headers and the query.
func (d *scratch) appendCanonicalRequest(r *Request) {
	b := append(append(d.text, r.Method...), '\n')
	b = append(appendCanonicalURI(b, r.URL.Path(), r.SingleEncode), '\n')
	b = d.appendCanonicalQuery(b)
	b = append(b, '\n')
	b = append(d.appendCanonicalHeaders(b), '\n')
	b = append(append(b, d.signedHeaders...), '\n')
	d.text = append(b, d.payload...)
}

// TimeFormat is the format of X-Amz-Date, for a time in UTC (IAM User Guide, "Elements of an AWS
// API request signature"). The first eight digits are the day.
const TimeFormat = "20060102T150405Z"

func formatTime(t time.Time) string { return t.UTC().Format(TimeFormat) }

const day = len("20060102")

// CredentialScope returns "date/region/service/aws4_request" (IAM User Guide, "Create a string to
// sign", CredentialScope); with [ECDSA] it contains no region.
func CredentialScope(a Algorithm, t time.Time, s Scope) string {
	return string(appendCredentialScope(nil, a, formatTime(t), s))
}

func appendCredentialScope(dst []byte, a Algorithm, date string, s Scope) []byte {
	dst = append(append(dst, date[:day]...), '/')
	if a != ECDSA {
		dst = append(append(dst, s.Region...), '/')
	}
	return append(append(dst, s.Service...), "/"+scopeEnd...)
}

const scopeEnd = "aws4_request"

// StringToSign returns the string to sign for a canonical request (IAM User
// Guide, "Create a hash of the canonical request", "Create a string to sign").
func StringToSign(a Algorithm, t time.Time, credentialScope, canonicalRequest string) string {
	return string(appendStringToSign(nil, a, formatTime(t), []byte(credentialScope), []byte(canonicalRequest)))
}

func appendStringToSign(dst []byte, a Algorithm, date string, scope, canonicalRequest []byte) []byte {
	hash := sha256.Sum256(canonicalRequest)
	dst = append(append(dst, a.name()...), '\n')
	dst = append(append(dst, date...), '\n')
	dst = append(append(dst, scope...), '\n')
	return appendHex(dst, hash)
}

// Authorization returns the value of the Authorization header (IAM User Guide,
// "Add the signature to the request").
func Authorization(a Algorithm, accessKeyID, credentialScope, signedHeaders, signature string) string {
	return string(a.name()) + beforeID + accessKeyID + "/" + credentialScope +
		beforeNames + signedHeaders + beforeSignature + signature
}

// The text between the parts of an Authorization header.
const (
	beforeID        = " Credential="
	beforeNames     = ", SignedHeaders="
	beforeSignature = ", Signature="
)

// name returns the algorithm's name, also for the zero value.
func (a Algorithm) name() Algorithm {
	if a == "" {
		return HMAC
	}
	return a
}
