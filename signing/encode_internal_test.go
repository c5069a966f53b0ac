package signing

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestAppendHex(t *testing.T) {
	for c := range 256 {
		hash := [32]byte(bytes.Repeat([]byte{byte(c), 0, 0xff, byte(c)}, 8))
		if got, want := string(appendHex([]byte("x"), hash)), "x"+hex.EncodeToString(hash[:]); got != want {
			t.Errorf("appendHex = %q, want %q", got, want)
		}
	}
}
