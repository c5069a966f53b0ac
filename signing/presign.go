package signing

import (
	"strconv"
	"strings"
	"time"
)

// Presign signs a request by query parameters, so that whoever has the URL can
// send it until it expires (IAM User Guide, "Add the signature to the request";
// S3 API Reference, "Authenticating Requests: Using Query Parameters"). The
// headers of the answer must be sent with it.
func (s *Signer) Presign(r *Request) (out Signed, err error) {
	d := s.open()
	defer s.release(d)
	if err = d.canonicalizeQuery(r); err != nil {
		return out, err
	}
	signature, err := d.sign(r)
	if err != nil {
		return out, err
	}
	begin := len(d.text)
	b := append(append(d.text, r.URL.text[:r.URL.query]...), '?')
	b = append(append(b, d.query...), "&X-Amz-Signature="...)
	signatureAt := len(b) - begin
	b = append(b, signature...)
	if r.Token == TokenAppended && r.Credentials.secret().token != "" {
		b = append(append(b, "&X-Amz-Security-Token="...), r.Credentials.secret().tokenParameter()...)
	}
	end := len(b) - begin
	d.text = append(append(b, d.scope...), d.signedHeaders...)

	// One string holds the URL and all that is answered beside it.
	text := string(d.text[begin:])
	out.URL, out.Headers, out.Date = r.URL, d.headers, d.date
	out.URL.text, text = text[:end], text[end:]
	out.CredentialScope, out.SignedHeaders = text[:len(d.scope)], text[len(d.scope):]
	out.Signature = out.URL.text[signatureAt:][:len(signature)]
	if r.Explain {
		d.explain(&out)
	}
	return out, nil
}

// canonicalizeQuery makes the canonical request of the query form, the first
// text of the draft.
func (d *draft) canonicalizeQuery(r *Request) error {
	if r.Expires < time.Second || r.Expires > MaxExpires || r.Expires%time.Second != 0 {
		return inputError("expiresInSeconds", "is not from 1 to 604800 seconds")
	}
	d.headers = make([]Header, 0, len(r.Headers))
	if err := d.begin(r); err != nil {
		return err
	}
	if err := checkPresigned(r.URL); err != nil {
		return err
	}
	d.query = append(d.query, r.URL.RawQuery()...)
	if err := d.chooseSigned(r); err != nil {
		return err
	}
	d.inOrder = len(d.query) == 0 // since what is added is
	d.addAuthorization(r)
	d.appendCanonicalRequest(r)
	d.joinRepeated()
	return nil
}

// addAuthorization adds the parameters that the Authorization header and its
// companions hold in the other form, sorted, but for the signature.
func (d *draft) addAuthorization(r *Request) {
	b := d.query
	if len(b) > 0 {
		b = append(b, '&')
	}
	b = append(append(b, "X-Amz-Algorithm="...), r.Algorithm.name()...)
	if d.wantHash {
		b = append(append(b, "&X-Amz-Content-Sha256="...), r.PayloadHash...)
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

// checkPresigned refuses a query with the parameters that presigning adds.
func checkPresigned(u URL) error {
	for rest := u.RawQuery(); rest != ""; {
		var piece string
		piece, rest, _ = strings.Cut(rest, "&")
		name, _, _ := strings.Cut(piece, "=")
		switch strings.ToLower(name) {
		case "x-amz-algorithm", "x-amz-content-sha256", "x-amz-credential", "x-amz-date", "x-amz-expires",
			"x-amz-region-set", "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders":
			return &InputError{Field: "query", Index: -1, Name: name, Reason: "is set by presigning and cannot be given"}
		}
	}
	return nil
}
