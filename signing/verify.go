package signing

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"
)

// Expected is what a request is verified against.
type Expected struct {
	// Credentials are those that should have signed. Required.
	Credentials Credentials
	// Scope is what the signature should be for. An empty field takes any, and a
	// region is also covered by a region set that it is in.
	Scope Scope
	// DoubleEncode as in [Request]. Without it, the payload of a presigned URL
	// is taken to be unsigned, as S3 does.
	DoubleEncode bool
	// Token as in [Request]. With [TokenAppended] a presigned URL's signature
	// leaves the token out; in the other form the signed headers tell.
	Token TokenMode
	// Time is now. With the zero time no date is too early or too late.
	Time time.Time
	// Tolerance is how far the clocks may differ, five minutes when zero.
	Tolerance time.Duration
}

// Part names a part of a signed request.
type Part string

// The parts that can be wrong.
const (
	PartRequest       Part = "request"        // no request that HTTP can carry
	PartAuthorization Part = "authorization"  // missing, given twice or malformed
	PartAccessKey     Part = "access-key"     // not the expected one
	PartScope         Part = "scope"          // another day, region, service or ending
	PartDate          Part = "date"           // missing, malformed, too early, too late or expired
	PartSignedHeaders Part = "signed-headers" // a header that must be signed is not, or one that is signed is absent
	PartToken         Part = "session-token"  // missing, or not the expected one
	PartPayloadHash   Part = "payload-hash"   // not that of the payload
	PartSignature     Part = "signature"      // not that of the canonical request
)

// Fault is one thing wrong with a signed request.
type Fault struct {
	Part   Part
	Name   string // the header or parameter at fault, or empty
	Reason string // completes "Name …" or "Part …", without values of the request
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Name == "" {
		return string(f.Part) + " " + f.Reason
	}
	return string(f.Part) + ": " + f.Name + " " + f.Reason
}

// Verdict is the outcome of a verification.
type Verdict struct {
	// Claim is what the request says of its signature.
	Claim Claim
	// Faults are all that is wrong. Whether the signature is right is not known
	// where the claim cannot be read, a signed header is absent, or the access
	// key is another one.
	Faults []Fault
	// CanonicalRequest and StringToSign are what the signature should be over,
	// as far as they are known. They hold the session token; see
	// [Credentials.Redact].
	CanonicalRequest, StringToSign string
}

// Valid says whether nothing is wrong.
func (v *Verdict) Valid() bool { return len(v.Faults) == 0 }

func (v *Verdict) fault(p Part, name, reason string) {
	v.Faults = append(v.Faults, Fault{p, name, reason})
}

// Verify computes the signature of a received request again, in either form and
// with either algorithm, and says which parts of the request are wrong. Secrets
// are compared in constant time.
func Verify(r *Received, e *Expected) Verdict {
	var v Verdict
	claim, err := ReadClaim(r)
	v.Claim = claim
	if fault := new(Fault); errors.As(err, &fault) {
		v.Faults = []Fault{*fault}
		return v
	}
	v.checkScope(e)
	v.checkTime(e)
	v.checkToken(e)
	v.checkPayload(r)
	if v.canonicalize(r, e) {
		v.checkSignature(e)
	}
	return v
}

func (v *Verdict) checkScope(e *Expected) {
	c := &v.Claim
	if c.AccessKeyID != e.Credentials.AccessKeyID {
		v.fault(PartAccessKey, "Credential", "names another access key")
	}
	if e.Scope.Service != "" && c.Scope.Service != e.Scope.Service {
		v.fault(PartScope, "Credential", "is for another service")
	}
	if e.Scope.Region != "" && !c.covers(e.Scope.Region) {
		v.fault(PartScope, "Credential", "is for another region")
	}
}

// covers says whether a claim holds for a region, or for the same region set.
func (c *Claim) covers(region string) bool {
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
	if e.Time.IsZero() {
		return
	}
	tolerance := e.Tolerance
	if tolerance == 0 {
		tolerance = 5 * time.Minute
	}
	age := e.Time.Sub(v.Claim.Time)
	switch {
	case age < -tolerance:
		v.fault(PartDate, "X-Amz-Date", "is still later than now")
	case v.Claim.Presigned && age >= v.Claim.Expires:
		v.fault(PartDate, "X-Amz-Expires", "is over")
	case !v.Claim.Presigned && age > tolerance:
		v.fault(PartDate, "X-Amz-Date", "is too long ago")
	}
}

func (v *Verdict) checkToken(e *Expected) {
	got, want := v.Claim.SessionToken, e.Credentials.SessionToken()
	if e.Token == TokenOmitted {
		want = ""
	}
	switch {
	case got == "" && want != "":
		v.fault(PartToken, "X-Amz-Security-Token", "is missing")
	case got != "" && want == "":
		v.fault(PartToken, "X-Amz-Security-Token", "is given, but the credentials have none")
	case subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1:
		v.fault(PartToken, "X-Amz-Security-Token", "is not that of the credentials")
	}
}

