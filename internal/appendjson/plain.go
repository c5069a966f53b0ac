package appendjson

import (
	"math/bits"
	"unicode/utf8"
)

// plain marks the ASCII bytes that need no escape.
var plain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// PlainLen returns the number of bytes before the first one that is not ASCII or needs an escape in JSON.
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

// load8 returns the first eight bytes of v as a little-endian number.
func load8[T string | []byte](v T) uint64 {
	_ = v[7]
	return uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 | uint64(v[3])<<24 |
		uint64(v[4])<<32 | uint64(v[5])<<40 | uint64(v[6])<<48 | uint64(v[7])<<56
}

// special8 sets the high bit of the first byte that is not plain, and of none below it. It checks all eight bytes at
// once: the high bit of a byte is set if it was set before, or if a subtraction borrowed from it because the byte is a
// control character, a quote or a backslash.
func special8(x uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	return (x | (x - each*' ') | (x ^ each*'"' - each) | (x ^ each*'\\' - each)) & high
}
