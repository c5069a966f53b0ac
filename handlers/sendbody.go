package handlers

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"countersign/sending"

	"github.com/go-json-experiment/json/jsontext"
)

// heldMemory is how much of a response is held in memory; the rest goes into a file.
const heldMemory = 256 << 10

// heldBody is a response body whose form or length must be known before it is written.
type heldBody struct {
	memory bytes.Buffer
	file   *sending.SpoolFile // nil for none
	size   int64
}

// hold reads a body of at most limit bytes; if it is larger, the error is [sending.ErrTooLarge]. If the file that
// holds it cannot be made or written, the error wraps [sending.ErrNoSpace].
func hold(r io.Reader, limit int64, spool *sending.Spool) (*heldBody, error) {
	h := &heldBody{}
	n, err := h.memory.ReadFrom(io.LimitReader(r, min(heldMemory, limit+1)))
	if h.size = n; err == nil && n == heldMemory {
		err = h.spill(r, limit+1-n, spool)
	}
	if err == nil && h.size > limit {
		err = sending.ErrTooLarge
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *heldBody) spill(r io.Reader, most int64, spool *sending.Spool) (err error) {
	if h.file, err = spool.File(); err != nil {
		return err
	}
	n, err := copyTo(h.file, io.LimitReader(r, most))
	h.size += n
	return err
}

func (h *heldBody) reader() io.Reader {
	if h.file == nil {
		return bytes.NewReader(h.memory.Bytes())
	}
	return io.MultiReader(bytes.NewReader(h.memory.Bytes()), io.NewSectionReader(h.file, 0, h.size-int64(h.memory.Len())))
}

func (h *heldBody) close() {
	if h.file != nil {
		_ = h.file.Close() // not read any more
	}
}

// isUTF8 reports whether the text is UTF-8 and has no incomplete character.
func isUTF8(r io.Reader) bool {
	err := eachRun(r, func(run []byte) error {
		if !utf8.Valid(run) {
			return errors.ErrUnsupported
		}
		return nil
	})
	return err == nil
}

// eachRun passes on runs of whole characters; only the last may end with an incomplete one.
func eachRun(r io.Reader, do func([]byte) error) error {
	size := 48 << 10
	if whole, ok := r.(*bytes.Reader); ok {
		size = min(size, whole.Len()+utf8.UTFMax)
	}
	buffer, kept := make([]byte, size), 0
	for {
		n, err := r.Read(buffer[kept:])
		n += kept
		whole := n
		if err == nil {
			whole -= unfinished(buffer[:n])
		}
		if failed := do(buffer[:whole]); failed != nil {
			return failed
		}
		kept = copy(buffer, buffer[whole:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// unfinished returns how many bytes at the end begin an incomplete character.
func unfinished(text []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := text[len(text)-back:]; utf8.RuneStart(at[0]) {
			if !utf8.FullRune(at) {
				return back
			}
			return 0
		}
	}
	return 0
}

// writeQuoted writes text as the inside of a JSON string.
func writeQuoted(w io.Writer, r io.Reader, latin1 bool) error {
	var quoted, converted []byte
	return eachRun(r, func(run []byte) error {
		if latin1 {
			converted = converted[:0]
			for _, c := range run {
				converted = utf8.AppendRune(converted, rune(c))
			}
			run = converted
		}
		var err error
		if quoted, err = jsontext.AppendQuote(quoted[:0], run); err != nil {
			return err
		}
		_, err = w.Write(quoted[1 : len(quoted)-1])
		return err
	})
}
