package signing

import (
	"bytes"
	"hash"
	"slices"
	"strings"
)

// draft is the space in which one request is signed. Drafts are used again, so
// that a signature costs little more than its hashes.
type draft struct {
	names   []byte   // lower-case names that fields point into
	fields  []field  // every header, with those that signing adds
	sorted  []int    // the fields by name
	headers []Header // those to send
	pairs   []pair   // the query in pieces
	order   []int    // the pairs by name and value
	query   []byte   // the query in wire form
	scope   []byte   // the credential scope
	text    []byte   // canonical request, string to sign, signature and what is made of them

	signedHeaders []byte
	repeated      bool      // a name stands in fields more than once
	date          string    // of X-Amz-Date, and which second of Unix time
	second        int64     // it is: often the next request has the same
	wantHash      bool      // x-amz-content-sha256 is to be sent
	sha256        hash.Hash // to be used again
	// Where in text the canonical request and the string to sign end.
	canonical, stringToSign int
}

// reset makes a draft ready for the next request.
func (d *draft) reset() {
	d.names, d.fields, d.pairs = d.names[:0], d.fields[:0], d.pairs[:0]
	d.query, d.scope, d.signedHeaders, d.text, d.headers = d.query[:0], d.scope[:0], d.signedHeaders[:0], d.text[:0], nil
}

// begin checks a request and takes over what both forms of signing share.
func (d *draft) begin(r *Request) error {
	if err := r.check(); err != nil {
		return err
	}
	if second := r.Time.Unix(); d.date == "" || second != d.second {
		d.date, d.second = formatTime(r.Time), second
	}
	d.scope = appendCredentialScope(d.scope, r.Algorithm, d.date, r.Scope)
	d.wantHash = r.ContentSHA256Header
	return d.takeHeaders(r)
}

// explain fills in the texts of the steps.
func (d *draft) explain(out *Signed) {
	out.CanonicalRequest = string(d.text[:d.canonical])
	out.StringToSign = string(d.text[d.canonical:d.stringToSign])
}

// addHeader adds a header to send.
func (d *draft) addHeader(name, value string) {
	d.addField(d.lower(name), value, len(d.headers))
	d.headers = append(d.headers, Header{name, value})
}

// takeHeaders takes over the host and the caller's headers.
func (d *draft) takeHeaders(r *Request) error {
	d.headers = make([]Header, 0, len(r.Headers)+5) // and what signing adds
	d.addField(d.lower("host"), r.URL.Host(), notSent)
	for i, h := range r.Headers {
		value, err := readHeader(i, h)
		if err != nil {
			return err
		}
		name, reason := d.lower(h.Name), ""
		switch string(name) {
		case "host":
			if !sameHost(value, r.URL) {
				reason = "differs from the host of the URL, from which it is sent"
			}
		case "x-amz-content-sha256":
			d.wantHash = true
			if value != r.PayloadHash {
				reason = "differs from the hash of the payload"
			}
		case "authorization", "x-amz-date", "x-amz-security-token", "x-amz-region-set":
			reason = "is set by signing and cannot be given"
		case "content-length":
			d.addField(name, value, notSent)
		default:
			d.addField(name, value, len(d.headers))
			d.headers = append(d.headers, Header{h.Name, value})
		}
		if reason != "" {
			return &InputError{Field: "headers", Index: i, Name: h.Name, Reason: reason}
		}
	}
	return nil
}

// sameHost says whether a Host header says what the URL says.
func sameHost(host string, u URL) bool {
	defaultPort := ":443"
	if u.Scheme() == "http" {
		defaultPort = ":80"
	}
	return strings.ToLower(strings.TrimSuffix(host, defaultPort)) == u.Host()
}

// chooseSigned marks the fields to sign, once they are all there: host, every
// x-amz-* header (IAM User Guide, "Create a canonical request",
// CanonicalHeaders), and what the request asks for. It sorts them.
func (d *draft) chooseSigned(r *Request) error {
	d.sortFields()
	for i := range d.fields {
		f := &d.fields[i]
		f.signed = string(f.name) == "host" || bytes.HasPrefix(f.name, []byte("x-amz-"))
		if r.SignAllHeaders && !f.signed {
			_, forbidden := fragile(r.Method, string(f.name))
			f.signed = !forbidden
		}
	}
	for i, name := range r.SignedHeaders {
		lower := strings.ToLower(name)
		fields := d.named(lower)
		reason, forbidden := fragile(r.Method, lower)
		if !forbidden && len(fields) > 0 {
			for _, j := range fields {
				d.fields[j].signed = true
			}
			continue
		}
		if !forbidden {
			reason = "is not among the headers"
		}
		return &InputError{Field: "signedHeaders", Index: i, Name: name, Reason: reason}
	}
	d.listSigned()
	return nil
}

// joinRepeated makes one header to send of each name that was given more than
// once, as it stands in the canonical headers.
func (d *draft) joinRepeated() {
	if !d.repeated {
		return
	}
	for rest := d.sorted; len(rest) > 0; {
		first := &d.fields[rest[0]]
		n := 1
		for n < len(rest) && bytes.Equal(d.fields[rest[n]].name, first.name) {
			n++
		}
		if n > 1 && first.place != notSent {
			values := make([]string, n)
			for i, j := range rest[:n] {
				values[i] = d.fields[j].value
				if i > 0 {
					d.headers[d.fields[j].place].Name = ""
				}
			}
			d.headers[first.place].Value = strings.Join(values, ",")
		}
		rest = rest[n:]
	}
	d.headers = slices.DeleteFunc(d.headers, func(h Header) bool { return h.Name == "" })
}
