package signing

import "sync"

// Signer signs requests. It keeps the keys that it derives for the day and the
// space that it works in. The zero Signer keeps no keys.
type Signer struct {
	keys   keyring
	drafts sync.Pool
}

// NewSigner returns a signer that keeps at most maxKeys derived keys, one for
// each secret, region and service.
func NewSigner(maxKeys int) *Signer {
	return &Signer{keys: keyring{max: maxKeys}}
}

// Sign signs a request by headers.
func (s *Signer) Sign(r *Request) (Signed, error) {
	d := s.open()
	defer s.release(d)
	if err := d.canonicalize(r); err != nil {
		return Signed{}, err
	}
	signature, err := s.sign(d, r)
	if err != nil {
		return Signed{}, err
	}
	begin := len(d.text)
	b := append(append(d.text, r.Algorithm.name()...), " Credential="...)
	b = append(append(b, r.Credentials.AccessKeyID...), '/')
	b = append(append(b, d.scope...), ", SignedHeaders="...)
	b = append(appendSignedHeaders(b, d.fields), ", Signature="...)
	d.text = append(b, signature...)

	authorization := string(d.text[begin:])
	out := d.answer(r)
	out.Authorization = authorization
	out.Headers = append(d.headers, Header{"Authorization", authorization})
	out.CredentialScope, out.SignedHeaders, out.Signature = splitAuthorization(authorization)
	return out, nil
}

// sign does the steps after the canonical request and returns the signature.
func (s *Signer) sign(d *draft, r *Request) ([]byte, error) {
	// Steps 2 and 3: hash the canonical request, create the string to sign.
	d.canonical = len(d.text)
	d.text = appendStringToSign(d.text, r.Algorithm, d.date, d.scope, d.text)
	// Step 4: derive the signing key.
	key, err := s.keys.key(r, d.date[:day])
	if err != nil {
		return nil, err
	}
	// Step 5: calculate the signature.
	d.stringToSign = len(d.text)
	d.text, err = key.appendSignature(d.text, d.text[d.canonical:])
	return d.text[d.stringToSign:], err
}

func (s *Signer) open() *draft {
	if d, ok := s.drafts.Get().(*draft); ok {
		return d
	}
	return new(draft)
}

// release keeps a draft for the next request, unless it has grown beyond what
// requests usually need.
func (s *Signer) release(d *draft) {
	if cap(d.text) <= 64<<10 {
		d.reset()
		s.drafts.Put(d)
	}
}
