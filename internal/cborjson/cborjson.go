// Package cborjson converts CBOR (RFC 8949) to JSON. Services that speak CBOR report errors in it, and the diagnosis
// reads JSON.
package cborjson

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deeply items may be nested.
const maxDepth = 64

// The major types (RFC 8949, section 3.1).
const (
	unsignedInteger = iota
	negativeInteger
	byteString
	textString
	array
	object
	tag
	simple
)

// JSON returns a data item as JSON, as far as it can be read; whole reports whether it was read to its end. Byte
// strings become Base64, a tag becomes its content, and values that JSON cannot express become null. Only text strings
// can be keys.
func JSON(item []byte) (text []byte, whole bool) {
	r := reader{rest: item}
	text = r.item(nil, 0)
	return text, !r.failed && len(r.rest) == 0
}

// reader reads items. Once it has failed, everything that it returns is meaningless.
type reader struct {
	rest   []byte
	failed bool
}

// head is the start of an item.
type head struct {
	major, minor byte
	argument     uint64
	indefinite   bool // the item ends with a break
}

func (r *reader) fail() { r.failed, r.rest = true, nil }

// take returns the next n bytes, or fails if there are fewer.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) head() head {
	first := r.take(1)
	if r.failed {
		return head{}
	}
	h := head{major: first[0] >> 5, minor: first[0] & 0x1f}
	switch {
	case h.minor < 24:
		h.argument = uint64(h.minor)
	case h.minor < 28:
		var whole [8]byte
		size := uint64(1) << (h.minor - 24)
		copy(whole[8-size:], r.take(size))
		h.argument = binary.BigEndian.Uint64(whole[:])
	case h.minor == 31 && h.major >= byteString && h.major <= object:
		h.indefinite = true
	default:
		r.fail()
	}
	return h
}

// item appends the next item to out.
func (r *reader) item(out []byte, depth int) []byte {
	h := r.head()
	if depth > maxDepth {
		r.fail()
	}
	if r.failed {
		return out
	}
	switch h.major {
	case unsignedInteger:
		return strconv.AppendUint(out, h.argument, 10)
	case negativeInteger:
		if h.argument == math.MaxUint64 {
			return append(out, "-18446744073709551616"...)
		}
		return strconv.AppendUint(append(out, '-'), h.argument+1, 10)
	case byteString, textString:
		return r.appendString(out, h)
	case array:
		return r.items(out, '[', ']', h, func(out []byte) []byte { return r.item(out, depth+1) })
	case object:
		return r.items(out, '{', '}', h, func(out []byte) []byte {
			key := r.head()
			if key.major != textString {
				r.fail()
			}
			out = r.appendString(out, key)
			if r.failed {
				return out
			}
			return r.item(append(out, ':'), depth+1)
		})
	case tag:
		return r.item(out, depth+1)
	}
	return r.appendSimple(out, h)
}

// items appends the items of an array or a map.
func (r *reader) items(out []byte, begin, end byte, h head, next func([]byte) []byte) []byte {
	out = append(out, begin)
	for n := uint64(0); h.indefinite && !r.atBreak() || !h.indefinite && n < h.argument; n++ {
		if n > 0 {
			out = append(out, ',')
		}
		if out = next(out); r.failed {
			return out
		}
	}
	return append(out, end)
}

// atBreak reports whether an item of indefinite length ends here, and skips the break.
func (r *reader) atBreak() bool {
	if len(r.rest) == 0 || r.rest[0] != 0xff {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// appendString appends a byte or text string; one of indefinite length is in pieces.
func (r *reader) appendString(out []byte, h head) []byte {
	content := []byte(nil)
	if !h.indefinite {
		content = r.take(h.argument)
	}
	for h.indefinite && !r.failed && !r.atBreak() {
		piece := r.head()
		if piece.major != h.major || piece.indefinite {
			r.fail()
		}
		content = append(content, r.take(piece.argument)...)
	}
	if r.failed {
		return out
	}
	if h.major == byteString {
		return append(base64.StdEncoding.AppendEncode(append(out, '"'), content), '"')
	}
	out, _ = jsontext.AppendQuote(out, strings.ToValidUTF8(string(content), "\uFFFD")) // it fails only on invalid UTF-8
	return out
}

func (r *reader) appendSimple(out []byte, h head) []byte {
	switch h.minor {
	case 20:
		return append(out, "false"...)
	case 21:
		return append(out, "true"...)
	case 25:
		return appendFloat(out, half(h.argument))
	case 26:
		return appendFloat(out, float64(math.Float32frombits(uint32(h.argument)))) //nolint:gosec // of four bytes
	case 27:
		return appendFloat(out, math.Float64frombits(h.argument))
	}
	return append(out, "null"...)
}

func appendFloat(out []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(out, "null"...)
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

// half decodes an IEEE 754 half-precision number.
func half(bits uint64) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	value := math.Ldexp(fraction+1024, exponent-25)
	switch exponent {
	case 0:
		value = math.Ldexp(fraction, -24)
	case 31:
		return math.NaN() // or infinite
	}
	if bits&0x8000 != 0 {
		value = -value
	}
	return value
}
