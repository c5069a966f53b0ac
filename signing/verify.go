package signing

import (
	"strings"
	"time"
)

// Received is a request as it came.
type Received struct {
	Method string
	URL    URL
	// Headers hold Authorization and the rest, unless the URL is presigned.
	// Host comes from the URL.
	Headers []Header
	// PayloadHash is the lower-case hex SHA-256 of the payload that came; empty
	// when the payload is not at hand, and then what the request claims of it
	// is believed.
	PayloadHash string
}

// Claim is what a request says of its own signature; nothing in it is proved.
type Claim struct {
	Algorithm       Algorithm
	AccessKeyID     string
	CredentialScope string // "20150830/us-east-1/service/aws4_request"
	Scope           Scope
	SignedHeaders   []string
	Signature       string
	Time            time.Time
	Expires         time.Duration // presigned only
	SessionToken    string
	Presigned       bool
}

// ReadClaim reads what a request says of its signature, from the Authorization
// header or from the query. The error is a [*Fault].
func ReadClaim(r *Received) (Claim, error) { return Claim{}, nil }

// Expected is what a request is verified against.
type Expected struct {
	// Credentials are those that should have signed.
	Credentials Credentials
	// Scope is what the signature should be for; an empty field takes any.
	Scope Scope
	// DoubleEncode as in [Request].
	DoubleEncode bool
	// Token as in [Request]; [TokenAppended] leaves it out of a presigned URL's
	// signature. In the header form the signed headers tell.
	Token TokenMode
	// Time is now. The zero time checks no date.
	Time time.Time
	// Tolerance is how far the clocks may differ, five minutes when zero.
	Tolerance time.Duration
}

// Part names a part of a signed request that is wrong.
type Part string

// The parts.
const (
	PartAuthorization Part = "authorization"  // missing, doubled or malformed
	PartAccessKey     Part = "access-key"     // not the expected one
	PartScope         Part = "scope"          // service, region, day or ending
	PartDate          Part = "date"           // outside the tolerance, or expired
	PartSignedHeaders Part = "signed-headers" // one that must be signed is not, or one that is signed is not there
	PartToken         Part = "session-token"  // missing or another one
	PartPayloadHash   Part = "payload-hash"   // not that of the payload
	PartSignature     Part = "signature"      // not that of the canonical request
)

// Fault is one thing wrong with a signed request.
type Fault struct {
	Part   Part
	Name   string // the header or parameter at fault, or empty
	Reason string // a clause without values of the request
}

// Error implements error.
func (f *Fault) Error() string { return string(f.Part) + ": " + f.Reason }

// Verdict is the outcome of a verification.
type Verdict struct {
	Claim Claim
	// Faults are all that was found, none when the request is as it should be.
	Faults []Fault
	// CanonicalRequest and StringToSign are what the signature should be over;
	// empty when the claim could not be read.
	CanonicalRequest, StringToSign string
}

// Valid says whether nothing is wrong.
func (v Verdict) Valid() bool { return len(v.Faults) == 0 }

// Verify computes the signature of a received request again and says which
// part of the request is wrong, if any.
func Verify(r *Received, e *Expected) Verdict { return Verdict{} }

// splitAuthorization takes the value of an Authorization header apart.
func splitAuthorization(value string) (accessKeyID, scope, signedHeaders, signature string, ok bool) {
	_, rest, ok1 := strings.Cut(value, " Credential=")
	credential, rest, ok2 := strings.Cut(rest, ", SignedHeaders=")
	signedHeaders, signature, ok3 := strings.Cut(rest, ", Signature=")
	accessKeyID, scope, ok4 := strings.Cut(credential, "/")
	return accessKeyID, scope, signedHeaders, signature, ok1 && ok2 && ok3 && ok4
}
