package signing

import (
	"cmp"
	"slices"
	"strings"
)

// canonicalize makes the canonical request and the string to sign, with a
// presigned URL's token or without.
func (v *Verdict) canonicalize(r *Received, e *Expected, canonicalHeaders string, tokenAppended bool) {
	c := &v.Info
	payload := cmp.Or(c.PayloadHash, e.PayloadHash)
	switch {
	case payload != "":
	case c.Presigned && e.S3Style:
		payload = UnsignedPayload
	case r.PayloadHash != "":
		payload = r.PayloadHash
	default:
		payload = PayloadHash(nil)
	}
	uri, query := CanonicalURI(r.URL.Path(), e.SingleEncode), signedQuery(r.URL, c.Presigned, tokenAppended)
	v.CanonicalRequest = CanonicalRequest(r.Method, uri, query, canonicalHeaders, c.SignedHeaders, payload)
	v.StringToSign = StringToSign(c.Algorithm, c.Time, c.CredentialScope, v.CanonicalRequest)
}

// signedFields returns the canonical headers of those that are signed, and reports
// whether all that are named are there. Of those that must be signed, the session
// token may be left out, and outside S3 the hash of the payload, which is signed
// as such.
func (v *Verdict) signedFields(r *Received, e *Expected) (canonical string, whole bool) {
	names := strings.Split(v.Info.SignedHeaders, ";")
	for i, name := range names {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= names[i-1] {
			v.mismatch(PartSignedHeaders, "SignedHeaders", "are not names in lower case, sorted and divided by semicolons")
			return "", false
		}
	}
	var d scratch
	d.addHeader("host", notSent, r.URL.Host())
	whole = v.takeReceived(&d, r)
	d.arrangeFields()
	for _, sorted := range d.sorted {
		f := &d.fields[sorted.number]
		name := string(f.name)
		must := f.signed && name != "x-amz-security-token" && (name != "x-amz-content-sha256" || e.S3Style)
		_, f.signed = slices.BinarySearch(names, name)
		if must && !f.signed {
			v.mismatch(PartSignedHeaders, name, "must be signed and is not")
		}
	}
	for _, name := range names {
		if d.named(name) == nil {
			v.mismatch(PartSignedHeaders, name, "is signed and is not there")
			whole = false
		}
	}
	return string(d.appendCanonicalHeaders(nil)), whole
}

// takeReceived takes over the headers that came. What HTTP cannot carry is a
// mismatch: a line break would make one canonical request of two requests.
func (v *Verdict) takeReceived(d *scratch, r *Received) (sound bool) {
	sound = true
	mismatch := func(name, reason string) {
		v.mismatch(PartRequest, name, reason)
		sound = false
	}
	if r.Method == "" || !tokenChars.all(r.Method) {
		mismatch("", "has a method that HTTP cannot carry")
	}
	hosts := 0
	for i, h := range r.Headers {
		name, value, err := d.readHeader(i, h)
		switch {
		case err != nil:
			mismatch("", "has a header that HTTP cannot carry")
		case string(name) != "host":
			d.addField(name, notSent, value)
		case !sameHost(value, r.URL):
			mismatch("host", "differs from the host of the URL")
		case hosts > 0:
			mismatch("host", "is given more than once")
		default:
			d.fields[0].value = value // as it was sent, with its port
			hosts++
		}
	}
	return sound
}

// signedQuery returns the canonical query of the parameters that are signed.
func signedQuery(u URL, presigned, tokenAppended bool) string {
	pieces := strings.Split(u.RawQuery(), "&")
	if presigned {
		pieces = slices.DeleteFunc(pieces, func(piece string) bool {
			return strings.HasPrefix(piece, "X-Amz-Signature=") || tokenAppended && strings.HasPrefix(piece, "X-Amz-Security-Token=")
		})
	}
	query, _ := CanonicalQuery(strings.Join(pieces, "&")) // a URL's query is sound
	return query
}

// signedBy says whether the signature is that of the string to sign. The key is
// that of the claimed scope, so that a wrong scope is told apart from a wrong
// signature.
func (v *Verdict) signedBy(credentials Credentials) bool {
	c := &v.Info
	key, err := DeriveKey(c.Algorithm, credentials, c.Time, c.Scope)
	return err == nil && key.Verify(v.StringToSign, c.Signature)
}

// RedactTokens returns a canonical request without the values of any
// session token.
func RedactTokens(canonicalRequest string) string {
	const redacted = "[redacted]"
	lines := strings.Split(canonicalRequest, "\n")
	for i, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		if i > 2 && tokenName(name) {
			lines[i] = name + ":" + redacted
		}
	}
	if len(lines) > 2 {
		pieces := strings.Split(lines[2], "&")
		for i, piece := range pieces {
			if name, _, _ := strings.Cut(piece, "="); tokenName(name) {
				pieces[i] = name + "=" + redacted
			}
		}
		lines[2] = strings.Join(pieces, "&")
	}
	return strings.Join(lines, "\n")
}

func tokenName(name string) bool {
	return strings.EqualFold(name, "x-amz-security-token") || strings.EqualFold(name, "x-amz-s3session-token")
}
