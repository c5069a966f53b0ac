//go:build peers

package requests

import (
	"strconv"
	"strings"

	"countersign/signing"
)

// chooseHeaders chooses the headers and which of them are signed.
func (s *Source) chooseHeaders(r *Request) {
	r.SignAllHeaders = s.chance(50)
	seen := map[string]bool{}
	for range s.random.IntN(7) {
		name := s.headerName()
		lower := strings.ToLower(name)
		if seen[lower] {
			continue
		}
		seen[lower] = true
		s.chooseSigned(r, name)
		r.Headers = append(r.Headers, signing.Header{Name: name, Value: s.value()})
		for s.chance(15) {
			r.Headers = append(r.Headers, signing.Header{Name: strings.ToUpper(name), Value: s.value()})
		}
	}
	if len(r.Body) > 0 && s.chance(20) {
		r.Headers = append(r.Headers, signing.Header{Name: "Content-Length", Value: strconv.Itoa(len(r.Body))})
		s.chooseSigned(r, "content-length")
	}
	if s.chance(10) {
		name := pick(s, "Connection", "User-Agent", "X-Amzn-Trace-Id", "TE", "Via", "X-Forwarded-For", "Expect", "Upgrade",
			"Keep-Alive", "Proxy-Authorization", "Sec-WebSocket-Key", "Forwarded", "Trailer", "Transfer-Encoding")
		r.Headers = append(r.Headers, signing.Header{Name: name, Value: s.value()})
		r.Unsigned = append(r.Unsigned, strings.ToLower(name))
	}
}

// chooseSigned decides whether a header is signed or left out. AWS's own must be signed.
func (s *Source) chooseSigned(r *Request, name string) {
	lower := strings.ToLower(name)
	switch {
	case r.SignAllHeaders || strings.HasPrefix(lower, "x-amz-"):
	case s.chance(50):
		r.SignedHeaders = append(r.SignedHeaders, pick(s, name, lower))
	default:
		r.Unsigned = append(r.Unsigned, lower)
	}
}

func (s *Source) headerName() string {
	name := pick(s, "Accept", "Accept-Encoding", "Content-Type", "Content-MD5", "Date", "If-Match", "Range", "Cookie", "Origin", "X-Api-Key",
		"X-Amz-Target", "X-Amz-Acl", "X-Amz-Meta-"+s.word(8), "X-Amz-Meta-"+s.word(8), "X-Amz-Copy-Source",
		"X-"+s.chars(letters+digits+"!#$%&'*+-.^_`|~", 1, 12))
	if s.chance(20) {
		return strings.ToLower(name)
	}
	return name
}

// value returns a header value, with white space around it and within it.
func (s *Source) value() string {
	var value strings.Builder
	s.space(&value)
	for range s.random.IntN(4) {
		value.WriteString(s.chars("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"+letters+digits, 1, 12))
		if s.chance(10) {
			value.WriteString(pick(s, "é", "ü", "€", "漢", "😀"))
		}
		s.space(&value)
	}
	return value.String()
}

func (s *Source) space(value *strings.Builder) {
	if !s.chance(40) {
		return
	}
	value.WriteByte(' ')
	for s.Runs && s.chance(30) {
		value.WriteByte(' ')
	}
	for s.Tabs && s.chance(30) {
		value.WriteByte('\t')
	}
}
