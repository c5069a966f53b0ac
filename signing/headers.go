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
		name, value, err := d.readHeader(i, h)
		if err != nil {
			return "", "", err
		}
		d.endLine(name, value, notSent)
		d.fields[i].signed = true
	}
	d.sortFields()
	if len(d.named("host")) == 0 {
		return "", "", inputError("headers", "have no Host, which must be signed")
	}
	d.joinSigned()
	return string(d.canonicalHeaders), string(d.signedHeaders), nil
}

// field is a header on its way into the canonical headers.
type field struct {
	begin, colon, end int // where in lines its name, its value and the next begin
	place             int // among the headers to send, or notSent
	signed            bool
}

// notSent is the place of a header that is left to whoever sends.
const notSent = -1

// name returns the name of field i in lower case.
func (d *draft) name(i int) []byte { return d.lines[d.fields[i].begin:d.fields[i].colon] }

// addLine adds a header, with its name in lower case.
func (d *draft) addLine(name, value string, place int) {
	begin := len(d.lines)
	d.lines = append(d.lines, name...)
	d.endLine(d.lines[begin:], value, place)
}

// endLine adds the header whose name ends the lines. Host and every x-amz-*
// header must be signed (IAM User Guide, "Create a canonical request",
// CanonicalHeaders).
func (d *draft) endLine(name []byte, value string, place int) {
	d.fields = append(d.fields, field{})
	f := &d.fields[len(d.fields)-1]
	f.begin, f.colon, f.place = len(d.lines)-len(name), len(d.lines), place
	f.signed = string(name) == "host" || bytes.HasPrefix(name, []byte("x-amz-"))
	d.lines = append(append(append(d.lines, ':'), value...), '\n')
	f.end = len(d.lines)
}

// sortFields sorts by name; those of one name keep their order.
func (d *draft) sortFields() {
	d.repeated = false
	d.sorted = appendOrder(d.sorted[:0], len(d.fields), func(i, j int) int {
		if c := bytes.Compare(d.name(i), d.name(j)); c != 0 {
			return c
		}
		d.repeated = true
		return i - j
	})
}

// named returns the fields of a name in lower case, by their numbers.
func (d *draft) named(name string) []int {
	begin := sort.Search(len(d.sorted), func(i int) bool { return string(d.name(d.sorted[i])) >= name })
	end := begin
	for end < len(d.sorted) && string(d.name(d.sorted[end])) == name {
		end++
	}
	return d.sorted[begin:end]
}

// joinSigned writes the canonical headers and the signed headers: the lines and
// the names of the fields to sign, once they are sorted.
func (d *draft) joinSigned() {
	lines, names := d.canonicalHeaders[:0], d.signedHeaders[:0]
	var last []byte
	for _, i := range d.sorted {
		f, name := &d.fields[i], d.name(i)
		switch {
		case !f.signed:
		case bytes.Equal(name, last):
			lines[len(lines)-1] = ',' // in place of the line feed
			lines = append(lines, d.lines[f.colon+1:f.end]...)
		default:
			lines = append(lines, d.lines[f.begin:f.end]...)
			names = append(append(names, name...), ';')
			last = name
		}
	}
	d.canonicalHeaders, d.signedHeaders = lines, names[:max(len(names)-1, 0)]
}

// readHeader appends the name of a header to the lines, in lower case, and
// returns it with the value, white space folded. It refuses what cannot be a
// header (RFC 9110 section 5), and with it everything that could break out of
// one.
func (d *draft) readHeader(i int, h Header) (name []byte, value string, err error) {
	begin, ok := len(d.lines), false
	if d.lines, ok = nameChars.append(d.lines, h.Name); h.Name == "" || !ok {
		return nil, "", &InputError{Field: "headers", Index: i, Name: h.Name, Reason: "is not a header name"}
	}
	if value, ok = fold(h.Value); !ok {
		return nil, "", &InputError{Field: "headers", Index: i, Name: h.Name, Reason: "holds a line break or another control character"}
	}
	return d.lines[begin:], value, nil
}

// fold folds white space, which in HTTP is spaces and tabs: trimmed, and one
// space for each run of it inside, also within quotes. It reports false where
// there is a byte that no value may hold.
func fold(value string) (folded string, ok bool) {
	var seen byteClass
	for i := range len(value) {
		seen |= valueChars[value[i]]
	}
	n := len(value) - 1
	switch {
	case seen == 0:
		return value, true
	case seen >= controlByte:
		return value, false
	case seen == spaceByte && value[0] != ' ' && value[n] != ' ' && !strings.Contains(value, "  "):
		return value, true
	}
	return strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' }), " "), true
}

// byteClass is what a byte of a value is: plain when zero.
type byteClass byte

const (
	spaceByte byteClass = 1 << iota
	tabByte
	controlByte
)

// valueChars tells the bytes of header values apart (RFC 9110 section 5.5).
var valueChars = func() (classes [256]byteClass) {
	for c := range classes {
		switch {
		case c == ' ':
			classes[c] = spaceByte
		case c == '\t':
			classes[c] = tabByte
		case c < ' ' || c == 0x7f:
			classes[c] = controlByte
		}
	}
	return classes
}()

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
