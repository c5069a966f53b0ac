package sending

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"countersign/internal/cborjson"
)

const (
	maxErrorBody = 64 << 10
	maxCode      = 128
)

// ErrorCode returns AWS's error code, or "" if there is none, from the response
// headers and as much of the body as was read. It is that of the x-amzn-ErrorType
// header. Without this header, it is __type, code, Code or Error.Code of a body in
// JSON or CBOR, or the first Code element of a body in XML. The namespace before the
// code and the URL after it are removed (Smithy 2.0, "Operation error serialization").
func ErrorCode(h http.Header, body []byte) string {
	if code := cleanCode(h.Get("X-Amzn-Errortype")); code != "" {
		return code
	}
	if bytes.HasPrefix(body, []byte("\x1f\x8b")) { // gzip, whatever the headers say
		body = unpacked(body)
	}
	body = bytes.TrimLeft(body, "\ufeff \t\r\n")
	switch {
	case bytes.HasPrefix(body, []byte("{")):
		return cleanCode(codeOfJSON(body))
	case bytes.HasPrefix(body, []byte("<")):
		_, rest, _ := bytes.Cut(body, []byte("<Code>"))
		code, _, _ := bytes.Cut(rest, []byte("</Code>"))
		return cleanCode(strings.TrimSpace(string(code[:min(len(code), maxCode+1)])))
	case strings.Contains(strings.ToLower(h.Get("Content-Type")), "cbor"):
		text, _ := cborjson.JSON(body)
		return cleanCode(codeOfJSON(text))
	}
	return ""
}

// codeOfJSON returns the error code in a JSON body, which may be truncated.
func codeOfJSON(body []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // 1e400 overflows a float64
	if _, err := decoder.Token(); err != nil {
		return ""
	}
	found := map[string]string{}
	for decoder.More() {
		name, err := decoder.Token()
		var value any
		if err != nil || decoder.Decode(&value) != nil {
			break
		}
		switch value := value.(type) {
		case string:
			found[name.(string)] = value
		case map[string]any: // from services with XML protocols that were asked for JSON
			if code, ok := value["Code"].(string); ok && name == "Error" {
				found["Error"] = code
			}
		}
	}
	for _, name := range []string{"__type", "code", "Code", "Error"} {
		if found[name] != "" {
			return found[name]
		}
	}
	return ""
}

// cleanCode returns the bare code, or "" if text does not look like one, since codes
// go into logs and audit records.
func cleanCode(text string) string {
	text, _, _ = strings.Cut(text, ":")
	text = text[strings.LastIndexByte(text, '#')+1:]
	if len(text) > maxCode || strings.Trim(text, codeChars) != "" {
		return ""
	}
	return text
}

const codeChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

func unpacked(body []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	plain, _ := io.ReadAll(io.LimitReader(r, maxErrorBody)) // it may be truncated
	return plain
}

// requestIDs are the headers in which services return the request ID.
var requestIDs = []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Request-Id"}

// requestID returns AWS's request ID.
func requestID(h http.Header) string {
	for _, name := range requestIDs {
		if id := h.Get(name); id != "" && len(id) <= maxCode && strings.Trim(id, codeChars+"=+/") == "" {
			return id
		}
	}
	return ""
}

// namesErrors reports whether the body of an error may contain a code, which AWS
// sends in JSON, XML or CBOR. Other bodies, such as event streams, are not read ahead,
// because that would delay them.
func namesErrors(h http.Header) bool {
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	return kind == "" || strings.Contains(kind, "json") || strings.Contains(kind, "xml") || strings.Contains(kind, "cbor")
}

// Peek returns up to most bytes from the start of the response body. The body can still be read from its start.
func Peek(resp *http.Response, most int64) []byte {
	body := resp.Body
	beginning, err := io.ReadAll(io.LimitReader(body, most))
	rest := io.Reader(body)
	if err != nil {
		rest = failing{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(beginning), rest), body}
	return beginning
}

// failing is a reader that repeats an earlier error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
