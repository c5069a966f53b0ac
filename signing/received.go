package signing

import (
	"cmp"
	"slices"
	"strings"
)

// canonicalize writes the canonical request and the string to sign, with or without a presigned
// URL's session token.
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

// signedFields returns the canonical form of the signed headers, and reports whether all that are
// named are present. Of the headers that must be signed, two may be left out: the session token,
// and outside S3 the payload hash, whose value is part of the canonical request anyway.
func (v *Verdict) signedFields(r *Received, e *Expected) (canonical string, whole bool) {
	names := strings.Split(v.Info.SignedHeaders, ";")
	for i, name := range names {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= names[i-1] {
			v.mismatch(PartSignedHeaders, "SignedHeaders", "must be names in lower case, sorted and separated by semicolons")
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
			v.mismatch(PartSignedHeaders, name, "must be signed but is not")
		}
	}
	for _, name := range names {
		if d.named(name) == nil {
			v.mismatch(PartSignedHeaders, name, "is signed but not present")
			whole = false
		}
	}
	return string(d.appendCanonicalHeaders(nil)), whole
}

// takeReceived adds the received headers. Whatever HTTP cannot carry is a mismatch: a line break
// would let two different requests have the same canonical request.
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
			d.fields[0].value = value // as received, with its port
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
	query, _ := CanonicalQuery(strings.Join(pieces, "&")) // a URL's query is valid
	return query
}

// signedBy reports whether the signature is that of the string to sign. The key is derived for the
// claimed scope, so that a wrong scope can be told from a wrong signature.
func (v *Verdict) signedBy(credentials Credentials) bool {
	c := &v.Info
	key, err := DeriveKey(c.Algorithm, credentials, c.Time, c.Scope)
	return err == nil && key.Verify(v.StringToSign, c.Signature)
}

// RedactTokens replaces the values of session tokens in a canonical request.
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
