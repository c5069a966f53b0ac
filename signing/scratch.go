package signing

import (
	"hash"
	"strings"
)

// scratch is the working memory for signing one request. It is reused, so that a signature costs
// little more than its hashes.
type scratch struct {
	names   []byte  // the header names in lower case
	fields  []field // the headers in the order given, repeated ones joined by arrangeFields
	sorted  []rank  // the fields by name
	query   []byte  // the query in wire form
	pairs   []pair  // where in query each parameter is
	order   []rank  // the pairs by name and value
	scope   []byte  // the credential scope
	payload []byte  // the payload's hash
	text    []byte  // canonical request, string to sign, signature and the results made from them

	signedHeaders []byte

	checked string // the result of the last Check: the next request often has the same

	date   string    // of X-Amz-Date, and its second in Unix time:
	second int64     // the next request often has the same
	sha256 hash.Hash // reused

	sendHash bool // send x-amz-content-sha256
	inOrder  bool // the query is sorted
	// The ends of the canonical request and the string to sign in text.
	canonical, stringToSign int
}

// reset prepares d for the next request.
func (d *scratch) reset() {
	clear(d.fields) // release the strings that were signed
	d.names, d.fields, d.sorted = d.names[:0], d.fields[:0], d.sorted[:0]
	d.query, d.pairs, d.order = d.query[:0], d.pairs[:0], d.order[:0]
	d.text, d.inOrder = d.text[:0], false
}

// begin checks a request and reads what both forms of signing need.
func (d *scratch) begin(r *Request) error {
	if err := r.check(); err != nil {
		return err
	}
	if second := r.Time.Unix(); d.date == "" || second != d.second {
		d.date, d.second = formatTime(r.Time), second
	}
	d.scope = appendCredentialScope(d.scope[:0], r.Algorithm, d.date, r.Scope)
	d.payload = append(d.payload[:0], r.PayloadHash...)
	if r.Payload != nil {
		d.payload = appendPayloadHash(d.payload, r.Payload)
	}
	d.sendHash = r.ContentSHA256Header
	return d.takeHeaders(r)
}

// explain sets the intermediate texts of the result.
func (d *scratch) explain(out *Signed) {
	out.CanonicalRequest = string(d.text[:d.canonical])
	out.StringToSign = string(d.text[d.canonical:d.stringToSign])
}

// takeHeaders adds the host and the caller's headers.
func (d *scratch) takeHeaders(r *Request) error {
	d.addHeader("host", notSent, r.URL.Host())
	for i, h := range r.Headers {
		name, value, err := d.readHeader(i, h)
		if err != nil {
			return err
		}
		reason := ""
		switch string(name) {
		case "host":
			if !sameHost(value, r.URL) {
				reason = "differs from the host of the URL"
			}
		case "x-amz-content-sha256":
			d.sendHash = true
			if value != string(d.payload) {
				reason = "differs from the hash of the payload"
			}
		default:
			if reserved(name) {
				reason = "is set by signing and cannot be given"
				break
			}
			d.addField(name, h.Name, value)
			if len(value) != len(h.Value) {
				d.fields[len(d.fields)-1].spaced = keepSpaces(h.Value)
			}
		}
		if reason != "" {
			return &InputError{Part: InputHeaders, Index: i, Name: h.Name, Reason: reason}
		}
	}
	return nil
}

// sameHost reports whether a Host header means the host of the URL.
func sameHost(host string, u URL) bool {
	defaultPort := ":443"
	if u.Scheme() == "http" {
		defaultPort = ":80"
	}
	return strings.ToLower(strings.TrimSuffix(host, defaultPort)) == u.Host()
}

// chooseSigned arranges the fields, once all are there, and marks those that the request asks to
// sign in addition to the mandatory ones.
func (d *scratch) chooseSigned(r *Request) error {
	d.arrangeFields()
	if r.SignAllHeaders {
		for i := range d.fields {
			f := &d.fields[i]
			_, forbidden := fragile(r.Method, string(f.name))
			f.signed = f.signed || !forbidden
		}
	}
	for i, name := range r.SignedHeaders {
		lower := strings.ToLower(name)
		reason, forbidden := fragile(r.Method, lower)
		f := d.named(lower)
		switch {
		case forbidden:
		case f == nil:
			reason = "is not among the headers"
		default:
			f.signed = true
			continue
		}
		return &InputError{Part: InputSignedHeaders, Index: i, Name: name, Reason: reason}
	}
	d.joinSignedHeaders()
	return nil
}
