package signing

// Signer signs requests and keeps the keys that it derives for the day.
type Signer struct{ maxKeys int }

// NewSigner returns a signer that keeps at most maxKeys derived keys.
func NewSigner(maxKeys int) *Signer { return &Signer{maxKeys} }

// Sign signs a request by headers.
func (s *Signer) Sign(r *Request) (Signed, error) { return Signed{}, nil }

// Presign signs a request by query parameters.
func (s *Signer) Presign(r *Request) (Signed, error) { return Signed{}, nil }
