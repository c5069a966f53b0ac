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

// ErrorCode returns AWS's code of an error, given the headers of the response and as
// much of its body as was read; empty where there is none. It is the one of the
// header x-amzn-ErrorType, else that of the body: __type, code or Code of a JSON
// object, or of one in CBOR, or of its Error, or the first Code of an XML document. Namespaces before and URLs after the code
// are left out (Smithy 2.0, "Operation error serialization").
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

// codeOfJSON reads a body that may be cut off, as far as it is there.
func codeOfJSON(body []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // 1e400 is one
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
		case map[string]any: // services that speak XML, where JSON is asked of them
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

// cleanCode returns the code alone, and nothing where it does not look like one:
// it goes into logs and records.
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
	plain, _ := io.ReadAll(io.LimitReader(r, maxErrorBody)) // as far as it is there
	return plain
}

// requestIDs are the headers in which services say how they call a request.
var requestIDs = []string{"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amzn-Request-Id"}

// requestID returns AWS's id of a request.
func requestID(h http.Header) string {
	for _, name := range requestIDs {
		if id := h.Get(name); id != "" && len(id) <= maxCode && strings.Trim(id, codeChars+"=+/") == "" {
			return id
		}
	}
	return ""
}

// namesErrors says whether the body of an error may hold a code: AWS's are JSON,
// XML or CBOR. A stream of events, say, must not wait for its beginning to be whole.
func namesErrors(h http.Header) bool {
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	return kind == "" || strings.Contains(kind, "json") || strings.Contains(kind, "xml") || strings.Contains(kind, "cbor")
}

// Peek returns the beginning of a response's body, of at most so many bytes, and leaves the body as it was.
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

// failing fails again as a reader did before.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
