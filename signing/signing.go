// Package signing computes AWS Signature Version 4 (AWS4-HMAC-SHA256) and
// Version 4a (AWS4-ECDSA-P256-SHA256): for requests that carry the signature
// in a header, for presigned URLs, for the chunks of a streamed payload, for
// S3 POST policies and for the tokens that services take in place of a
// password. It also verifies what others have signed.
//
// It is a function of its arguments: no clock, no network, no environment, no
// net/http. It sends nothing and reads no body; the caller hands it the payload
// or its hash, and says what time it is.
//
// # What is sent is what was signed
//
// [ParseURL] turns the text of a URL into the one form that is sent, and
// [Signer.Sign] and [Signer.Presign] answer with the headers and the URL to
// send: repeated names joined, parameters encoded. White space in values is
// folded where they are signed; where they are sent, spaces stay as they were
// given, since services keep them. The caller must send exactly these. What could
// be read in two ways is refused with an [InputError], which is always the fault
// of whoever made the request.
//
// # The steps
//
// Sign is a chain of the steps of "Create a signed AWS API request" in the
// IAM User Guide, each of them a function of its own:
//
//  1. [CanonicalURI], [CanonicalQuery], [CanonicalHeaders], [CanonicalRequest]
//  2. the SHA-256 of the canonical request, which StringToSign takes
//  3. [CredentialScope], [StringToSign]
//  4. [DeriveKey]
//  5. [Key.Sign]
//  6. [Authorization]
//
// [Canonicalize] does step 1 for a whole [Request], the headers that signing
// adds included.
//
// # What the caller must provide
//
// A [Request] says which service and region a host belongs to, and how that
// service differs from the others: whether it encodes the path once, needs the
// x-amz-content-sha256 header, or takes the session token outside the signature.
// Package endpoints knows. Errors never hold a header's value or a secret.
//
// A [Signer] is safe for use by several goroutines; so is every function.
package signing

import "time"

// Algorithm names a signing algorithm as it is spelled in a string to sign.
type Algorithm string

// The algorithms. The zero value of a field of type [Algorithm] means [HMAC].
const (
	HMAC  Algorithm = "AWS4-HMAC-SHA256"       // Signature Version 4
	ECDSA Algorithm = "AWS4-ECDSA-P256-SHA256" // Signature Version 4a
)

// Scope is what a signature is good for, beside its day.
type Scope struct {
	// Service is the signing name, such as "execute-api". Required.
	Service string
	// Region is one region, such as "eu-west-1". With [ECDSA] it is a region
	// set: names or patterns divided by commas, "*" for every region. Required.
	Region string
}

// Header is a header of a request. Names keep the case that they were given.
type Header struct{ Name, Value string }

// Parameter is a query parameter, decoded.
type Parameter struct{ Name, Value string }

// TokenMode says what becomes of a session token.
type TokenMode string

// The modes. The zero value means [TokenSigned].
const (
	TokenSigned   TokenMode = "signed"   // sent, and part of the signature
	TokenAppended TokenMode = "appended" // sent, but left out of the signature: AWS IoT over WebSocket
	TokenOmitted  TokenMode = "omitted"  // not sent; S3 Express takes it as a header of the caller's, x-amz-s3session-token
)

// Request is a request to sign. Sign and Presign do not keep or change it.
type Request struct {
	// Method is sent as it is given. Required.
	Method string
	// URL is the target. Required.
	URL URL
	// Headers are the caller's. Host comes from the URL; one that is given
	// must say the same. Content-Length is left to whoever sends unless it is
	// signed. What signing
	// sets by itself (authorization, x-amz-date, x-amz-security-token,
	// x-amz-region-set) is refused; x-amz-content-sha256 must be the hash of
	// the payload.
	Headers []Header
	// PayloadHash is the lower-case hex SHA-256 of the payload, or one of the
	// constants [UnsignedPayload], [StreamingPayload] and their like. Required,
	// or else Payload.
	PayloadHash string
	// Payload, unless it is nil, is hashed here; PayloadHash must be empty then.
	// For a request without a payload it is []byte{}.
	Payload []byte
	// Scope is what the signature is for. Required.
	Scope Scope
	// Algorithm is [HMAC] when empty.
	Algorithm Algorithm
	// Time is when the signature begins to hold, to the second. Required.
	Time time.Time
	// Credentials sign. Required.
	Credentials Credentials
	// SingleEncode is for the S3 family, where each character of the path is
	// encoded once in the canonical URI. Every other service encodes the path
	// that is sent again (IAM User Guide, "Create a canonical request", URI).
	SingleEncode bool
	// ContentSHA256Header adds x-amz-content-sha256, signed. When presigning, a
	// hash is a parameter; [UnsignedPayload] stays a header, as VPC Lattice takes
	// it.
	ContentSHA256Header bool
	// Token is [TokenSigned] when empty.
	Token TokenMode
	// SignedHeaders names headers to sign beside host and every x-amz-*. Each
	// must be present; see [Fragile] for those that cannot be named.
	SignedHeaders []string
	// SignAllHeaders signs every header but those that [Fragile] forbids, for a
	// client that sends headers as they are.
	SignAllHeaders bool
	// Expires is how long a presigned URL holds: whole seconds, from one second
	// to [MaxExpires]. Presign only.
	Expires time.Duration
	// Explain fills CanonicalRequest and StringToSign of the response. Both hold
	// the session token; see [Credentials.Redact].
	Explain bool
}

// Window and WindowS3 are how long AWS takes a signature that is no presigned URL:
// five minutes, fifteen at the S3 family (S3 API Reference, RequestTimeTooSkewed).
const (
	Window   = 5 * time.Minute
	WindowS3 = 15 * time.Minute
)

// MaxExpires is the longest life of a presigned URL (S3 API Reference,
// "Authenticating Requests: Using Query Parameters", X-Amz-Expires).
const MaxExpires = 7 * 24 * time.Hour

// Signed is what to send.
type Signed struct {
	// URL is the URL to send: the request's, with the signature when presigned.
	URL URL
	// Headers are the headers to send: the caller's, trimmed and joined, then
	// those that signing added, Authorization last. Host is left to whoever
	// sends, and so is Content-Length unless it is signed.
	Headers []Header
	// SignedHeaders are the names in the signature: "host;x-amz-date".
	SignedHeaders string
	// Authorization is the value of that header; empty when presigned.
	Authorization string
	// Signature is hexadecimal.
	Signature string
	// CredentialScope is "20150830/us-east-1/service/aws4_request".
	CredentialScope string
	// Date is the signing time as sent: "20150830T123600Z".
	Date string
	// CanonicalRequest and StringToSign are filled on request; see
	// [Request.Explain].
	CanonicalRequest, StringToSign string
}
