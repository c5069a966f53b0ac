package signing

import (
	"crypto/sha256"
	"sync"
)

// Signer signs requests. It keeps the space that it works in; derived keys are
// kept by the [Credentials]. The zero Signer is ready for use.
type Signer struct{ scratches sync.Pool }

// Sign signs a request by headers.
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
	// Its parts are parts of the one string.
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

// AppendAuthorization signs a request like [Signer.Sign], and appends the value
// of its Authorization header: for those who sign much, and who send the rest by
// themselves. That is X-Amz-Date in [TimeFormat], as far as the request asks for
// them X-Amz-Security-Token, X-Amz-Content-Sha256 and X-Amz-Region-Set, and the
// request's own headers. These are best given with names once and white space
// folded, since they are signed so.
//
// The usual request costs no allocation where dst has the capacity. With an error
// dst comes back as it was.
func (s *Signer) AppendAuthorization(dst []byte, r *Request) ([]byte, error) {
	d := s.open()
	defer s.release(d)
	signature, err := d.signHeaders(r)
	if err != nil {
		return dst, err
	}
	return d.appendAuthorization(dst, r, signature), nil
}

// Check refuses what [Signer.Sign] would refuse, and returns the names of the
// headers that it would sign: "host;x-amz-date". The credentials are not looked at
// but for their form.
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

// cutLast cuts the last n bytes off, and what is before them.
func cutLast(s string, n int, before string) (rest, last string) {
	begin := len(s) - n
	return s[:begin-len(before)], s[begin:]
}

// signHeaders does all the steps but the last for the header form.
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

// release keeps a scratch for the next request, unless it has grown beyond what
// requests usually need: by what is signed, or by headers that are not.
func (s *Signer) release(d *scratch) {
	if cap(d.text) <= 64<<10 && cap(d.names) <= 64<<10 && cap(d.fields) <= 1<<10 {
		d.reset()
		s.scratches.Put(d)
	}
}
