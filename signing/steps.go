package signing

import (
	"crypto/ecdsa"
	"time"
)

// Values of [Request.PayloadHash] that are not a hash (S3 API Reference,
// "Authenticating Requests: Using the Authorization Header",
// x-amz-content-sha256).
const (
	UnsignedPayload                 = "UNSIGNED-PAYLOAD"
	StreamingPayload                = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingPayloadTrailer         = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingPayloadECDSA           = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	StreamingPayloadTrailerECDSA    = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
	StreamingUnsignedPayloadTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	StreamingEvents                 = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
)

// PayloadHash returns the lower-case hex SHA-256 of a payload.
func PayloadHash(payload []byte) string { return "" }

// CanonicalURI returns the canonical form of a path that is in wire form.
// Services other than the S3 family see it encoded twice; S3 decodes what was
// sent and encodes it once.
func CanonicalURI(path string, doubleEncode bool) string { return "" }

// CanonicalQuery returns the canonical form of a query in wire form: each name
// and value decoded and encoded strictly, sorted by encoded name, then by
// encoded value.
func CanonicalQuery(rawQuery string) (string, error) { return "", nil }

// CanonicalHeaders returns the canonical headers, each line ended by a line
// feed, and the names of the signed headers for the given headers, every one
// of which is signed. Host must be among them.
func CanonicalHeaders(headers []Header) (canonical, signedHeaders string, err error) {
	return "", "", nil
}

// CanonicalRequest joins the parts of a canonical request.
func CanonicalRequest(method, canonicalURI, canonicalQuery, canonicalHeaders, signedHeaders, payloadHash string) string {
	return ""
}

// Canonicalize does step 1 for a whole request in the header form: it adds
// what signing adds, and answers with the headers to send (Authorization not
// yet among them), their signed names, the credential scope and the canonical
// request. Credentials need no secret here.
func Canonicalize(r *Request) (Signed, error) { return Signed{}, nil }

// CredentialScope returns "date/region/service/aws4_request"; with [ECDSA]
// there is no region in it.
func CredentialScope(a Algorithm, t time.Time, s Scope) string { return "" }

// StringToSign returns the string to sign for a canonical request.
func StringToSign(a Algorithm, t time.Time, credentialScope, canonicalRequest string) string {
	return ""
}

// Key is a signing key. It does not print itself.
type Key struct {
	hmac  *[32]byte
	ecdsa *ecdsa.PrivateKey
}

// DeriveKey derives the signing key of a day, region and service; with [ECDSA]
// it depends on the credentials alone.
func DeriveKey(a Algorithm, c Credentials, t time.Time, s Scope) (Key, error) { return Key{}, nil }

// Sign returns the signature of a string to sign in hexadecimal. With [ECDSA]
// the nonce is that of RFC 6979, so that the same input gives the same
// signature.
func (k Key) Sign(stringToSign string) (string, error) { return "", nil }

// Verify says whether a signature is that of a string to sign, in constant
// time.
func (k Key) Verify(stringToSign, signature string) bool { return false }

// PublicKey returns the public half of an [ECDSA] key, nil for others.
func (k Key) PublicKey() *ecdsa.PublicKey { return nil }

// Authorization returns the value of the Authorization header.
func Authorization(a Algorithm, accessKeyID, credentialScope, signedHeaders, signature string) string {
	return ""
}

// Fragile says why a header is better not signed: hops change it, clients set
// it themselves, or low-code engines drop it. The reason is empty for a header
// that arrives as it was sent. With forbidden, naming it in
// [Request.SignedHeaders] is an error.
func Fragile(method, name string) (reason string, forbidden bool) { return "", false }
