package handlers

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"countersign/sending"

	"github.com/go-json-experiment/json/jsontext"
)

// heldMemory is what of a response is held in memory; the rest goes into a file.
const heldMemory = 256 << 10

// held is the body of a response of which the form, or the length, has to be known first.
type held struct {
	memory bytes.Buffer
	file   *sending.SpoolFile // nil for none
	size   int64
}

// hold reads a body of at most limit bytes; with more, the error is [sending.ErrTooLarge]. Where the file cannot be made or
// written that holds it, the error wraps [sending.ErrNoSpace].
func hold(r io.Reader, limit int64, spool *sending.Spool) (*held, error) {
	h := &held{}
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

func (h *held) spill(r io.Reader, most int64, spool *sending.Spool) (err error) {
	if h.file, err = spool.File(); err != nil {
		return err
	}
	n, err := copyTo(h.file, io.LimitReader(r, most))
	h.size += n
	return err
}

func (h *held) reader() io.Reader {
	if h.file == nil {
		return bytes.NewReader(h.memory.Bytes())
	}
	return io.MultiReader(bytes.NewReader(h.memory.Bytes()), io.NewSectionReader(h.file, 0, h.size-int64(h.memory.Len())))
}

func (h *held) close() {
	if h.file != nil {
		_ = h.file.Close() // nobody reads it any more
	}
}

// isUTF8 holds for text without a part of a character.
func isUTF8(r io.Reader) bool {
	err := eachRun(r, func(run []byte) error {
		if !utf8.Valid(run) {
			return errors.ErrUnsupported
		}
		return nil
	})
	return err == nil
}

// eachRun hands on runs of whole characters, as far as there are.
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

// unfinished is how many bytes at the end begin a character.
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

// writeQuoted writes text as the inside of a text in JSON.
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
