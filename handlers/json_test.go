package handlers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"countersign/problem"
)

type jsonCase struct{ kind, text string }

// jsonCases reads the corpus and fails on anything that it does not know.
func jsonCases(t testing.TB) []jsonCase {
	t.Helper()
	file, err := os.Open("testdata/json.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []jsonCase
	counts, seen := map[string]int{}, map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		kind, quoted, _ := strings.Cut(line, " ")
		text, err := strconv.Unquote(quoted)
		if err != nil || seen[text] {
			t.Fatalf("%s: %v, or a duplicate", line, err)
		}
		seen[text] = true
		counts[kind]++
		cases = append(cases, jsonCase{kind, text})
	}
	want := map[string]int{"invalid": 380, "valid": 153, "twice": 12, "unclear": 12}
	for kind, n := range counts {
		if want[kind] != n {
			t.Errorf("%d documents are %s, want %d", n, kind, want[kind])
		}
	}
	if len(counts) != len(want) {
		t.Errorf("the corpus holds %v", counts)
	}
	return cases
}

// Of a corpus of documents, as the whole request and as the body in one, every invalid one is refused with its own
// code, and every valid one is signed as it is.
func TestStrictJSON(t *testing.T) {
	server := newServer(t, nil)
	server.handler = server.plain // the contract check reads numbers as floats, and rejects 1e400
	code := func(document string) (status int, code string) {
		w := server.post("/v1/sign", document)
		if w.Code == http.StatusOK {
			return w.Code, ""
		}
		return w.Code, server.problem(w, http.StatusBadRequest).Code
	}
	for _, test := range jsonCases(t) {
		_, whole := code(test.text)
		within := `{"method":"PUT","url":"https://sqs.eu-west-1.amazonaws.com/","body":` + test.text + `}`
		status, inside := code(within)
		switch test.kind {
		case "invalid":
			if whole == "" || inside != "json_invalid" { // the whole may fail as a non-object before it fails as JSON
				t.Errorf("%q is invalid: whole %q, within %d %q", test.text, whole, status, inside)
			}
		case "twice":
			if inside != "json_duplicate_name" {
				t.Errorf("%q: a duplicate name: within %d %q", test.text, status, inside)
			}
		case "unclear":
			if status != http.StatusOK && inside != "json_invalid" {
				t.Errorf("%q: within %d %q", test.text, status, inside)
			}
		case "valid":
			if whole == "json_invalid" || whole == "body_missing" || whole == "json_duplicate_name" || status != http.StatusOK {
				t.Errorf("%q is valid: whole %q, within %d %q", test.text, whole, status, inside)
				continue
			}
			if got, want := server.sign(within), wantBody(t, test.text); want == nil && got.Body != nil || want != nil &&
				(got.Body == nil || *got.Body != *want) {
				t.Errorf("%q is signed as %v, want %v", test.text, got.Body, want)
			}
		}
	}
}

// wantBody is the body that a document stands for: none, a string, or the document without white space.
func wantBody(t *testing.T, document string) *string {
	t.Helper()
	var value any
	_ = json.Unmarshal([]byte(document), &value) // this fails for numbers beyond a float
	if text, ok := value.(string); ok {
		return &text
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(document)); err != nil {
		t.Fatal(err)
	}
	if compact.String() == "null" {
		return nil
	}
	text := compact.String()
	return &text
}

// Documents nested a hundred thousand levels deep are refused as invalid JSON, in bounded time and stack.
func TestDepthIsSurvived(t *testing.T) {
	deep := 100_000
	if testing.Short() {
		deep = 10_000
	}
	server, n := newServer(t, nil), 0
	for name, document := range map[string]string{
		"arrays":           strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"objects":          strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep),
		"both":             strings.Repeat(`[{"a":`, deep) + "1" + strings.Repeat("}]", deep),
		"never closed":     strings.Repeat("[", deep),
		"objects, open":    strings.Repeat(`{"a":`, deep),
		"closed too often": strings.Repeat("]", deep),
		"with white space": strings.Repeat("[\n ", deep),
	} {
		for _, path := range []string{
			"/v1/sign", "/v1/presign", "/v1/verify", "/v1/steps/canonical-request", "/v1/steps/string-to-sign", "/v1/steps/signature",
			"/v1/steps/authorization", "/v1/s3/post-policy", "/v1/tokens",
		} {
			for _, text := range []string{
				document, `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","body":` + document + `}`,
				`{"headers":` + document + `}`, `{"warnings":` + document + `}`,
			} {
				if n++; testing.Short() && n%5 > 0 { // the order differs each time
					continue
				}
				w := httptest.NewRecorder()
				server.plain.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(text)))
				if w.Code != http.StatusBadRequest || decodeAs[problem.Document](t, w.Body).Hint == "" {
					t.Errorf("%s to %s: %d", name, path, w.Code)
				}
			}
		}
	}
	if got := server.sign(`{` + aGet + `,"body":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`); len(*got.Body) != 2000 {
		t.Errorf("a thousand deep: %d bytes", len(*got.Body))
	}
}
