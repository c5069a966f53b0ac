package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
)

// writeBase64 writes what it reads, and returns how much that was. The encoder of package base64 writes a KiB at a time, which
// costs more than to encode it.
func writeBase64(w io.Writer, r io.Reader) (read int64, err error) {
	size := 48 << 10
	if whole, ok := r.(*bytes.Reader); ok {
		size = min(size, max(3, whole.Len()+1))
	}
	in, out, kept := make([]byte, size), make([]byte, base64.StdEncoding.EncodedLen(size)), 0
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
		if _, err := w.Write(encodeBase64(out, in[:whole])); err != nil {
			return read, err
		}
		kept = copy(in, in[whole:kept+n])
	}
	return read, nil
}

// digitPairs are the two digits, in their order in memory, of each twelve bits.
var digitPairs = func() (pairs [1 << 12]uint16) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range pairs {
		pairs[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
	return pairs
}()

// encodeBase64 is Encode of [base64.StdEncoding] in half the time: six bytes at once.
func encodeBase64(dst, src []byte) []byte {
	size, to := base64.StdEncoding.EncodedLen(len(src)), dst
	for len(src) >= 8 {
		v := binary.BigEndian.Uint64(src)
		binary.LittleEndian.PutUint64(to, uint64(digitPairs[v>>52])|uint64(digitPairs[v>>40&0xfff])<<16|
			uint64(digitPairs[v>>28&0xfff])<<32|uint64(digitPairs[v>>16&0xfff])<<48)
		src, to = src[6:], to[8:]
	}
	base64.StdEncoding.Encode(to, src)
	return dst[:size]
}
