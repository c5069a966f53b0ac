package handlers

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"countersign/internal/appendjson"
)

// writeBase64 encodes r to w and returns how many bytes it read. The encoder of package base64 writes one KiB at a
// time, which costs more than the encoding.
func writeBase64(w io.Writer, r io.Reader) (read int64, err error) {
	size := 48 << 10
	if whole, ok := r.(*bytes.Reader); ok {
		size = min(size, max(3, whole.Len()+1))
	}
	in, out, kept := make([]byte, size), make([]byte, 0, base64.StdEncoding.EncodedLen(size)), 0
	for err == nil {
		var n int
		n, err = r.Read(in[kept:])
		read += int64(n)
		whole := kept + n
		if err == nil {
			whole -= whole % 3
		} else if !errors.Is(err, io.EOF) {
			return read, err
		}
		if _, err := w.Write(appendjson.AppendBase64(out[:0], in[:whole])); err != nil {
			return read, err
		}
		kept = copy(in, in[whole:kept+n])
	}
	return read, nil
}
