package signing

import (
	"crypto/sha256"
	"sync"
)

// Signer signs requests. It reuses its working memory; derived keys are cached in the
// [Credentials]. The zero Signer is ready for use.
type Signer struct{ scratches sync.Pool }

// Sign signs a request in its Authorization header.
func (s *Signer) Sign(r *Request) (out Signed, err error) {
	d := s.open()
	defer s.release(d)
	signature, err := d.signHeaders(r)
	if err != nil {
		return out, err
	}
	begin := len(d.text)
	d.text = d.appendAuthorization(d.text, r, signature)
	out.Authorization = string(d.text[begin:])
	// The other results are substrings of it.
	text := out.Authorization
	text, out.Signature = cutLast(text, len(signature), beforeSignature)
	text, out.SignedHeaders = cutLast(text, len(d.signedHeaders), beforeNames)
	_, out.CredentialScope = cutLast(text, len(d.scope), "")
	out.URL, out.Date = r.URL, d.date
	out.Headers = append(d.sent(1), Header{"Authorization", out.Authorization})
	if r.Explain {
		d.explain(&out)
	}
	return out, nil
}

// AppendAuthorization signs a request like [Signer.Sign], and appends the value of its
// Authorization header. It is for callers who sign a lot and build the request themselves. They
// must also send X-Amz-Date in [TimeFormat], the request's own headers, and X-Amz-Security-Token,
// X-Amz-Content-Sha256 and X-Amz-Region-Set if the request calls for them. The request's headers
// should have unique names and folded white space, since that is how they are signed.
//
// A typical request needs no allocation if dst has the capacity. On error, dst is returned
// unchanged.
func (s *Signer) AppendAuthorization(dst []byte, r *Request) ([]byte, error) {
	d := s.open()
	defer s.release(d)
	signature, err := d.signHeaders(r)
	if err != nil {
		return dst, err
	}
	return d.appendAuthorization(dst, r, signature), nil
}

// Check fails if [Signer.Sign] would, and otherwise returns the names of the headers that Sign
// would sign: "host;x-amz-date". Only the form of the credentials is checked.
func (s *Signer) Check(r *Request) (signedHeaders string, err error) {
	d := s.open()
	defer s.release(d)
	if err := d.chooseHeaders(r); err != nil {
		return "", err
	}
	if string(d.signedHeaders) != d.checked {
		d.checked = string(d.signedHeaders)
	}
	return d.checked, nil
}

// cutLast cuts off the last n bytes of s, and the text before that precedes them.
func cutLast(s string, n int, before string) (rest, last string) {
	begin := len(s) - n
	return s[:begin-len(before)], s[begin:]
}

// signHeaders does all steps except the last for a signature in a header.
func (d *scratch) signHeaders(r *Request) (signature []byte, err error) {
	if err := d.canonicalize(r); err != nil {
		return nil, err
	}
	return d.sign(r)
}

// appendAuthorization does step 6: add the signature to the request.
func (d *scratch) appendAuthorization(dst []byte, r *Request, signature []byte) []byte {
	dst = append(append(dst, r.Algorithm.name()...), beforeID...)
	dst = append(append(dst, r.Credentials.AccessKeyID...), '/')
	dst = append(append(dst, d.scope...), beforeNames...)
	dst = append(append(dst, d.signedHeaders...), beforeSignature...)
	return append(dst, signature...)
}

// sign does the steps after the canonical request and returns the signature.
func (d *scratch) sign(r *Request) ([]byte, error) {
	// Steps 2 and 3: hash the canonical request, create the string to sign.
	d.canonical = len(d.text)
	d.text = appendStringToSign(d.text, r.Algorithm, d.date, d.scope, d.text)
	// Step 4: derive the signing key.
	key, err := r.Credentials.signingKey(r.Algorithm, d.scope, r.Scope)
	if err != nil {
		return nil, err
	}
	// Step 5: calculate the signature.
	d.stringToSign = len(d.text)
	d.text, err = key.appendSignature(d.text, d.text[d.canonical:], d.sha256)
	return d.text[d.stringToSign:], err
}

func (s *Signer) open() *scratch {
	if d, ok := s.scratches.Get().(*scratch); ok {
		return d
	}
	return &scratch{sha256: sha256.New()}
}

// release keeps a scratch for the next request, unless an unusually large request made it grow: by
// its signed text, or by headers that are not signed.
func (s *Signer) release(d *scratch) {
	if cap(d.text) <= 64<<10 && cap(d.names) <= 64<<10 && cap(d.fields) <= 1<<10 {
		d.reset()
		s.scratches.Put(d)
	}
}
