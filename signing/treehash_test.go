package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"countersign/signing"
)

// plainTreeHash computes the hash level by level, as "Computing Checksums" describes it.
func plainTreeHash(payload []byte) string {
	var level [][]byte
	for rest := payload; ; {
		n := min(len(rest), 1<<20)
		sum := sha256.Sum256(rest[:n])
		level = append(level, sum[:])
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	for len(level) > 1 {
		var above [][]byte
		for i := 0; i+1 < len(level); i += 2 {
			sum := sha256.Sum256(append(bytes.Clone(level[i]), level[i+1]...))
			above = append(above, sum[:])
		}
		if len(level)%2 == 1 {
			above = append(above, level[len(level)-1])
		}
		level = above
	}
	return hex.EncodeToString(level[0])
}

func TestTreeHash(t *testing.T) {
	const mib = 1 << 20
	payload := make([]byte, 11*mib+5)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range payload {
		payload[i] = byte(random.Uint32())
	}
	h := signing.NewTreeHash()
	if h.Size() != 32 || h.BlockSize() != mib {
		t.Errorf("Size, BlockSize = %d, %d, want 32 and a MiB", h.Size(), h.BlockSize())
	}
	for _, n := range []int{
		0, 1, mib - 1, mib, mib + 1, 2 * mib, 3 * mib, 4*mib + 1, 5 * mib, 6 * mib, 7 * mib, 8 * mib, 9*mib + 9, 11*mib + 5,
	} {
		h.Reset()
		for rest := payload[:n]; len(rest) > 0; {
			k := min(len(rest), 1+random.IntN(2*mib))
			if written, err := h.Write(rest[:k]); written != k || err != nil {
				t.Fatalf("Write = %d, %v, want %d", written, err, k)
			}
			rest = rest[k:]
			h.Sum(nil) // must not change the state
		}
		if got, want := hex.EncodeToString(h.Sum(nil)), plainTreeHash(payload[:n]); got != want {
			t.Errorf("tree hash of %d bytes = %s, want %s", n, got, want)
		}
	}
}

// From the S3 Glacier documentation: up to one MiB the tree hash is the SHA-256.
func TestTreeHash_DocumentedPayload(t *testing.T) {
	h := signing.NewTreeHash()
	h.Write([]byte("Welcome to S3 Glacier."))
	const want = "ff04b8bb12ae8f28832f4c291463fb51fa660c1fd18933da16d56eda7db27019f3"
	if got := hex.EncodeToString(h.Sum([]byte{0xff})); got != want {
		t.Errorf("Sum = %s, want %s", got, want)
	}
}
