package diagnosis

import (
	"crypto/sha256"
	"crypto/subtle"
)

// macKey is an HMAC-SHA256 key in the two padded forms in which it is hashed (RFC 2104). A search derives hundreds of
// keys, most of them for one text, and crypto/hmac allocates five times for each: with it, BenchmarkDiagnose takes a
// fifth more time and twice the memory.
type macKey struct{ inner, outer [sha256.BlockSize]byte }

func newMACKey(key []byte) macKey {
	var k macKey
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	copy(k.inner[:], key)
	k.outer = k.inner
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// sum returns the HMAC of a text.
func (k *macKey) sum(text string) [sha256.Size]byte {
	var space [512]byte
	return k.end(append(k.begin(space[:]), text...))
}

// begin resets a buffer to what is hashed before the text. The caller appends the text to it.
func (k *macKey) begin(space []byte) []byte { return append(space[:0], k.inner[:]...) }

// terminator returns the HMAC of the text that was appended.
func (k *macKey) end(begun []byte) [sha256.Size]byte {
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(outer[:], k.outer[:])
	sum := sha256.Sum256(begun)
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}

// equalsPasted reports whether a computed HMAC equals the pasted signature.
func (p *prover) equalsPasted(sum [sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(sum[:], p.signature) == 1
}
