package broker

import (
	"bytes"
	"encoding/base64"
)

// fileTypes are the first bytes of files that workflow authors send (from the specifications of the formats;
// freedesktop.org's shared MIME database collects them). A question mark stands for any byte.
var fileTypes = []struct{ begin, name string }{
	{"%PDF-", "PDF"},
	{"\x89PNG\r\n\x1a\n", "PNG"},
	{"\xff\xd8\xff\xc0", "JPEG"},
	{"\xff\xd8\xff\xc4", "JPEG"},
	{"\xff\xd8\xff\xdb", "JPEG"},
	{"\xff\xd8\xff\xe0", "JPEG"},
	{"\xff\xd8\xff\xe1", "JPEG"},
	{"\xff\xd8\xff\xe2", "JPEG"},
	{"\xff\xd8\xff\xe8", "JPEG"},
	{"\xff\xd8\xff\xed", "JPEG"},
	{"\xff\xd8\xff\xee", "JPEG"},
	{"\xff\xd8\xff\xfe", "JPEG"},
	{"GIF87a", "GIF"},
	{"GIF89a", "GIF"},
	{"RIFF????WEBP", "WebP"},
	{"RIFF????WAVE", "WAV"},
	{"RIFF????AVI ", "AVI"},
	{"BM????\x00\x00\x00\x00", "BMP"},
	{"II*\x00", "TIFF"},
	{"MM\x00*", "TIFF"},
	{"8BPS\x00\x01", "Photoshop"},
	{"PK\x03\x04", "ZIP or Office"},
	{"PK\x05\x06", "ZIP"},
	{"PK\x07\x08", "ZIP"},
	{"\x1f\x8b\x08\x00", "gzip"},
	{"\x1f\x8b\x08\x04", "gzip"},
	{"\x1f\x8b\x08\x08", "gzip"},
	{"\x1f\x8b\x08\x10", "gzip"},
	{"BZh?1AY&SY", "bzip2"},
	{"\xfd7zXZ\x00", "xz"},
	{"\x28\xb5\x2f\xfd", "Zstandard"},
	{"\x04\x22\x4d\x18", "LZ4"},
	{"7z\xbc\xaf\x27\x1c", "7-Zip"},
	{"Rar!\x1a\x07", "RAR"},
	{"MSCF\x00", "CAB"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office (97 to 2003)"},
	{"{\\rtf", "RTF"},
	{"%!PS-", "PostScript"},
	{"????ftyp", "MP4, MOV or HEIC"},
	{"ID3\x02", "MP3"},
	{"ID3\x03", "MP3"},
	{"ID3\x04", "MP3"},
	{"OggS\x00", "Ogg"},
	{"fLaC\x00", "FLAC"},
	{"\x1a\x45\xdf\xa3", "Matroska or WebM"},
	{"PAR1", "Parquet"},
	{"Obj\x01", "Avro"},
	{"ORC\x08", "ORC"},
	{"SQLite format 3\x00", "SQLite"},
	{"<?xml ", "XML"},
	{"\xef\xbb\xbf<?xml ", "XML"},
	{"<!DOCTYPE ", "HTML"},
	{"<!doctype ", "HTML"},
	{"<html", "HTML"},
	{"<svg ", "SVG"},
	{"\x7fELF", "ELF"},
	{"MZ\x90\x00", "Windows program"},
	{"\xca\xfe\xba\xbe", "Java class"},
	{"\x00asm\x01", "WebAssembly"},
	{"wOFF\x00", "WOFF"},
	{"wOF2\x00", "WOFF2"},
}

// fileType returns the type of a file that begins with head, or "".
func fileType(head string) string {
	for _, t := range fileTypes {
		if len(head) < len(t.begin) {
			continue
		}
		same := true
		for i := range len(t.begin) {
			same = same && (t.begin[i] == '?' || t.begin[i] == head[i])
		}
		if same {
			return t.name
		}
	}
	return ""
}

// base64File returns the type of the file that a text is the Base64 of, or "". The whole text must be Base64, in either
// alphabet, so that ordinary text is not mistaken for it. Line breaks may divide it as in mail (RFC 2045 section 6.8).
func base64File(text []byte) string {
	const least, head = 12, 32 // the shortest file signature, and more than the longest
	if len(text) < least {
		return ""
	}
	unpadded := bytes.TrimRight(text, "=")
	if len(text)-len(unpadded) > 2 {
		return ""
	}
	var begin [head]byte
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		n, err := encoding.Decode(begin[:], unpadded[:min(len(unpadded), head)])
		if err != nil {
			continue
		}
		if name := fileType(string(begin[:n])); name != "" && isBase64(unpadded, len(text)-len(unpadded), encoding == base64.RawURLEncoding) {
			return name
		}
	}
	return ""
}

// isBase64 reports whether a text is Base64, divided into lines or not, with correct padding if there is any.
func isBase64(unpadded []byte, padding int, url bool) bool {
	n := 0
	for _, c := range unpadded {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			n++
		case !url && (c == '+' || c == '/'), url && (c == '-' || c == '_'):
			n++
		case c != '\r' && c != '\n':
			return false
		}
	}
	return n%4 != 1 && (padding == 0 || (n+padding)%4 == 0)
}
