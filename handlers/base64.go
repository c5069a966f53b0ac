package handlers

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
)

// writeBase64 writes what it reads, and returns how much that was. The encoder writes a KiB at a time, which costs more than
// to encode it, so its output is collected.
func writeBase64(w io.Writer, r io.Reader) (read int64, err error) {
	collected := bufio.NewWriterSize(w, 32<<10)
	encoder := base64.NewEncoder(base64.StdEncoding, collected)
	if read, err = io.Copy(encoder, r); err != nil {
		return read, err
	}
	return read, errors.Join(encoder.Close(), collected.Flush())
}
