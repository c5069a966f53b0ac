package signing

import (
	"bytes"
	"sort"
	"strings"
)

// CanonicalHeaders returns the canonical headers, each line ended by a line
// feed, and the signed headers of the given headers, every one of which is
// signed (IAM User Guide, "Create a canonical request", CanonicalHeaders and
// SignedHeaders): names in lower case and sorted, white space folded, the
// values of a repeated name joined by commas in their order. Host must be among
// them.
func CanonicalHeaders(headers []Header) (canonical, signedHeaders string, err error) {
	var d draft
	for i, h := range headers {
		value, err := readHeader(i, h)
		if err != nil {
			return "", "", err
		}
		d.addField(d.lower(h.Name), value, notSent)
		d.fields[i].signed = true
	}
	d.sortFields()
	if len(d.named("host")) == 0 {
		return "", "", inputError("headers", "have no Host, which must be signed")
	}
	d.listSigned()
	return string(d.appendCanonicalHeaders(nil)), string(d.signedHeaders), nil
}

// field is a header on its way into the canonical headers.
type field struct {
	name   []byte // in lower case
	value  string // folded
	place  int    // among the headers to send, or notSent
	signed bool
}

// notSent is the place of a header that is left to whoever sends.
const notSent = -1

// lower returns a name in lower case.
func (d *draft) lower(name string) []byte {
	begin := len(d.names)
	d.names = appendLower(d.names, name)
	return d.names[begin:]
}

func (d *draft) addField(name []byte, value string, place int) {
	d.fields = append(d.fields, field{name: name, value: value, place: place})
}

// sortFields sorts by name; those of one name keep their order.
func (d *draft) sortFields() {
	d.repeated = false
	d.sorted = appendOrder(d.sorted[:0], len(d.fields), func(i, j int) int {
		if c := bytes.Compare(d.fields[i].name, d.fields[j].name); c != 0 {
			return c
		}
		d.repeated = true
		return i - j
	})
}

// named returns the fields of a name in lower case, by their numbers.
func (d *draft) named(name string) []int {
	begin := sort.Search(len(d.sorted), func(i int) bool { return string(d.fields[d.sorted[i]].name) >= name })
	end := begin
	for end < len(d.sorted) && string(d.fields[d.sorted[end]].name) == name {
		end++
	}
	return d.sorted[begin:end]
}

// appendCanonicalHeaders appends the signed fields.
func (d *draft) appendCanonicalHeaders(dst []byte) []byte {
	var last []byte
	for _, i := range d.sorted {
		f := &d.fields[i]
		switch {
		case !f.signed:
			continue
		case bytes.Equal(f.name, last):
			dst[len(dst)-1] = ',' // in place of the line feed
		default:
			dst = append(append(dst, f.name...), ':')
			last = f.name
		}
		dst = append(append(dst, f.value...), '\n')
	}
	return dst
}

// listSigned lists the names of the signed fields.
func (d *draft) listSigned() {
	var last []byte
	for _, i := range d.sorted {
		f := &d.fields[i]
		if !f.signed || bytes.Equal(f.name, last) {
			continue
		}
		if last != nil {
			d.signedHeaders = append(d.signedHeaders, ';')
		}
		d.signedHeaders = append(d.signedHeaders, f.name...)
		last = f.name
	}
}

// readHeader returns the value of a header, with white space folded: trimmed,
// and one space for each run of it inside, also within quotes. It refuses what
// cannot be a header (RFC 9110 section 5), and with it everything that could
// break out of one.
func readHeader(i int, h Header) (value string, err error) {
	if h.Name == "" || !tokenChars.all(h.Name) {
		return "", &InputError{Field: "headers", Index: i, Name: h.Name, Reason: "is not a header name"}
	}
	if !valueChars.all(h.Value) {
		return "", &InputError{Field: "headers", Index: i, Name: h.Name, Reason: "holds a line break or another control character"}
	}
	return fold(h.Value), nil
}

// fold folds white space, which in HTTP is spaces and tabs.
func fold(value string) string {
	plain := strings.IndexByte(value, '\t') < 0
	if plain && strings.IndexByte(value, ' ') < 0 {
		return value
	}
	if n := len(value) - 1; plain && value[0] != ' ' && value[n] != ' ' && !strings.Contains(value, "  ") {
		return value
	}
	return strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
}

// Reasons of [Fragile].
const (
	perHop    = "concerns one connection only and does not reach the service"
	rewritten = "is added or changed on the way"
	byClient  = "is set by the client that sends"
	dropped   = "is dropped by Logic Apps and Power Automate"
)

// Fragile says why a header is better not signed: it concerns one connection,
// is changed on the way, is set by whatever client sends it, or is dropped by
// low-code engines (Azure Logic Apps, "Omitted HTTP headers"). The reason is
// empty for a header that arrives as it was sent. With forbidden, naming it in
// [Request.SignedHeaders] is an error.
func Fragile(method, name string) (reason string, forbidden bool) {
	return fragile(method, strings.ToLower(name))
}

func fragile(method, name string) (reason string, forbidden bool) {
	switch name {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect":
		return perHop, true
	case "authorization", "user-agent", "via", "forwarded", "x-amzn-trace-id":
		return rewritten, true
	case "content-length", "date", "accept-encoding":
		return byClient, false
	case "allow", "cookie", "expires", "last-modified", "origin", "set-cookie", "accept":
		return dropped, false
	case "content-type", "content-encoding", "content-disposition":
		if method == "POST" || method == "PUT" {
			return "", false
		}
		return dropped, false
	case "accept-version":
		return "", false
	}
	switch prefix, _, _ := strings.Cut(name, "-"); prefix {
	case "proxy":
		return perHop, true
	case "accept", "content":
		return dropped, false
	}
	switch {
	case strings.HasPrefix(name, "x-forwarded-"):
		return rewritten, true
	case strings.HasPrefix(name, "sec-websocket-"):
		return perHop, true
	}
	return "", false
}
