package diagnosis

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
)

func TestMACKey_IsHMAC(t *testing.T) {
	for _, n := range []int{0, 1, 32, 63, 64, 65, 200} {
		key, text := strings.Repeat("k", n), strings.Repeat("text ", 7*n)
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		k := newMACKey([]byte(key))
		if sum := k.sum(text); string(h.Sum(nil)) != string(sum[:]) {
			t.Errorf("a key of %d bytes: %x", n, sum)
		}
	}
}
