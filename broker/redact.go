package broker

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"countersign/sending"
)

const (
	// maxHeld is how much of a refusal is held while it is searched for what was signed. What is longer is searched as
	// it passes.
	maxHeld = 256 << 10
	// Overhang is how much more than it passes on a search has to see, so that nothing it looks for is cut in two: more
	// than any spelling of a session token takes.
	Overhang = 64 << 10
)

// Redact takes the session token, and the values of the operator's headers, out of what AWS says of a request that it
// refused: services quote what was sent, in the spelling of whatever they put it into.
func (s *Sent) Redact(text string) string {
	clean, _ := s.RedactBeginning(text, len(text))
	return clean
}

// RedactBeginning is Redact for the first n bytes of a text, and the end of what begins in them. To find that, the text must
// be an [Overhang] longer, or whole. It also returns how much of the text it stands for.
func (s *Sent) RedactBeginning(text string, n int) (clean string, of int) {
	if s.secret == nil {
		s.secret = s.secretPattern()
	}
	var out strings.Builder
	for _, found := range s.secret.FindAllStringIndex(text, -1) {
		if found[0] >= n {
			break
		}
		out.WriteString(text[of:found[0]] + "…")
		of = found[1]
	}
	if n = min(n, len(text)); of < n {
		out.WriteString(text[of:n])
		of = n
	}
	return out.String(), of
}

// secretPattern finds what was sent and is not the caller's, however it is spelled.
func (s *Sent) secretPattern() *regexp.Regexp {
	values := []string{s.Held.Credentials.SessionToken()}
	for _, h := range s.upstream {
		values = append(values, *h.value)
	}
	// The longest first, for one may begin with another.
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var spelled []string
	for _, value := range values {
		if value != "" {
			spelled = append(spelled, spellingsOf(value))
		}
	}
	if len(spelled) == 0 {
		return nothing
	}
	return regexp.MustCompile(strings.Join(spelled, "|"))
}

// nothing is what no text holds.
var nothing = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)

// spellingsOf is a pattern of a value as it is, as URLs, JSON and XML have it, and in hexadecimal.
func spellingsOf(value string) string {
	var pattern strings.Builder
	for _, c := range value {
		if spelled, found := spellings[c]; found {
			pattern.WriteString(spelled)
		} else {
			pattern.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	fmt.Fprintf(&pattern, "|(?i:% x|%x)", value, value)
	return pattern.String()
}

// spellings are those in URLs, JSON and XML, of the characters of a token that are written otherwise there.
var spellings = map[rune]string{
	'/': `(?:\\*/|%2[Ff]|\\+u002[Ff]|&#47;|&#x2[Ff];)`,
	'+': `(?:\+|%2[Bb]|\\+u002[Bb]|&#43;|&#x2[Bb];)`,
	'=': `(?:=|%3[Dd]|\\+u003[Dd]|&#61;|&#x3[Dd];)`,
}

// RedactRefusal does to the response what Redact does to a text, where AWS refused the request: services quote there what was
// signed, also under gzip, which is then taken off. Of other responses than these, in XML, JSON, CBOR, text and what does not say
// what it is, nothing is read. A body that quotes what was signed, or may do so, and cannot be written again without it is
// withheld: nothing of it is left.
func (s *Sent) RedactRefusal() (withheld bool) {
	resp := s.Response.Response
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return false
	}
	for _, values := range resp.Header {
		for i, value := range values {
			values[i] = s.Redact(value)
		}
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isCBOR := strings.Contains(media, "cbor")
	if resp.Body == http.NoBody || resp.Request.Method == http.MethodHead || media != "" && !isCBOR &&
		!strings.HasSuffix(media, "xml") && !strings.Contains(media, "json") && !strings.HasPrefix(media, "text/") {
		return false
	}
	if !s.Searchable() {
		return s.withhold()
	}
	content := sending.Peek(resp, maxHeld)
	plain, packed, whole := unpack(content)
	told := plain
	if whole {
		if told = s.Redact(plain); told == plain {
			return false
		}
	}
	if isCBOR { // in which the length of a text is before it
		return s.withhold()
	}
	s.replace(content, told, packed, whole)
	return false
}

// Searchable tells whether the body of the response is packed with nothing but gzip, so that it can be searched for what was
// signed.
func (s *Sent) Searchable() bool {
	switch strings.ToLower(strings.TrimSpace(strings.Join(s.Response.Response.Header.Values("Content-Encoding"), ","))) {
	case "", "identity", "gzip", "x-gzip":
		return true
	}
	return false
}

// withhold leaves nothing of the body.
func (s *Sent) withhold() bool {
	_, _ = s.ReadAll(0) // so that the record tells a response from a caller who left
	resp := s.Response.Response
	resp.Body, resp.ContentLength = http.NoBody, 0
	resp.Header.Del("Content-Encoding")
	resp.Header.Set("Content-Length", "0")
	return true
}

// replace puts what is told in the place of the body's beginning, where that is the whole, or else has it searched as it passes.
func (s *Sent) replace(content []byte, told string, packed, whole bool) {
	resp := s.Response.Response
	if packed {
		resp.Header.Del("Content-Encoding")
	}
	from := io.Reader(resp.Body)
	if whole {
		_, _ = io.CopyN(io.Discard, from, int64(len(content)))
		from = io.MultiReader(strings.NewReader(told), from)
		if resp.ContentLength >= 0 {
			resp.ContentLength += int64(len(told) - len(content))
			resp.Header.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
		}
	} else {
		if packed {
			from, _ = gzip.NewReader(from) // whose header unpack has read
		}
		from = &redacted{sent: s, from: from}
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{from, resp.Body}
}

// redacted is a text without what [Sent.Redact] takes out, of any length.
type redacted struct {
	sent  *Sent
	from  io.Reader
	held  []byte // read, and not yet searched to its end
	clean strings.Reader
	err   error
}

// Read implements io.Reader.
func (r *redacted) Read(p []byte) (int, error) {
	for r.clean.Len() == 0 {
		if r.err != nil && len(r.held) == 0 {
			return 0, r.err
		}
		if r.err == nil {
			buffer := bytes.NewBuffer(r.held)
			_, r.err = io.CopyN(buffer, r.from, 2*Overhang-int64(len(r.held)))
			r.held = buffer.Bytes()
		}
		until := len(r.held)
		if r.err == nil {
			until -= Overhang
		}
		clean, of := r.sent.RedactBeginning(string(r.held), until)
		r.clean.Reset(clean)
		r.held = slices.Delete(r.held, 0, of)
	}
	return r.clean.Read(p)
}

// unpack takes off gzip, whatever the headers say, as far as the content goes; whole tells whether that is to the end.
func unpack(content []byte) (text string, packed, whole bool) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return string(content), false, len(content) < maxHeld
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxHeld+1))
	return string(plain), true, err == nil && len(plain) <= maxHeld
}
