package signing

import (
	"crypto/sha256"
	"sync"
)

// Signer signs requests. It keeps the space that it works in; derived keys are
// kept by the [Credentials]. The zero Signer is ready for use.
type Signer struct{ drafts sync.Pool }

// Sign signs a request by headers.
func (s *Signer) Sign(r *Request) (out Signed, err error) {
	d := s.open()
	defer s.release(d)
	if err = d.canonicalize(r); err != nil {
		return out, err
	}
	signature, err := d.sign(r)
	if err != nil {
		return out, err
	}
	// Step 6: add the signature to the request.
	begin := len(d.text)
	b := append(append(d.text, r.Algorithm.name()...), beforeID...)
	b = append(append(b, r.Credentials.AccessKeyID...), '/')
	scope := len(b) - begin
	b = append(append(b, d.scope...), beforeNames...)
	names := len(b) - begin
	b = append(append(b, d.signedHeaders...), beforeSignature...)
	d.text = append(b, signature...)

	// Its parts are parts of the one string.
	out.Authorization = string(d.text[begin:])
	out.CredentialScope = out.Authorization[scope:][:len(d.scope)]
	out.SignedHeaders = out.Authorization[names:][:len(d.signedHeaders)]
	out.Signature = out.Authorization[len(out.Authorization)-len(signature):]
	out.URL, out.Date = r.URL, d.date
	out.Headers = append(d.headers, Header{"Authorization", out.Authorization})
	if r.Explain {
		d.explain(&out)
	}
	return out, nil
}

// sign does the steps after the canonical request and returns the signature.
func (d *draft) sign(r *Request) ([]byte, error) {
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

func (s *Signer) open() *draft {
	if d, ok := s.drafts.Get().(*draft); ok {
		return d
	}
	return &draft{sha256: sha256.New()}
}

// release keeps a draft for the next request, unless it has grown beyond what
// requests usually need.
func (s *Signer) release(d *draft) {
	if cap(d.text) <= 64<<10 {
		d.reset()
		s.drafts.Put(d)
	}
}
