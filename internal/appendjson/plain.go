package appendjson

import (
	"math/bits"
	"unicode/utf8"
)

// plain are the bytes of ASCII that need no escape.
var plain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// PlainLen is how many bytes of a text there are before the first that is no ASCII or needs an escape in JSON.
func PlainLen[T string | []byte](text T) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if special := special8(load8(text[i:])); special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(text) && plain[text[i]] {
		i++
	}
	return i
}

// load8 is the first eight bytes of v as one number, the first byte the lowest.
func load8[T string | []byte](v T) uint64 {
	_ = v[7]
	return uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 | uint64(v[3])<<24 |
		uint64(v[4])<<32 | uint64(v[5])<<40 | uint64(v[6])<<48 | uint64(v[7])<<56
}

// special8 has the high bit of the first of eight bytes that is not plain, and none below it. It looks at all at once: the high
// bit of a byte is set where it was, or where a subtraction borrowed it since the byte is a control character, a quote or a
// backslash.
func special8(x uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	return (x | (x - each*' ') | (x ^ each*'"' - each) | (x ^ each*'\\' - each)) & high
}
