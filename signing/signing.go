// Package signing computes AWS Signature Version 4 (AWS4-HMAC-SHA256) and Version 4a
// (AWS4-ECDSA-P256-SHA256): for requests signed in a header, for presigned URLs, for the chunks of
// a streamed payload, for S3 POST policies, and for the tokens that some services accept in place
// of a password. It also verifies requests that others have signed.
//
// Results depend only on the arguments: the package uses no clock, no network, no environment and
// no net/http. It sends nothing and reads no bodies; the caller passes the payload or its hash, and
// the time.
//
// # What is sent is what was signed
//
// [ParseURL] turns the text of a URL into the one form that is sent, and [Signer.Sign] and
// [Signer.Presign] return the headers and the URL to send: repeated headers joined, parameters
// encoded. The caller must send exactly these. White space inside a value is folded in the
// signature only; the value is sent with its spaces, since services store them. Ambiguous input is
// rejected with an [InputError], which is always the fault of whoever made the request.
//
// # The steps
//
// Sign performs the steps of "Create a signed AWS API request" in the IAM User Guide, each of which
// is also a function of its own:
//
//  1. [CanonicalURI], [CanonicalQuery], [CanonicalHeaders], [CanonicalRequest]
//  2. the SHA-256 of the canonical request, computed by StringToSign
//  3. [CredentialScope], [StringToSign]
//  4. [DeriveKey]
//  5. [Key.Sign]
//  6. [Authorization]
//
// [Canonicalize] does step 1 for a whole [Request], including the headers that signing adds.
//
// # What the caller must provide
//
// A [Request] says which service and region a host belongs to, and how that service differs from
// others: whether it encodes the path once, needs the x-amz-content-sha256 header, or expects the
// session token outside the signature. Package endpoints knows this for each host. Errors never
// contain a header's value or a secret.
//
// A [Signer] and all functions are safe for concurrent use.
package signing

import "time"

// Algorithm names a signing algorithm as it is spelled in a string to sign.
type Algorithm string

// The algorithms. The zero value of a field of type [Algorithm] means [HMAC].
const (
	HMAC  Algorithm = "AWS4-HMAC-SHA256"       // Signature Version 4
	ECDSA Algorithm = "AWS4-ECDSA-P256-SHA256" // Signature Version 4a
)

// Scope is the service and region that a signature is valid for.
type Scope struct {
	// Service is the signing name, such as "execute-api". Required.
	Service string
	// Region is one region, such as "eu-west-1". With [ECDSA] it is a region set: comma-separated
	// names or patterns, "*" for every region. Required.
	Region string
}

// Header is a request header. Names keep the case they were given in.
type Header struct{ Name, Value string }

// Parameter is a query parameter, decoded.
type Parameter struct{ Name, Value string }

// TokenMode says how a session token is sent.
type TokenMode string

// The modes. The zero value means [TokenSigned].
const (
	TokenSigned   TokenMode = "signed"   // sent, and part of the signature
	TokenAppended TokenMode = "appended" // sent, but not signed: AWS IoT over WebSocket
	TokenOmitted  TokenMode = "omitted"  // not sent; for S3 Express the caller sends it as x-amz-s3session-token
)

// Request is a request to sign. Sign and Presign neither keep nor change it.
type Request struct {
	// Method is sent as given. Required.
	Method string
	// URL is the target. Required.
	URL URL
	// Headers are the caller's. Host comes from the URL; if given, it must be the same.
	// Content-Length is left to the HTTP client unless it is signed. The headers that signing sets
	// (authorization, x-amz-date, x-amz-security-token, x-amz-region-set) are rejected;
	// x-amz-content-sha256 must be the hash of the payload.
	Headers []Header
	// PayloadHash is the lower-case hex SHA-256 of the payload, or one of the constants such as
	// [UnsignedPayload] and [StreamingPayload]. Required unless Payload is set.
	PayloadHash string
	// Payload, if not nil, is hashed by the signer; PayloadHash must then be empty. For a request
	// without a payload it is []byte{}.
	Payload []byte
	// Scope is the service and region to sign for. Required.
	Scope Scope
	// Algorithm is [HMAC] when empty.
	Algorithm Algorithm
	// Time is the signing time, to the second; the signature is valid from then on. Required.
	Time time.Time
	// Credentials are the keys to sign with. Required.
	Credentials Credentials
	// SingleEncode is for the S3 family, which encodes each character of the path once in the
	// canonical URI. Every other service encodes the path as sent a second time (IAM User Guide,
	// "Create a canonical request", URI).
	SingleEncode bool
	// ContentSHA256Header adds x-amz-content-sha256 and signs it. In a presigned URL a hash is sent
	// as a parameter; [UnsignedPayload] stays a header, as VPC Lattice expects it.
	ContentSHA256Header bool
	// Token is [TokenSigned] when empty.
	Token TokenMode
	// SignedHeaders names headers to sign in addition to host and every x-amz-*. Each must be
	// present; see [Fragile] for those that cannot be named.
	SignedHeaders []string
	// SignAllHeaders signs every header except those that [Fragile] forbids, for clients that send
	// headers unchanged.
	SignAllHeaders bool
	// Expires is how long a presigned URL is valid: whole seconds, from one second to [MaxExpires].
	// Presign only.
	Expires time.Duration
	// Explain fills in CanonicalRequest and StringToSign of the result. Both contain the session
	// token; see [Credentials.Redact].
	Explain bool
}

// Window and WindowS3 are how long AWS accepts a signature outside a presigned URL: five minutes,
// and fifteen in the S3 family (S3 API Reference, RequestTimeTooSkewed).
const (
	Window   = 5 * time.Minute
	WindowS3 = 15 * time.Minute
)

// MaxExpires is the longest lifetime of a presigned URL (S3 API Reference,
// "Authenticating Requests: Using Query Parameters", X-Amz-Expires).
const MaxExpires = 7 * 24 * time.Hour

// Signed is a signed request: what to send, and how it was signed.
type Signed struct {
	// URL is the URL to send: the request's, including the signature if presigned.
	URL URL
	// Headers are the headers to send: the caller's, trimmed and joined, then those that signing
	// added, Authorization last. Host is left to the HTTP client, and so is Content-Length unless
	// it is signed.
	Headers []Header
	// SignedHeaders are the names of the headers in the signature: "host;x-amz-date".
	SignedHeaders string
	// Authorization is the value of the Authorization header; empty if presigned.
	Authorization string
	// Signature is hexadecimal.
	Signature string
	// CredentialScope is "20150830/us-east-1/service/aws4_request".
	CredentialScope string
	// Date is the signing time as sent: "20150830T123600Z".
	Date string
	// CanonicalRequest and StringToSign are set only if asked for; see
	// [Request.Explain].
	CanonicalRequest, StringToSign string
}
