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
)

// maxQuoting is how much of a refusal is searched for what was signed.
const maxQuoting = 256 << 10

// Redact takes the session token, and the values of the operator's headers, out of what AWS says of a request that it
// refused: services quote what was sent, in the spelling of whatever they put it into.
func (s *Sent) Redact(text string) string {
	if s.secret == nil {
		s.secret = s.secretPattern()
	}
	return s.secret.ReplaceAllLiteralString(text, "…")
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

// RedactRefusal does to the answer what Redact does to a text, where AWS refused the request: services quote there what was
// signed, also under gzip, which is then taken off. Of other answers than these, in XML, JSON and text, nothing is read.
func (s *Sent) RedactRefusal() {
	resp := s.Response
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return
	}
	for _, values := range resp.Header {
		for i, value := range values {
			values[i] = s.Redact(value)
		}
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.Body == http.NoBody || resp.Request.Method == http.MethodHead ||
		!strings.HasSuffix(media, "xml") && !strings.Contains(media, "json") && !strings.HasPrefix(media, "text/") {
		return
	}
	body := resp.Body
	content, err := io.ReadAll(io.LimitReader(body, maxQuoting))
	rest := io.Reader(body)
	if err != nil {
		rest = failing{err}
	}
	plain, packed := unpack(content)
	if told := s.Redact(plain); told != plain {
		if packed {
			resp.Header.Del("Content-Encoding")
		}
		if resp.ContentLength >= 0 {
			resp.ContentLength += int64(len(told) - len(content))
			resp.Header.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
		}
		content = []byte(told)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(content), rest), body}
}

// unpack takes off gzip, whatever the headers say. What is not packed whole stays as it is.
func unpack(content []byte) (text string, packed bool) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return string(content), false
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxQuoting+1))
	if err != nil || len(plain) > maxQuoting {
		return string(content), false
	}
	return string(plain), true
}

// failing fails again as a reader did before.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
