package handlers

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// The output equals package base64's, whatever the length and in whatever pieces it is read.
func TestWriteBase64_IsBase64(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	sizes := []int{48<<10 - 1, 48 << 10, 48<<10 + 1, 100_000}
	for n := range 70 {
		sizes = append(sizes, n)
	}
	for _, size := range sizes {
		content := make([]byte, size)
		_, _ = random.Read(content)
		want := base64.StdEncoding.EncodeToString(content)
		for name, from := range map[string]io.Reader{
			"at once": bytes.NewReader(content), "in halves": iotest.HalfReader(bytes.NewReader(content)),
			"with the end": iotest.DataErrReader(bytes.NewReader(content)), "by bytes": iotest.OneByteReader(bytes.NewReader(content)),
		} {
			var got bytes.Buffer
			if n, err := writeBase64(&got, from); err != nil || n != int64(size) || got.String() != want {
				t.Errorf("%d bytes, %s: %d, %v, %.60q, want %.60q", size, name, n, err, got.String(), want)
			}
		}
	}
	broken := errors.New("broken")
	breaksOff := io.MultiReader(bytes.NewReader([]byte("abcd")), iotest.ErrReader(broken))
	if n, err := writeBase64(io.Discard, breaksOff); n != 4 || !errors.Is(err, broken) {
		t.Errorf("broken off: %d, %v", n, err)
	}
}
