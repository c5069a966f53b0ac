package handlers

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"countersign/problem"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// byteOrderMark is U+FEFF in UTF-8, which .NET and PowerShell write before a document and which is not part of it
// (RFC 8259 section 8.1).
const byteOrderMark = "\xef\xbb\xbf"

// wrongEncoding says what encoding a document that is not JSON seems to have; nil if it is UTF-8.
func wrongEncoding(data []byte) error {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return &problem.Error{Code: "json_invalid", Detail: "The request body is UTF-16, as its byte order mark says. " +
			"Send it in UTF-8."}
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	if at == len(data) {
		return nil
	}
	detail := fmt.Sprintf("The request body is not UTF-8: byte %d is 0x%02X.", at, data[at])
	// A Latin-1 letter usually stands alone among ASCII; half of a UTF-8 character rarely does.
	if rest := data[at:]; rest[0] >= 0x80 && (len(rest) == 1 || rest[1] < 0x80 || isLatin1Pair(rest)) {
		detail += " It seems to be in Latin-1 or Windows-1252. Send it in UTF-8."
	}
	return &problem.Error{Code: "json_invalid", Detail: detail}
}

// isLatin1Pair reports whether rest begins with two or three Latin-1 letters in a row, followed by ASCII.
func isLatin1Pair(rest []byte) bool {
	n := 0
	for n < len(rest) && rest[n] >= 0xc0 {
		n++
	}
	return n >= 2 && (n == len(rest) || rest[n] < 0x80)
}

// encodedTwice reports whether a document is JSON inside a JSON string.
func encodedTwice(data []byte) bool {
	var text string
	if jsontext.Value(data).Kind() != '"' || json.Unmarshal(data, &text) != nil {
		return false
	}
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") || strings.HasPrefix(text, `"{`) && strings.HasSuffix(text, `}"`)
}

// emptyChunk refuses the first request of chunking in Logic Apps and Power Automate: it has no body, and announces
// that parts of one will follow.
func emptyChunk(header http.Header, length int64) error {
	if length > 0 || !strings.EqualFold(strings.TrimSpace(header.Get("X-Ms-Transfer-Mode")), "chunked") {
		return nil
	}
	return &problem.Error{Code: "chunking_unsupported", Detail: "The request has no body, and x-ms-transfer-mode: " +
		"chunked says that the workflow engine means to send it in parts."}
}
