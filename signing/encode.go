package signing

import (
	"encoding/binary"
	"strings"
)

// charset is a set of bytes.
type charset [256]bool

func newCharset(chars string) (s charset) {
	for i := range len(chars) {
		s[chars[i]] = true
	}
	return s
}

const (
	alphanumeric    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	unreservedChars = alphanumeric + "-._~" // RFC 3986 section 2.3
	idPunctuation   = "!\"#$%&'()*+-.:;<=>?@[\\]^_`{|}~"
	upperHex        = "0123456789ABCDEF"
)

var (
	// unreserved are the characters that AWS does not encode in the names and values of a query.
	unreserved = newCharset(unreservedChars)
	// unreservedPath are the characters that AWS does not encode in a path.
	unreservedPath = newCharset(unreservedChars + "/")
	// pathChars may be sent unencoded in a path (RFC 3986 section 3.3).
	pathChars = newCharset(unreservedChars + "/!$&'()*+,;=:@")
	// hostChars make up a host.
	hostChars      = newCharset(alphanumeric + "-_.").lower()
	lowerHostChars = newCharset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
	// visibleChars make up secret access keys and session tokens; idChars make up access key ids,
	// which cannot contain the separators of a credential.
	visibleChars = newCharset(alphanumeric + idPunctuation + "/,")
	idChars      = newCharset(alphanumeric + idPunctuation)
	// hexDigits make up a hash.
	hexDigits = newCharset("0123456789abcdef")
	// regionSetChars make up a region or a pattern of regions.
	regionSetChars = newCharset(unreservedChars + "*")
	// tokenChars make up methods and header names (RFC 9110 section 5.6.2).
	tokenChars = newCharset(alphanumeric + "!#$%&'*+-.^_`|~")
	nameChars  = tokenChars.lower()
)

// all reports whether every byte of s is in the set.
func (c *charset) all(s string) bool {
	for i := range len(s) {
		if !c[s[i]] {
			return false
		}
	}
	return true
}

// lowerCase maps each byte of a set to lower case, and every other byte to zero.
type lowerCase [256]byte

func (s charset) lower() (l lowerCase) {
	for c, member := range s {
		if member {
			l[c] = strings.ToLower(string(rune(c)))[0]
		}
	}
	return l
}

// append appends s in lower case. It returns false at a byte outside the set.
func (l *lowerCase) append(dst []byte, s string) (_ []byte, ok bool) {
	begin := len(dst)
	dst = append(dst, s...)
	appended := dst[begin:][:len(s)]
	for i := range len(s) {
		c := l[s[i]]
		if c == 0 {
			return dst, false
		}
		appended[i] = c
	}
	return dst, true
}

// appendEncoded appends s with every byte percent-encoded except the plain ones.
func appendEncoded[T string | []byte](dst []byte, s T, plain *charset) []byte {
	done := 0
	for i := range len(s) {
		if c := s[i]; !plain[c] {
			dst = append(dst, s[done:i]...)
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
			done = i + 1
		}
	}
	return append(dst, s[done:]...)
}

// appendRecoded decodes s and appends it with every byte percent-encoded except the plain ones.
// With plus, a '+' is a space. It returns false at a percent sign that is not part of an escape.
func appendRecoded(dst []byte, s string, plain *charset, plus bool) (_ []byte, ok bool) {
	done := 0
	for i := 0; i < len(s); i++ {
		c, size := s[i], 1
		switch {
		case plain[c]:
			continue
		case c == '%':
			if c, ok = decodeByte(s[i:]); !ok {
				return dst, false
			}
			size = 3
		case c == '+' && plus:
			c = ' '
		}
		if size == 1 || plain[c] || s[i+1] != upperHex[c>>4] || s[i+2] != upperHex[c&15] {
			dst = append(dst, s[done:i]...)
			if plain[c] {
				dst = append(dst, c)
			} else {
				dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
			}
			done = i + size
		}
		i += size - 1
	}
	return append(dst, s[done:]...), true
}

// decodeByte decodes the percent-encoded byte at the start of s.
func decodeByte(s string) (c byte, ok bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, ok1 := fromHex(s[1])
	low, ok2 := fromHex(s[2])
	return high<<4 | low, ok1 && ok2
}

func fromHex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// decoded returns s percent-decoded; a percent sign that is not part of an escape is kept.
func decoded(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if c, ok := decodeByte(s[i:]); ok {
				out = append(out, c)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// cut is strings.Cut for a single byte, which is faster to find.
func cut(s string, separator byte) (before, after string) {
	if i := strings.IndexByte(s, separator); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// appendHex appends a hash in hexadecimal, eight digits at a time.
func appendHex(dst []byte, hash [32]byte) []byte {
	for i := 0; i < len(hash); i += 4 {
		// Spread four bytes of the hash over eight, half a byte in each.
		v := uint64(binary.BigEndian.Uint32(hash[i:]))
		v = (v | v<<16) & 0x0000ffff0000ffff
		v = (v | v<<8) & 0x00ff00ff00ff00ff
		v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
		letters := (v + 0x0606060606060606) >> 4 & 0x0101010101010101 // one for each digit above nine
		dst = binary.BigEndian.AppendUint64(dst, v+0x3030303030303030+letters*('a'-'9'-1))
	}
	return dst
}
