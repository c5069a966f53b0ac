//go:build peers

package requests

import (
	"net/url"
	"slices"
	"strings"
)

func (s *Source) chooseURL(r *Request) {
	r.Scheme = pick(s, "https", "https", "https", "http")
	host := s.chars(letters+digits, 1, 12) + pick(s, ".example.com", ".amazonaws.com", "-x.execute-api.eu-west-1.amazonaws.com", "")
	port := pick(s, "", "", "", ":443", ":80", ":8182")
	if host[0] >= '0' && host[0] <= '9' {
		host = "a" + host // a number on its own would be an IPv4 address
	}
	r.Host = strings.ToLower(host) + port
	if r.Scheme == "https" && port == ":443" || r.Scheme == "http" && port == ":80" {
		r.Host = strings.ToLower(host)
	}
	path := s.path(r)
	query := s.query(r)
	r.Given = pick(s, r.Scheme, r.Scheme, strings.ToUpper(r.Scheme)) + "://" + host + port + path + query
}

// spelling collects both spellings: as sent over the wire, and as a caller may write it.
type spelling struct{ wire, given strings.Builder }

// path sets the path and returns it as given.
func (s *Source) path(r *Request) string {
	var p spelling
	segments := s.random.IntN(6)
	for i := range segments {
		p.both("/")
		// A dot segment at the end may or may not leave a slash: signers differ.
		if s.Segments && r.Normalize && i < segments-1 && s.chance(15) {
			p.both(pick(s, "", ".", "..", "..."))
			continue
		}
		s.segment(&p, r)
	}
	if segments == 0 || s.chance(20) {
		p.both("/")
	}
	r.Path = p.wire.String()
	if r.Path == "/" {
		return pick(s, "/", "")
	}
	return p.given.String()
}

// segment adds a segment. It is not a dot segment, since it begins with a letter.
func (s *Source) segment(p *spelling, r *Request) {
	p.both(s.chars(letters, 1, 1))
	for range s.random.IntN(12) {
		switch c := s.character(); {
		case c == "/" && r.SingleEncode: // for S3, the same as a plain one
		case len(c) == 1 && strings.Contains(unreserved, c):
			p.wire.WriteString(c)
			if respelled := r.Normalize || r.SingleEncode; respelled && s.chance(5) {
				c = s.escape(c)
			}
			p.given.WriteString(c)
		case len(c) == 1 && strings.Contains("!$&'()*+,;=:@", c) && !r.SingleEncode && s.chance(60):
			p.both(c)
		case r.Normalize || r.SingleEncode:
			p.wire.WriteString(escape(c, upperHex))
			if raw := c >= " " && !strings.Contains("%/?#\\\x7f", c); raw &&
				(len(c) > 1 || strings.Contains(` "<>[]^{|}`+"`", c) || r.SingleEncode) && s.chance(30) {
				p.given.WriteString(c)
			} else {
				p.given.WriteString(s.escape(c))
			}
		default:
			p.both(s.escape(c)) // signed as it is spelled
		}
	}
}

// query sets the query and returns it as given, including the question mark.
func (s *Source) query(r *Request) string {
	if s.chance(35) {
		return pick(s, "", "", "?")
	}
	var q spelling
	name := ""
	for i := range 1 + s.random.IntN(6) {
		if i > 0 {
			q.both("&")
		}
		if s.chance(3) {
			q.both("&") // an empty piece
		}
		if name == "" || s.chance(85) {
			name = pick(s, s.chars(letters, 1, 3), s.word(12), "X-Amz-Meta", "a", "A")
			if s.Escaped && s.chance(30) {
				name += s.character()
			}
		}
		s.parameter(&q, name)
		if s.chance(10) {
			continue // a name without a value
		}
		q.both("=")
		for range s.random.IntN(8) {
			s.parameter(&q, s.character())
		}
	}
	r.Query = q.wire.String()
	return "?" + q.given.String()
}

// parameter adds a name or a part of a value.
func (s *Source) parameter(q *spelling, text string) {
	for _, c := range text {
		switch c := string(c); {
		case strings.Contains(unreserved, c):
			if s.chance(5) {
				c = s.escape(c)
			}
			q.both(c)
		case strings.Contains("!$'()*,/:@?", c) && s.chance(60):
			q.both(c)
		case c == " " && s.chance(50):
			q.wire.WriteString("%20")
			q.given.WriteString("+")
		case len(c) > 1 && s.chance(30):
			q.wire.WriteString(escape(c, upperHex))
			q.given.WriteString(c)
		default:
			q.both(s.escape(c))
		}
	}
}

const (
	unreserved = letters + digits + "-._~"
	upperHex   = "0123456789ABCDEF"
	lowerHex   = "0123456789abcdef"
	controls   = "\x00\x01\b\t\n\v\f\r\x0e\x1b\x1f\x7f"
)

// character returns any character that a URL can contain, raw or encoded.
func (s *Source) character() string {
	switch n := s.random.IntN(100); {
	case n < 60:
		return s.chars(unreserved, 1, 1)
	case n < 85:
		return s.chars(" !\"#$%&'()*+,/:;<=>?@[\\]^`{|}", 1, 1)
	case n < 87:
		return s.chars(controls, 1, 1)
	default:
		return pick(s, "é", "ü", "€", "漢", "😀", "\u00a0", "\u2028")
	}
}

// escape returns a character percent-encoded with upper-case or lower-case digits.
func (s *Source) escape(c string) string { return escape(c, pick(s, upperHex, upperHex, lowerHex)) }

func escape(c, digits string) string {
	out := make([]byte, 0, 3*len(c))
	for i := range len(c) {
		out = append(out, '%', digits[c[i]>>4], digits[c[i]&15])
	}
	return string(out)
}

func (p *spelling) both(text string) {
	p.wire.WriteString(text)
	p.given.WriteString(text)
}

// SortedAlike reports whether the values of each repeated parameter have the same order before and after encoding: some
// software sorts before it encodes.
func (r *Request) SortedAlike() bool {
	values, err := url.ParseQuery(r.Query)
	if err != nil {
		return false
	}
	for _, of := range values {
		slices.Sort(of)
		for i, value := range of {
			of[i] = strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
		}
		if !slices.IsSorted(of) {
			return false
		}
	}
	return true
}
