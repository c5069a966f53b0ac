package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"hash"
)

// hmacSHA256 returns an HMAC with a key that is used only once.
func hmacSHA256(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// hmacState is HMAC-SHA256 (RFC 2104) with a key that is used often: the states of SHA-256 after
// the inner and after the outer pad. Resuming them takes a third of the time of crypto/hmac, and no
// allocation.
type hmacState []byte

// newHMACState returns the state for a key that is no longer than a block.
func newHMACState(key []byte) hmacState {
	return appendPadded(appendPadded(nil, key, 0x36), key, 0x5c)
}

// appendPadded appends the state of SHA-256 after the key, padded with a byte.
func appendPadded(dst, key []byte, with byte) []byte {
	var pad [sha256.BlockSize]byte
	copy(pad[:], key)
	for i := range pad {
		pad[i] ^= with
	}
	h := sha256.New()
	h.Write(pad[:])
	dst, err := h.(encoding.BinaryAppender).AppendBinary(dst)
	if err != nil {
		panic(err) // never: crypto/sha256 documents that its hashes can be saved
	}
	return dst
}

// sum appends the HMAC of a message. h is a SHA-256 for it to use.
func (s hmacState) sum(h hash.Hash, dst, message []byte) []byte {
	resume(h, s[:len(s)/2])
	h.Write(message)
	begin := len(dst)
	dst = h.Sum(dst)
	resume(h, s[len(s)/2:])
	h.Write(dst[begin:])
	return h.Sum(dst[:begin])
}

func resume(h hash.Hash, state []byte) {
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		panic(err) // never: the state was saved by a SHA-256
	}
}
