package handlers

import (
	"bufio"
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"unicode/utf8"
)

// maxDepth is how deeply JSON may be nested, which is as deep as designers go.
const maxDepth = 64

// maxNames is how many member names are held to see whether one repeats: some 4 MiB of hashes. One object in a
// document of 25 MiB can have two and a half million.
const maxNames = 100_000

// isStrictJSON reports whether r is one document of RFC 8259 in UTF-8, without repeated names or lone surrogates, and
// with at most maxNames members in an object and those around it. It keeps only a hash of each name, however long the
// strings are.
func isStrictJSON(r io.Reader) bool {
	size := 16 << 10
	if whole, ok := r.(*bytes.Reader); ok {
		size = min(size, whole.Len())
	}
	s := jsonScanner{r: bufio.NewReaderSize(r, size)}
	s.hash.SetSeed(maphash.MakeSeed())
	if mark, _ := s.r.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		return false // a mark is not part of a document
	}
	if !s.value(s.token(), 0) {
		return false
	}
	return s.token() == 0 && errors.Is(s.err, io.EOF)
}

// jsonScanner reads a document. After an error, and at the end, it reads only zeros.
type jsonScanner struct {
	r    *bufio.Reader
	err  error
	hash maphash.Hash
	held int // names in all objects that are still open
}

func (s *jsonScanner) next() byte {
	c, err := s.r.ReadByte()
	if err != nil {
		s.err = err
		return 0
	}
	return c
}

func (s *jsonScanner) back() {
	if s.err == nil {
		_ = s.r.UnreadByte() // a byte was read
	}
}

// token returns the next byte that is not white space.
func (s *jsonScanner) token() byte {
	for {
		switch c := s.next(); c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
}

func (s *jsonScanner) value(first byte, depth int) bool {
	switch first {
	case '{':
		return depth < maxDepth && s.object(depth+1)
	case '[':
		return depth < maxDepth && s.array(depth+1)
	case '"':
		return s.text()
	case 't':
		return s.rest("true"[1:])
	case 'f':
		return s.rest("false"[1:])
	case 'n':
		return s.rest("null"[1:])
	}
	return s.number(first)
}

func (s *jsonScanner) rest(word string) bool {
	for i := range len(word) {
		if s.next() != word[i] {
			return false
		}
	}
	return true
}

func (s *jsonScanner) object(depth int) bool {
	names := map[uint64]bool{}
	defer func() { s.held -= len(names) }()
	c := s.token()
	if c == '}' {
		return true
	}
	for {
		s.hash.Reset()
		if c != '"' || !s.text() {
			return false
		}
		name := s.hash.Sum64()
		if names[name] || s.held == maxNames {
			return false
		}
		names[name] = true
		s.held++
		if s.token() != ':' || !s.value(s.token(), depth) {
			return false
		}
		switch s.token() {
		case '}':
			return true
		case ',':
			c = s.token()
		default:
			return false
		}
	}
}

func (s *jsonScanner) array(depth int) bool {
	c := s.token()
	if c == ']' {
		return true
	}
	for {
		if !s.value(c, depth) {
			return false
		}
		switch s.token() {
		case ']':
			return true
		case ',':
			c = s.token()
		default:
			return false
		}
	}
}

// text reads the rest of a string, and adds its content to the hash.
func (s *jsonScanner) text() bool {
	for {
		switch c := s.next(); {
		case c == '"':
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return false
		case c < utf8.RuneSelf:
			_ = s.hash.WriteByte(c)
		default:
			s.back()
			r, size, err := s.r.ReadRune()
			if err != nil || r == utf8.RuneError && size == 1 {
				return false
			}
			s.write(r)
		}
	}
}

func (s *jsonScanner) write(r rune) {
	var character [utf8.UTFMax]byte
	_, _ = s.hash.Write(character[:utf8.EncodeRune(character[:], r)])
}

func (s *jsonScanner) escape() bool {
	switch c := s.next(); c {
	case '"', '\\', '/':
		_ = s.hash.WriteByte(c)
	case 'b':
		_ = s.hash.WriteByte('\b')
	case 'f':
		_ = s.hash.WriteByte('\f')
	case 'n':
		_ = s.hash.WriteByte('\n')
	case 'r':
		_ = s.hash.WriteByte('\r')
	case 't':
		_ = s.hash.WriteByte('\t')
	case 'u':
		return s.unicode()
	default:
		return false
	}
	return true
}

// unicode reads four digits, or the two escapes of a surrogate pair.
func (s *jsonScanner) unicode() bool {
	r, ok := s.digits()
	if !ok || r >= 0xdc00 && r <= 0xdfff {
		return false
	}
	if r >= 0xd800 && r <= 0xdbff {
		if s.next() != '\\' || s.next() != 'u' {
			return false
		}
		low, ok := s.digits()
		if !ok || low < 0xdc00 || low > 0xdfff {
			return false
		}
		r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
	}
	s.write(r)
	return true
}

func (s *jsonScanner) digits() (rune, bool) {
	var r rune
	for range 4 {
		c := s.next()
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 + rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 + rune(c|0x20-'a') + 10
		default:
			return 0, false
		}
	}
	return r, true
}

func (s *jsonScanner) number(c byte) bool {
	if c == '-' {
		c = s.next()
	}
	switch {
	case c == '0':
		c = s.next()
	case '1' <= c && c <= '9':
		c, _ = s.decimals(c)
	default:
		return false
	}
	ok := true
	if c == '.' {
		c, ok = s.decimals(s.next())
	}
	if ok && c|0x20 == 'e' {
		if c = s.next(); c == '+' || c == '-' {
			c = s.next()
		}
		_, ok = s.decimals(c)
		s.back()
		return ok
	}
	s.back()
	return ok
}

// decimals reads digits, starting with c, and returns the byte that follows them. There must be at least one.
func (s *jsonScanner) decimals(c byte) (following byte, ok bool) {
	for ; '0' <= c && c <= '9'; ok = true {
		c = s.next()
	}
	return c, ok
}
