package signing

import (
	"strconv"
	"strings"
	"time"
)

// Presign signs a request in its query parameters, so that whoever has the URL can send it until it
// expires (IAM User Guide, "Add the signature to the request"; S3 API Reference, "Authenticating
// Requests: Using Query Parameters"). The returned headers must be sent with it.
func (s *Signer) Presign(r *Request) (out Signed, err error) {
	d := s.open()
	defer s.release(d)
	signature, err := d.signQuery(r)
	if err != nil {
		return out, err
	}
	begin := len(d.text)
	b := d.appendURL(d.text, r, signature)
	end := len(b) - begin
	d.text = append(append(append(b, d.scope...), d.signedHeaders...), signature...)

	// One string holds the URL and the other results.
	text := string(d.text[begin:])
	out.URL, out.Headers, out.Date = r.URL, d.sent(0), d.date
	out.URL.text, text = text[:end], text[end:]
	out.CredentialScope, text = text[:len(d.scope)], text[len(d.scope):]
	out.SignedHeaders, out.Signature = text[:len(d.signedHeaders)], text[len(d.signedHeaders):]
	if r.Explain {
		d.explain(&out)
	}
	return out, nil
}

// AppendURL signs a request like [Signer.Presign], and appends the URL to send. The request's
// headers must be sent with it. What [Signer.AppendAuthorization] says of headers, allocations and
// errors applies here too.
func (s *Signer) AppendURL(dst []byte, r *Request) ([]byte, error) {
	d := s.open()
	defer s.release(d)
	signature, err := d.signQuery(r)
	if err != nil {
		return dst, err
	}
	return d.appendURL(dst, r, signature), nil
}

// signQuery does all steps except the last for a signature in the query.
func (d *scratch) signQuery(r *Request) (signature []byte, err error) {
	if err := d.canonicalizeQuery(r); err != nil {
		return nil, err
	}
	return d.sign(r)
}

// appendURL does step 6: add the signature to the request.
func (d *scratch) appendURL(dst []byte, r *Request, signature []byte) []byte {
	dst = append(append(dst, r.URL.text[:r.URL.query]...), '?')
	dst = append(append(dst, d.query...), "&X-Amz-Signature="...)
	dst = append(dst, signature...)
	if r.Token == TokenAppended && r.Credentials.secret().token != "" {
		dst = append(append(dst, "&X-Amz-Security-Token="...), r.Credentials.secret().tokenParameter()...)
	}
	return dst
}

// canonicalizeQuery writes the canonical request of the query form, the first text of the scratch.
func (d *scratch) canonicalizeQuery(r *Request) error {
	if r.Expires < time.Second || r.Expires > MaxExpires || r.Expires%time.Second != 0 {
		return inputError(InputExpires, "must be from 1 to 604800 seconds")
	}
	if err := d.begin(r); err != nil {
		return err
	}
	if err := checkPresigned(r.URL); err != nil {
		return err
	}
	if d.sendHash && string(d.payload) == UnsignedPayload {
		d.sendHash = false // not as a parameter
		d.addHeader("x-amz-content-sha256", "X-Amz-Content-Sha256", UnsignedPayload)
	}
	d.query = append(d.query, r.URL.RawQuery()...)
	if err := d.chooseSigned(r); err != nil {
		return err
	}
	d.inOrder = len(d.query) == 0 // the parameters added below are sorted
	d.addAuthorization(r)
	d.appendCanonicalRequest(r)
	return nil
}

// addAuthorization adds the parameters that take the place of the Authorization header and its
// companions, sorted, without the signature.
func (d *scratch) addAuthorization(r *Request) {
	b := d.query
	if len(b) > 0 {
		b = append(b, '&')
	}
	b = append(append(b, "X-Amz-Algorithm="...), r.Algorithm.name()...)
	if d.sendHash {
		b = append(append(b, "&X-Amz-Content-Sha256="...), d.payload...)
	}
	b = appendEncoded(append(b, "&X-Amz-Credential="...), r.Credentials.AccessKeyID, &unreserved)
	b = append(b, "%2F"...)
	b = appendEncoded(b, d.scope, &unreserved)
	b = append(append(b, "&X-Amz-Date="...), d.date...)
	b = strconv.AppendInt(append(b, "&X-Amz-Expires="...), int64(r.Expires/time.Second), 10)
	if r.Algorithm == ECDSA {
		b = appendEncoded(append(b, "&X-Amz-Region-Set="...), r.Scope.Region, &unreserved)
	}
	if r.Credentials.secret().token != "" && (r.Token == "" || r.Token == TokenSigned) {
		b = append(append(b, "&X-Amz-Security-Token="...), r.Credentials.secret().tokenParameter()...)
	}
	b = append(b, "&X-Amz-SignedHeaders="...)
	d.query = appendEncoded(b, d.signedHeaders, &unreserved)
}

// ReservedParameter reports whether presigning sets a query parameter, ignoring case, so that a
// request cannot contain it.
func ReservedParameter(name string) bool {
	switch strings.ToLower(name) {
	case "x-amz-algorithm", "x-amz-content-sha256", "x-amz-credential", "x-amz-date", "x-amz-expires",
		"x-amz-region-set", "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders":
		return true
	}
	return false
}

// checkPresigned rejects a query with parameters that presigning adds.
func checkPresigned(u URL) error {
	for rest := u.RawQuery(); rest != ""; {
		var piece string
		piece, rest, _ = strings.Cut(rest, "&")
		name, _, _ := strings.Cut(piece, "=")
		if ReservedParameter(name) {
			return &InputError{Part: InputQuery, Index: -1, Name: name, Reason: "is set by presigning and cannot be given"}
		}
	}
	return nil
}
