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
	// maxHeld is how much of a refusal is held in memory to be searched for secrets. Longer refusals are searched as
	// they are read.
	maxHeld = 256 << 10
	// Overhang is how many bytes beyond those that it passes on a search must see, so that nothing it looks for is cut
	// in two. It is longer than any spelling of a session token.
	Overhang = 64 << 10
)

// Redact removes the session token and the values of the operator's headers from what AWS says about a refused request:
// services quote what was sent, in the encoding of the surrounding text.
func (s *Sent) Redact(text string) string {
	clean, _ := s.RedactBeginning(text, len(text))
	return clean
}

// RedactBeginning is Redact for the first n bytes of a text, and the rest of a secret that begins in them. To find that
// rest, the text must be an [Overhang] longer than n, or complete. It also returns how many bytes of the text it
// covers.
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

// secretPattern matches the secrets that were sent, in every spelling.
func (s *Sent) secretPattern() *regexp.Regexp {
	values := []string{s.Held.Credentials.SessionToken()}
	for _, h := range s.upstream {
		values = append(values, *h.value)
	}
	// The longest first, because one may begin with another.
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

// nothing matches no text.
var nothing = regexp.MustCompile(`[^\x00-\x{10FFFF}]`)

// spellingsOf returns a pattern for a value as it is, as it is written in URLs, JSON and XML, and in hexadecimal.
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

// spellings are patterns for the characters of a token that are written differently in URLs, JSON or XML.
var spellings = map[rune]string{
	'/': `(?:\\*/|%2[Ff]|\\+u002[Ff]|&#47;|&#x2[Ff];)`,
	'+': `(?:\+|%2[Bb]|\\+u002[Bb]|&#43;|&#x2[Bb];)`,
	'=': `(?:=|%3[Dd]|\\+u003[Dd]|&#61;|&#x3[Dd];)`,
}

// RedactRefusal applies Redact to the response if AWS refused the request, because services quote what was signed. If
// the body is compressed with gzip, it is decompressed for that. Only bodies in XML, JSON, CBOR, text or of no stated
// type are searched, and other responses are not read at all. A body that quotes a secret, or may do so, and cannot be
// rewritten without it is withheld: nothing of it is passed on.
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
	clean := plain
	if whole {
		if clean = s.Redact(plain); clean == plain {
			return false
		}
	}
	if isCBOR { // where a text follows its length
		return s.withhold()
	}
	s.replace(content, clean, packed, whole)
	return false
}

// Searchable reports whether the response body is compressed with nothing but gzip, so that it can be searched for secrets.
func (s *Sent) Searchable() bool {
	encoding := strings.Join(s.Response.Response.Header.Values("Content-Encoding"), ",")
	return encoding == "" || isSearchable(encoding)
}

// isSearchable reports whether a response in that one encoding can be searched for secrets.
func isSearchable(encoding string) bool {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip", "identity":
		return true
	}
	return false
}

// withhold drops the body.
func (s *Sent) withhold() bool {
	_, _ = s.ReadAll(0) // so that the record does not look as if the caller had left
	resp := s.Response.Response
	resp.Body, resp.ContentLength = http.NoBody, 0
	resp.Header.Del("Content-Encoding")
	resp.Header.Set("Content-Length", "0")
	return true
}

// replace replaces the body by the clean text if content is all of it, and otherwise searches it while it is read.
func (s *Sent) replace(content []byte, clean string, packed, whole bool) {
	resp := s.Response.Response
	if packed {
		resp.Header.Del("Content-Encoding")
	}
	from := io.Reader(resp.Body)
	if whole {
		_, _ = io.CopyN(io.Discard, from, int64(len(content)))
		from = io.MultiReader(strings.NewReader(clean), from)
		if resp.ContentLength >= 0 {
			resp.ContentLength += int64(len(clean) - len(content))
			resp.Header.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
		}
	} else {
		if packed {
			from, _ = gzip.NewReader(from) // unpack has read the header
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

// redacted reads a text of any length, without what [Sent.Redact] removes.
type redacted struct {
	sent  *Sent
	from  io.Reader
	held  []byte // read but not yet searched completely
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

// unpack decompresses gzip, whatever the headers say, as far as content reaches. whole reports whether that is all of
// it.
func unpack(content []byte) (text string, packed, whole bool) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return string(content), false, len(content) < maxHeld
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxHeld+1))
	return string(plain), true, err == nil && len(plain) <= maxHeld
}
