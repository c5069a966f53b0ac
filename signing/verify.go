package signing

import (
	"crypto/subtle"
	"errors"
	"strings"
	"time"
)

// Expected is what a received request is verified against.
type Expected struct {
	// Credentials are the keys that should have signed it. Required.
	Credentials Credentials
	// Scope is what the signature should be for. An empty field matches anything; a region also
	// matches a region set that contains it.
	Scope Scope
	// OtherSessions says that Credentials belong to one of several sessions that may have signed.
	// The signature of another session cannot be verified then; see [Verdict.Unknown].
	OtherSessions bool
	// SingleEncode as in [Request].
	SingleEncode bool
	// S3Style says that the service is in the S3 family: the payload of a presigned URL without a
	// hash is unsigned, such a URL must have an expiry, and x-amz-content-sha256 must be signed.
	S3Style bool
	// PayloadHash is the payload hash in the canonical request if the request does not state one.
	// If empty, it is the hash of the payload, or follows from S3Style.
	PayloadHash string
	// Token as in [Request]. With [TokenAppended] the signature of a presigned URL leaves the token
	// out; if Token is empty it may, since services differ. In a header signature, the signed
	// headers decide.
	Token TokenMode
	// Time is the current time. With the zero time, no date is too early or too late.
	Time time.Time
	// Tolerance is how far the clocks may differ, [Window] if zero.
	Tolerance time.Duration
}

// Part names a part of a signed request.
type Part string

// The parts that can be wrong.
const (
	PartRequest       Part = "request"        // not a request that HTTP can carry
	PartAuthorization Part = "authorization"  // missing, given twice or malformed
	PartAccessKey     Part = "access-key"     // not the expected one
	PartScope         Part = "scope"          // another day, region, service or ending
	PartDate          Part = "date"           // missing, malformed, too early, too late or expired
	PartSignedHeaders Part = "signed-headers" // a mandatory header is not signed, or a signed header is absent
	PartToken         Part = "session-token"  // missing, or not the expected one
	PartPayloadHash   Part = "payload-hash"   // not the hash of the payload
	PartSignature     Part = "signature"      // not the signature of the canonical request
)

// Mismatch is one thing wrong with a signed request.
type Mismatch struct {
	Part   Part
	Name   string // the header or parameter at fault, or empty
	Reason string // completes "Name …" or "Part …", and contains no values of the request
}

// Error implements error.
func (f *Mismatch) Error() string {
	if f.Name == "" {
		return string(f.Part) + " " + f.Reason
	}
	return string(f.Part) + ": " + f.Name + " " + f.Reason
}

// Verdict is the outcome of a verification.
type Verdict struct {
	// Info is what the request says about its signature.
	Info SignatureInfo
	// Mismatches are everything found wrong. The signature itself is not checked if it cannot be
	// read, a signed header is absent, or the access key is a different one.
	Mismatches []Mismatch
	// CanonicalRequest and StringToSign are what the signature should be computed over, if known.
	// They contain the session token; see [RedactTokens].
	CanonicalRequest, StringToSign string

	otherSession bool // signed with another session's key
}

// Valid reports whether nothing is wrong.
func (v *Verdict) Valid() bool { return len(v.Mismatches) == 0 }

// Unknown reports whether the only mismatch is that another session signed, so that its key is
// needed to verify the signature; see [Expected.OtherSessions].
func (v *Verdict) Unknown() bool { return v.otherSession && len(v.Mismatches) == 1 }

func (v *Verdict) mismatch(p Part, name, reason string) {
	v.Mismatches = append(v.Mismatches, Mismatch{p, name, reason})
}

// Verify recomputes the signature of a received request, in either form and with either algorithm,
// and returns which parts of the request are wrong. Secrets are compared in constant time.
func Verify(r *Received, e *Expected) Verdict {
	var v Verdict
	info, err := ReadSignatureInfo(r)
	v.Info = info
	if mismatch := new(Mismatch); errors.As(err, &mismatch) {
		v.Mismatches = []Mismatch{*mismatch}
		return v
	}
	v.checkScope(e)
	v.checkTime(e)
	v.checkToken(e)
	v.checkPayload(r)
	headers, whole := v.signedFields(r, e)
	if !whole {
		return v
	}
	v.canonicalize(r, e, headers, e.Token == TokenAppended)
	if c := &v.Info; c.AccessKeyID != e.Credentials.AccessKeyID || v.signedBy(e.Credentials) {
		return v
	}
	if v.Info.Presigned && e.Token == "" {
		without := v
		without.canonicalize(r, e, headers, true)
		if without.signedBy(e.Credentials) {
			return without
		}
	}
	v.mismatch(PartSignature, "", "does not match the canonical request")
	return v
}

