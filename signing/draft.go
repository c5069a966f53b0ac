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
	lines   []byte   // the headers as they come, in canonical lines, and names of which no line was made
	fields  []field  // where in lines each header is
	sorted  []int    // the fields by name
	headers []Header // those to send
	query   []byte   // the query in wire form
	pairs   []pair   // where in query each parameter is
	order   []int    // the pairs by name and value
	scope   []byte   // the credential scope
	text    []byte   // canonical request, string to sign, signature and what is made of them

	canonicalHeaders, signedHeaders []byte

	date   string    // of X-Amz-Date, and which second of Unix time it is:
	second int64     // often the next request has the same
	sha256 hash.Hash // to be used again

	wantHash bool // x-amz-content-sha256 is to be sent
	repeated bool // a name stands in fields more than once
	inOrder  bool // the query is sorted
	// Where in text the canonical request and the string to sign end.
	canonical, stringToSign int
}

// reset makes a draft ready for the next request.
func (d *draft) reset() {
	d.lines = d.lines[:0]
	d.fields = d.fields[:0]
	d.query = d.query[:0]
	d.pairs = d.pairs[:0]
	d.text = d.text[:0]
	d.headers, d.inOrder = nil, false
}

// begin checks a request and takes over what both forms of signing share.
func (d *draft) begin(r *Request) error {
	if err := r.check(); err != nil {
		return err
	}
	if second := r.Time.Unix(); d.date == "" || second != d.second {
		d.date, d.second = formatTime(r.Time), second
	}
	d.scope = appendCredentialScope(d.scope[:0], r.Algorithm, d.date, r.Scope)
	d.wantHash = r.ContentSHA256Header
	return d.takeHeaders(r)
}

// explain fills in the texts of the steps.
func (d *draft) explain(out *Signed) {
	out.CanonicalRequest = string(d.text[:d.canonical])
	out.StringToSign = string(d.text[d.canonical:d.stringToSign])
}

// addHeader adds a header to send, under its name in lower case and as it is
// sent.
func (d *draft) addHeader(lower, name, value string) {
	d.addLine(lower, value, len(d.headers))
	d.headers = append(d.headers, Header{name, value})
}

// takeHeaders takes over the host and the caller's headers.
func (d *draft) takeHeaders(r *Request) error {
	d.addLine("host", r.URL.Host(), notSent)
	for i, h := range r.Headers {
		name, value, err := d.readHeader(i, h)
		if err != nil {
			return err
		}
		reason := ""
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
			d.endLine(name, value, notSent)
		default:
			d.endLine(name, value, len(d.headers))
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

// chooseSigned marks the fields to sign beside those that must be, as the request
// asks, once they are all there. It sorts them.
func (d *draft) chooseSigned(r *Request) error {
	d.sortFields()
	if r.SignAllHeaders {
		for i := range d.fields {
			f := &d.fields[i]
			_, forbidden := fragile(r.Method, string(d.name(i)))
			f.signed = f.signed || !forbidden
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
	d.joinSigned()
	return nil
}

// joinRepeated makes one header to send of each name that was given more than
// once, as it stands in the canonical headers.
func (d *draft) joinRepeated() {
	if !d.repeated {
		return
	}
	for rest := d.sorted; len(rest) > 0; {
		first, n := rest[0], 1
		for n < len(rest) && bytes.Equal(d.name(rest[n]), d.name(first)) {
			n++
		}
		if place := d.fields[first].place; n > 1 && place != notSent {
			values := make([]string, n)
			for i, j := range rest[:n] {
				h := &d.headers[d.fields[j].place]
				values[i] = h.Value
				if i > 0 {
					h.Name = ""
				}
			}
			d.headers[place].Value = strings.Join(values, ",")
		}
		rest = rest[n:]
	}
	d.headers = slices.DeleteFunc(d.headers, func(h Header) bool { return h.Name == "" })
}
