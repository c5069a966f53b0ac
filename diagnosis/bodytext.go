package diagnosis

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// form writes a URL-encoded form again, as the encoders of clients do.
func (v *variantMaker) form(text, contentType string) {
	if !strings.Contains(text, "=") && !strings.Contains(contentType, "form") || strings.ContainsAny(text, "{<\n") || len(text) > 64<<10 {
		return
	}
	pairs, ok := formPairs(text)
	if !ok {
		return
	}
	sorted := slices.Clone(pairs)
	slices.SortStableFunc(sorted, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	for _, list := range [][][2]string{pairs, sorted} {
		for _, plain := range []string{"-._~", "-._*", "-._", "-._~!'()*", "-._*!'()", "-._~:/,@"} {
			for _, space := range []string{"+", "%20"} {
				v.text(formRewritten, joinForm(list, plain, space, false))
			}
		}
		v.text(formRewritten, joinForm(list, "-._~", "%20", true))
		v.text(formRewritten, joinForm(list, "-._*", "+", true))
	}
	var decoded []string
	for _, p := range pairs {
		decoded = append(decoded, p[0]+"="+p[1])
	}
	v.text(formRewritten, strings.Join(decoded, "&"))
	v.text(formRewritten, strings.ReplaceAll(text, "%20", "+"))
	v.text(formRewritten, strings.ReplaceAll(text, "+", "%20"))
	v.text(formRewritten, url.QueryEscape(text))
	v.text(formRewritten, strings.ReplaceAll(text, "%", "%25"))
	v.text(formRewritten, lowerHex(text))
	for _, other := range looseForms(text) {
		v.text(formRewritten, other)
	}
}

func formPairs(text string) (pairs [][2]string, ok bool) {
	for piece := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(piece, "=")
		n, err := url.QueryUnescape(name)
		if err != nil {
			return nil, false
		}
		val, err := url.QueryUnescape(value)
		if err != nil || len(pairs) > 500 {
			return nil, false
		}
		pairs = append(pairs, [2]string{n, val})
	}
	return pairs, true
}

// joinForm percent-encodes everything but letters, digits and the characters in plain.
func joinForm(pairs [][2]string, plain, space string, lower bool) string {
	digits := "0123456789ABCDEF"
	if lower {
		digits = "0123456789abcdef"
	}
	var b strings.Builder
	write := func(s string) {
		for i := 0; i < len(s); i++ {
			switch ch := s[i]; {
			case ch == ' ':
				b.WriteString(space)
			case ch >= 'A' && ch <= 'Z' || ch >= 'a' && ch <= 'z' || ch >= '0' && ch <= '9' || strings.IndexByte(plain, ch) >= 0:
				b.WriteByte(ch)
			default:
				b.Write([]byte{'%', digits[ch>>4], digits[ch&15]})
			}
		}
	}
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		write(p[0])
		b.WriteByte('=')
		write(p[1])
	}
	return b.String()
}

// cp1252 are the characters that Windows-1252 has between 0x80 and 0x9F.
const cp1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

var cp1252Runes = []rune(cp1252)

// cp1252Bytes maps them to their bytes.
var cp1252Bytes = func() map[rune]byte {
	table, b := map[rune]byte{}, byte(0x80)
	for _, r := range cp1252Runes {
		table[r] = b
		b++
	}
	return table
}()

// charsets converts the text to other character sets, and back.
func (v *variantMaker) charsets(text string) {
	if !utf8.ValidString(text) {
		v.text(recoded, decodeSingleByte(v.body, false)) // read as Latin-1
		v.text(recoded, decodeSingleByte(v.body, true))
		v.text(recoded, strings.ToValidUTF8(text, "\uFFFD"))
		v.text(recoded, replaceInvalid(text, "\uFFFD"))
		v.text(recoded, replaceInvalid(text, "?"))
		return
	}
	if ascii(text) {
		v.utf16Forms(text)
		return
	}
	for _, windows := range []bool{false, true} {
		if b, ok := encodeSingleByte(text, windows); ok {
			v.add(recoded, b)
			if utf8.Valid(b) { // it was UTF-8 encoded twice
				v.add(recoded, b)
			}
		}
		b, _ := encodeSingleByte(text, windows) // with ? for unmappable characters
		v.add(recoded, b)
		v.text(recoded, decodeSingleByte([]byte(text), windows)) // UTF-8 encoded twice
	}
	v.utf16Forms(text)
	v.text(recoded, questionMarks(text, false))
	v.text(recoded, questionMarks(text, true))
}

// utf16Forms writes a text in UTF-16.
func (v *variantMaker) utf16Forms(text string) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		v.add(recoded, encodeUTF16(text, order, false))
		v.add(recoded, encodeUTF16(text, order, true))
	}
}

func ascii(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) }

// replaceInvalid replaces every byte that is not valid UTF-8.
func replaceInvalid(s, with string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b.WriteString(with)
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// decodeSingleByte reads bytes as Latin-1 or Windows-1252 and writes UTF-8.
func decodeSingleByte(body []byte, windows bool) string {
	var b strings.Builder
	for _, ch := range body {
		r := rune(ch)
		if windows && ch >= 0x80 && ch < 0xA0 {
			r = cp1252Runes[ch-0x80]
		}
		b.WriteRune(r)
	}
	return b.String()
}

// encodeSingleByte writes a text in Latin-1 or Windows-1252, with ? for characters outside it.
func encodeSingleByte(text string, windows bool) (out []byte, whole bool) {
	whole = true
	for _, r := range text {
		high, has := cp1252Bytes[r]
		switch {
		case windows && has:
			out = append(out, high)
		case r < 0x100 && (!windows || r < 0x80 || r >= 0xA0):
			out = append(out, byte(r&0xFF))
		default:
			out, whole = append(out, '?'), false
		}
	}
	return out, whole
}

// questionMarks writes ? for each non-ASCII character, or for each of its bytes.
func questionMarks(text string, bytewise bool) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case bytewise:
			b.WriteString(strings.Repeat("?", utf8.RuneLen(r)))
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

func encodeUTF16(text string, order binary.AppendByteOrder, mark bool) []byte {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xFEFF)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

const maxUnzipped = 4 << 20

// unzip undoes compression. Compressing again would not give the same bytes: compressors differ.
func (v *variantMaker) unzip() {
	var r io.Reader
	var err error
	switch {
	case bytes.HasPrefix(v.body, []byte{0x1F, 0x8B}):
		r, err = gzip.NewReader(bytes.NewReader(v.body))
	case len(v.body) > 2 && v.body[0] == 0x78:
		r, err = zlib.NewReader(bytes.NewReader(v.body))
	default:
		return
	}
	if err != nil {
		return
	}
	if plain, err := io.ReadAll(io.LimitReader(r, maxUnzipped)); err == nil {
		v.add(unzipped, plain)
	}
}
