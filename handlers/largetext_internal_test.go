package handlers

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// around decodes in both ways. If the fast way succeeds, the other does too, with the same result.
func around(t *testing.T, document string) bool {
	t.Helper()
	var quick, whole signRequest
	if len(document) == 0 || !decodeAround([]byte(document), &quick) {
		return false
	}
	if err := json.Unmarshal([]byte(document), &whole, strict...); err != nil {
		t.Fatalf("%s is decoded around its string, although %v", document, err)
	}
	whole.body().take([]byte(document))
	if string(quick.unquotedBody()) != string(whole.unquotedBody()) {
		t.Fatalf("%s: the body is %q, want %q", document, quick.Body.text, whole.Body.text)
	}
	quick.Body, whole.Body = bodyValue{}, bodyValue{}
	if !reflect.DeepEqual(quick, whole) {
		t.Fatalf("%s: %+v, want %+v", document, quick, whole)
	}
	return true
}

func (in *signRequest) unquotedBody() []byte { return in.Body.unquoted() }

func TestDecodeAround_DecodesUsualDocuments(t *testing.T) {
	for name, document := range map[string]string{
		"last":           `{"method":"PUT","url":"u","body":"a\n\"b\"\n"}`,
		"first":          `{"body":"\u00e9é€😀\/\\\b\f\r\t","method":"PUT"}`,
		"between spaces": "{ \"headers\" : {\"body\":\"no\"} ,\n\"body\" :\t\"yes\" , \"url\":\"u\" }\n",
		"empty":          `{"body":""}`,
	} {
		if !around(t, document) {
			t.Errorf("%s: %s is not decoded around its string", name, document)
		}
	}
}

func TestDecodeAround_LeavesOtherDocuments(t *testing.T) {
	for name, document := range map[string]string{
		"no body": `{"method":"PUT"}`, "an object": `{"body":{"body":"b"}}`, "null": `{"body":null}`, "in a text": `"body"`,
		"a list": `["body","b"]`,
		"twice":  `{"body":"a","body":"b"}`, "no end": `{"body":"a`, "no end after a backslash": `{"body":"a\`, "half an escape": `{"body":"\u00`,
		"no escape": `{"body":"\x"}`, "no digits": `{"body":"\u00g0"}`, "a pair": `{"body":"\ud83d\ude00"}`, "half a pair": `{"body":"\ud83d"}`,
		"a control character": "{\"body\":\"a\nb\"}", "not UTF-8": "{\"body\":\"\xff\"}", "not UTF-8 before": "{\"url\":\"\xff\",\"body\":\"a\"}",
		"text after": `{"body":"a"} x`, "unknown": `{"body":"a","x":1}`, "another case": `{"Body":"a"}`,
		"a wrong type": `{"method":1,"body":"a"}`,
	} {
		if around(t, document) {
			t.Errorf("%s: %s is decoded around its string", name, document)
		}
	}
}

// A large document is decoded as a small one is, in either way.
func TestDecodeDocument_LargeTexts(t *testing.T) {
	for _, end := range []string{"", `\n`, `\ud83d\ude00`, `é`} {
		text := strings.Repeat("a", largeDocument) + end
		var in signRequest
		err := decodeDocument([]byte(`{"method":"PUT","url":"u","body":"`+text+`"}`), &in)
		if err != nil || string(in.Body.text) != `"`+text+`"` {
			t.Errorf("%q: %v, %d bytes", end, err, len(in.Body.text))
		}
		if err := decodeDocument([]byte(`{"method":"PUT","url":"","body":"`+text+`"}`), new(signRequest)); err == nil {
			t.Errorf("%q: a URL that is missing is not found", end)
		}
	}
}

func FuzzDecodeAround(f *testing.F) {
	for _, document := range []string{
		`{"method":"PUT","url":"u","body":"a\n"}`, `{"body":"\u00e9é","headers":{"a":"b"}}`, `{"body":{"body":"b"}}`, `{"body":"a","body":"b"}`,
		`{"query":{},"body":"\ud83d\ude00"}`, `{"bod\u0079":"a"}`,
	} {
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document string) { around(t, document) })
}
