package appendjson

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// digitPairs maps each value of twelve bits to its two digits, in memory order.
var digitPairs = func() (pairs [1 << 12]uint16) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range pairs {
		pairs[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
	return pairs
}()

// AppendBase64 is like AppendEncode of [base64.StdEncoding], but takes half the time: it encodes six bytes at a time.
func AppendBase64(dst, src []byte) []byte {
	size := base64.StdEncoding.EncodedLen(len(src))
	dst = slices.Grow(dst, size)[:len(dst)+size]
	to := dst[len(dst)-size:]
	for len(src) >= 8 {
		v := binary.BigEndian.Uint64(src)
		binary.LittleEndian.PutUint64(to, uint64(digitPairs[v>>52])|uint64(digitPairs[v>>40&0xfff])<<16|
			uint64(digitPairs[v>>28&0xfff])<<32|uint64(digitPairs[v>>16&0xfff])<<48)
		src, to = src[6:], to[8:]
	}
	base64.StdEncoding.Encode(to, src)
	return dst
}
