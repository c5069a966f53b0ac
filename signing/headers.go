package signing

import (
	"bytes"
	"sort"
	"strings"
)

// CanonicalHeaders returns the canonical headers, each line ending in a line feed, and the signed
// headers (IAM User Guide, "Create a canonical request", CanonicalHeaders and SignedHeaders): names
// in lower case and sorted, white space folded, the values of a repeated name joined by commas in
// their order. All headers given are signed; Host must be among them.
func CanonicalHeaders(headers []Header) (canonical, signedHeaders string, err error) {
	var d scratch
	for i, h := range headers {
		name, value, err := d.readHeader(i, h)
		if err != nil {
			return "", "", err
		}
		d.addField(name, notSent, value)
		d.fields[i].signed = true
	}
	d.arrangeFields()
	if d.named("host") == nil {
		return "", "", inputError(InputHeaders, "have no Host, which must be signed")
	}
	d.joinSignedHeaders()
	return string(d.appendCanonicalHeaders(nil)), string(d.signedHeaders), nil
}

// field is a header on its way into the canonical headers and into the request.
type field struct {
	name   []byte // in lower case, a slice of scratch.names
	sendAs string // the name to send, or notSent
	value  string // the value to sign, white space folded
	spaced string // the value to send, if it differs; see keepSpaces
	signed bool
}

// sent returns the value to send.
func (f *field) sent() string {
	if f.spaced != "" {
		return f.spaced
	}
	return f.value
}

// notSent replaces the name of a header that is left to the HTTP client, or whose value was joined
// to another field's.
const notSent = ""

// addHeader adds a header, given its name in lower case and the name to send.
func (d *scratch) addHeader(lower, sendAs, value string) {
	begin := len(d.names)
	d.names = append(d.names, lower...)
	d.addField(d.names[begin:], sendAs, value)
}

// addField adds the header whose name is at the end of d.names. Host and every x-amz-* header must
// be signed (IAM User Guide, "Create a canonical request", CanonicalHeaders).
func (d *scratch) addField(name []byte, sendAs, value string) {
	d.sorted = append(d.sorted, rank{firstBytes(name), len(d.fields)})
	must := string(name) == "host" || bytes.HasPrefix(name, []byte("x-amz-"))
	d.fields = append(d.fields, field{name: name, sendAs: sendAs, value: value, signed: must})
}

// arrangeFields sorts the fields by name and joins fields of the same name in their order.
func (d *scratch) arrangeFields() {
	repeated := false
	sortRanks(d.sorted, func(i, j int) int {
		if c := bytes.Compare(d.fields[i].name, d.fields[j].name); c != 0 {
			return c
		}
		repeated = true
		return i - j
	})
	if repeated {
		d.joinRepeated()
	}
}

// joinRepeated joins the fields of each name into the first of them.
func (d *scratch) joinRepeated() {
	kept := d.sorted[:0]
	for rest := d.sorted; len(rest) > 0; {
		first, n := &d.fields[rest[0].number], 1
		for n < len(rest) && bytes.Equal(d.fields[rest[n].number].name, first.name) {
			n++
		}
		if n > 1 {
			values, sent := []string{first.value}, []string{first.sent()}
			for _, r := range rest[1:n] {
				f := &d.fields[r.number]
				values, sent = append(values, f.value), append(sent, f.sent())
				f.sendAs = notSent
			}
			first.value, first.spaced = strings.Join(values, ","), strings.Join(sent, ",")
		}
		kept, rest = append(kept, rest[0]), rest[n:]
	}
	d.sorted = kept
}

// named returns the field with a name in lower case, or nil.
func (d *scratch) named(name string) *field {
	at := func(i int) *field { return &d.fields[d.sorted[i].number] }
	i := sort.Search(len(d.sorted), func(i int) bool { return string(at(i).name) >= name })
	if i == len(d.sorted) || string(at(i).name) != name {
		return nil
	}
	return at(i)
}

// joinSignedHeaders writes the list of signed headers. The fields must be arranged.
func (d *scratch) joinSignedHeaders() {
	names := d.signedHeaders[:0]
	for _, r := range d.sorted {
		if f := &d.fields[r.number]; f.signed {
			names = append(append(names, f.name...), ';')
		}
	}
	d.signedHeaders = names[:max(len(names)-1, 0)]
}