// checkPayload compares what the request says of its payload with what came.
func (v *Verdict) checkPayload(r *Received) {
	claimed := v.Claim.payloadHash
	if claimed == "" || claimed == r.PayloadHash {
		return
	}
	if reason := badPayloadHash(claimed); reason != "" {
		v.fault(PartPayloadHash, "X-Amz-Content-Sha256", reason)
	} else if r.PayloadHash != "" && len(claimed) == len(r.PayloadHash) {
		v.fault(PartPayloadHash, "X-Amz-Content-Sha256", "is not the hash of the payload")
	}
}

// canonicalize makes the canonical request and the string to sign. It reports
// false when a header that they need is absent.
func (v *Verdict) canonicalize(r *Received, e *Expected) bool {
	c := &v.Claim
	d, whole := v.signedFields(r)
	if !whole {
		return false
	}
	query, err := CanonicalQuery(strings.Join(v.signedQuery(r, e), "&"))
	if err != nil { // never of a URL: its query is sound
		v.fault(PartSignature, "", "cannot be over such a query")
		return false
	}
	payload := c.payloadHash
	switch {
	case payload != "":
	case c.Presigned && !e.DoubleEncode:
		payload = UnsignedPayload
	case r.PayloadHash != "":
		payload = r.PayloadHash
	default:
		payload = PayloadHash(nil)
	}
	v.CanonicalRequest = CanonicalRequest(r.Method, CanonicalURI(r.URL.Path(), e.DoubleEncode), query, string(d.appendCanonicalHeaders(nil)), c.SignedHeaders, payload)
	v.StringToSign = StringToSign(c.Algorithm, c.Time, c.CredentialScope, v.CanonicalRequest)
	return true
}

// signedFields returns the headers that are signed, sorted, and reports whether
// all that are named are there. Of those that must be signed, the session token
// may be left out.
func (v *Verdict) signedFields(r *Received) (d draft, whole bool) {
	names := strings.Split(v.Claim.SignedHeaders, ";")
	for i, name := range names {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= names[i-1] {
			v.fault(PartSignedHeaders, "SignedHeaders", "are not names in lower case, sorted and divided by semicolons")
			return d, false
		}
	}
	d.addHeader("host", notSent, r.URL.Host())
	whole = v.takeReceived(&d, r)
	d.arrangeFields()
	for _, sorted := range d.sorted {
		f := &d.fields[sorted.number]
		name := string(f.name)
		must := f.signed && name != "x-amz-security-token"
		_, f.signed = slices.BinarySearch(names, name)
		if must && !f.signed {
			v.fault(PartSignedHeaders, name, "must be signed and is not")
		}
	}
	for _, name := range names {
		if d.named(name) == nil {
			v.fault(PartSignedHeaders, name, "is signed and is not there")
			whole = false
		}
	}
	return d, whole
}

// takeReceived takes over the headers that came. What HTTP cannot carry is a
// fault: a line break would make one canonical request of two requests.
func (v *Verdict) takeReceived(d *draft, r *Received) (sound bool) {
	sound = true
	if r.Method == "" || !tokenChars.all(r.Method) {
		v.fault(PartRequest, "", "has a method that HTTP cannot carry")
		sound = false
	}
	for i, h := range r.Headers {
		name, value, err := d.readHeader(i, h)
		switch {
		case err != nil:
			v.fault(PartRequest, "", "has a header that HTTP cannot carry")
			sound = false
		case string(name) != "host":
			d.addField(name, notSent, value)
		case !sameHost(value, r.URL):
			v.fault(PartRequest, "host", "differs from the host of the URL")
		}
	}
	return sound
}

// signedQuery returns the encoded parameters that are signed.
func (v *Verdict) signedQuery(r *Received, e *Expected) []string {
	pieces := strings.Split(r.URL.RawQuery(), "&")
	if !v.Claim.Presigned {
		return pieces
	}
	return slices.DeleteFunc(pieces, func(piece string) bool {
		return strings.HasPrefix(piece, "X-Amz-Signature=") ||
			e.Token == TokenAppended && strings.HasPrefix(piece, "X-Amz-Security-Token=")
	})
}

// checkSignature compares the signature. The key is that of the claimed scope,
// so that a wrong scope is told apart from a wrong signature.
func (v *Verdict) checkSignature(e *Expected) {
	c := &v.Claim
	if c.AccessKeyID != e.Credentials.AccessKeyID {
		return
	}
	key, err := DeriveKey(c.Algorithm, e.Credentials, c.Time, c.Scope)
	if err != nil || !key.Verify(v.StringToSign, c.Signature) {
		v.fault(PartSignature, "", "is not that of the canonical request")
	}
}