func (v *Verdict) checkScope(e *Expected) {
	c := &v.Info
	switch {
	case c.AccessKeyID == e.Credentials.AccessKeyID:
	case e.OtherSessions && c.ofSession():
		v.otherSession = true
		v.mismatch(PartAccessKey, "Credential", "is signed by another session, whose signature cannot be verified here")
	default:
		v.mismatch(PartAccessKey, "Credential", "names another access key")
	}
	if e.Scope.Service != "" && c.Scope.Service != e.Scope.Service {
		v.mismatch(PartScope, "Credential", "is for another service")
	}
	if e.Scope.Region != "" && !c.covers(e.Scope.Region) {
		v.mismatch(PartScope, "Credential", "is for another region")
	}
}

// ofSession reports whether the access key belongs to a session. AWS keys show it by their prefix
// (IAM User Guide, "Understanding unique ID prefixes"); elsewhere, session keys come with a token.
func (c *SignatureInfo) ofSession() bool {
	switch {
	case strings.HasPrefix(c.AccessKeyID, "ASIA"):
		return true
	case strings.HasPrefix(c.AccessKeyID, "AKIA"):
		return false
	}
	return c.SessionToken != ""
}

// covers reports whether the scope is valid for a region or region set.
func (c *SignatureInfo) covers(region string) bool {
	if c.Scope.Region == region || c.Algorithm != ECDSA {
		return c.Scope.Region == region
	}
	for pattern := range strings.SplitSeq(c.Scope.Region, ",") {
		prefix, open := strings.CutSuffix(pattern, "*")
		if pattern == region || open && strings.HasPrefix(region, prefix) {
			return true
		}
	}
	return false
}

func (v *Verdict) checkTime(e *Expected) {
	switch c := &v.Info; {
	case !c.Presigned || !e.S3Style:
	case c.Expires == 0:
		v.mismatch(PartDate, "X-Amz-Expires", "is missing")
	case c.Expires > MaxExpires:
		v.mismatch(PartDate, "X-Amz-Expires", "must be from 1 to 604800 seconds")
	}
	if e.Time.IsZero() {
		return
	}
	tolerance := e.Tolerance
	if tolerance == 0 {
		tolerance = Window
	}
	age := e.Time.Sub(v.Info.Time)
	switch {
	case age < -tolerance:
		v.mismatch(PartDate, "X-Amz-Date", "is still in the future")
	case v.Info.Presigned && v.Info.Expires > 0:
		if age >= v.Info.Expires {
			v.mismatch(PartDate, "X-Amz-Expires", "has passed")
		}
	case age > tolerance && !(v.Info.Presigned && age <= presignedWindow):
		v.mismatch(PartDate, "X-Amz-Date", "is too old")
	}
}

// presignedWindow is how long a presigned URL without an expiry is valid; those of AWS IoT may have
// none.
const presignedWindow = 15 * time.Minute

func (v *Verdict) checkToken(e *Expected) {
	got, want := v.Info.SessionToken, e.Credentials.SessionToken()
	if e.Token == TokenOmitted {
		want = ""
	}
	if got == "" && want != "" { // S3 Express uses a header of its own
		got = v.Info.expressToken
	}
	switch {
	case v.otherSession && got != "": // its token is unknown
	case v.otherSession, got == "" && want != "":
		v.mismatch(PartToken, "X-Amz-Security-Token", "is missing")
	case got != "" && want == "":
		v.mismatch(PartToken, "X-Amz-Security-Token", "is given, but the credentials have none")
	case subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1:
		v.mismatch(PartToken, "X-Amz-Security-Token", "does not match the credentials")
	}
}

// checkPayload compares the payload hash in the request with the received payload.
func (v *Verdict) checkPayload(r *Received) {
	claimed := v.Info.PayloadHash
	if claimed == "" || claimed == r.PayloadHash {
		return
	}
	if reason := badPayloadHash(claimed); reason != "" {
		v.mismatch(PartPayloadHash, "X-Amz-Content-Sha256", reason)
	} else if r.PayloadHash != "" && len(claimed) == len(r.PayloadHash) {
		v.mismatch(PartPayloadHash, "X-Amz-Content-Sha256", "is not the hash of the payload")
	}
}