// appendCanonicalHeaders appends the canonical headers. The fields must be arranged.
func (d *scratch) appendCanonicalHeaders(dst []byte) []byte {
	for _, r := range d.sorted {
		if f := &d.fields[r.number]; f.signed {
			dst = append(append(dst, f.name...), ':')
			dst = append(append(dst, f.value...), '\n')
		}
	}
	return dst
}

// sent returns the headers to send, with capacity for n more. It leaves out the host, which is
// always among the fields, and Content-Length unless it is signed: the HTTP client sets them.
func (d *scratch) sent(n int) []Header {
	headers := make([]Header, 0, len(d.fields)-1+n)
	for i := range d.fields {
		if f := &d.fields[i]; f.sendAs != notSent && (f.signed || string(f.name) != "content-length") {
			headers = append(headers, Header{f.sendAs, f.sent()})
		}
	}
	return headers
}

// readHeader appends a header's name in lower case to d.names, and returns that name and the value
// with white space folded. It rejects whatever cannot be a header (RFC 9110 section 5), and so
// everything that could break out of one.
func (d *scratch) readHeader(i int, h Header) (name []byte, value string, err error) {
	begin, ok := len(d.names), false
	if d.names, ok = nameChars.append(d.names, h.Name); h.Name == "" || !ok {
		return nil, "", &InputError{Part: InputHeaders, Index: i, Name: h.Name, Reason: "must be a header name, without spaces or colons"}
	}
	if value, ok = fold(h.Value); !ok {
		return nil, "", &InputError{Part: InputHeaders, Index: i, Name: h.Name, Reason: "contains a line break or another control character"}
	}
	return d.names[begin:], value, nil
}

// fold folds white space, which in HTTP is spaces and tabs: it trims the value and turns each run
// inside it into one space, also within quotes. ok is false if the value contains a byte that no
// header value may contain.
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

// keepSpaces returns the value to send. It keeps the spaces inside, since services store them (such
// as S3 metadata) and fold them only to verify. White space that contains a tab becomes one space:
// not every verifier folds tabs.
func keepSpaces(value string) string {
	value = strings.Trim(value, " \t")
	if strings.IndexByte(value, '\t') < 0 {
		return value
	}
	var out strings.Builder
	for value != "" {
		word := strings.IndexAny(value, " \t")
		if word < 0 {
			word = len(value)
		}
		out.WriteString(value[:word])
		rest := strings.TrimLeft(value[word:], " \t")
		if white := value[word : len(value)-len(rest)]; strings.IndexByte(white, '\t') >= 0 {
			out.WriteByte(' ')
		} else {
			out.WriteString(white)
		}
		value = rest
	}
	return out.String()
}

// byteClass is the class of a byte in a header value; zero is a plain byte.
type byteClass byte

const (
	spaceByte byteClass = 1 << iota
	tabByte
	controlByte
)

// valueChars classifies the bytes of header values (RFC 9110 section 5.5).
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

// The reasons that [Fragile] returns.
const (
	perHop    = "applies to a single connection and does not reach the service"
	rewritten = "is added or changed on the way"
	byClient  = "is set by the HTTP client"
	dropped   = "is dropped by Logic Apps and Power Automate"
)

// Fragile returns why a header is better not signed: it applies to a single connection, is changed
// on the way, is set by the HTTP client, or is dropped by low-code engines (Azure Logic Apps,
// "Omitted HTTP headers"). The reason is empty for a header that arrives as it was sent. If
// forbidden is true, the header must not be named in [Request.SignedHeaders].
func Fragile(method, name string) (reason string, forbidden bool) {
	return fragile(method, strings.ToLower(name))
}

// Reserved reports whether signing sets a header, named in lower case, so that a request cannot
// contain it.
func Reserved(name string) bool { return reserved([]byte(name)) }

func reserved(name []byte) bool {
	switch string(name) {
	case "authorization", "x-amz-date", "x-amz-security-token", "x-amz-region-set":
		return true
	}
	return false
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
