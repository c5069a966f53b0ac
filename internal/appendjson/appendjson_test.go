package appendjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"countersign/internal/appendjson"
)

// byStandard returns the output of encoding/json.
func byStandard(t *testing.T, value any) string {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
}

func TestObject_EqualsEncodingJSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 1_000_000, time.UTC)
	type inner struct {
		A string `json:"a"`
		B bool   `json:"b"`
	}
	value := struct {
		Text   string            `json:"text"`
		None   string            `json:"none,omitempty"`
		Bytes  string            `json:"bytes"`
		Base64 []byte            `json:"base64"`
		Bool   bool              `json:"bool"`
		Int    int64             `json:"int"`
		Zero   int64             `json:"zero,omitempty"`
		Time   time.Time         `json:"time"`
		Texts  []string          `json:"texts"`
		Raw    json.RawMessage   `json:"raw"`
		Inner  inner             `json:"inner"`
		List   []inner           `json:"list"`
		Empty  []inner           `json:"empty"`
		Map    map[string]string `json:"map"`
	}{
		"a \"b\"\\", "", "é\n", []byte("ab"), true, -7, 0, at,
		[]string{"x", "y"},
		json.RawMessage(`[1]`),
		inner{"i", false},
		[]inner{{"1", true}, {"2", false}},
		[]inner{},
		map[string]string{"a\"": "b", "c": "d"},
	}
	write := func(o *appendjson.Object, in inner) {
		o.Text("a", in.A)
		o.Bool("b", in.B)
	}
	o := appendjson.Open(nil)
	o.Text("text", value.Text)
	o.TextIfAny("none", value.None)
	o.Bytes("bytes", []byte(value.Bytes))
	o.Base64("base64", value.Base64)
	o.Bool("bool", value.Bool)
	o.Int("int", value.Int)
	o.IntIfAny("zero", value.Zero)
	o.Time("time", value.Time)
	o.Texts("texts", value.Texts)
	o.Raw("raw", value.Raw)
	o.Object("inner", func(o *appendjson.Object) { write(o, value.Inner) })
	o.Objects("list", len(value.List), func(o *appendjson.Object, i int) { write(o, value.List[i]) })
	o.Objects("empty", 0, nil)
	o.Object("map", func(o *appendjson.Object) {
		o.Member("a\"", "b")
		o.Member("c", "d")
	})
	got, valid := o.Close()
	if want := byStandard(t, value); string(got) != want || !valid {
		t.Errorf("got  %s\nwant %s, valid %v", got, want, valid)
	}
}

func FuzzText_EqualsEncodingJSON(f *testing.F) {
	for _, text := range []string{
		"", "plain", `"\`, "\b\f\n\r\t\x00\x1f\x7f", "é€😀", "\u2028\u2029\u2027", "\xff", "a\xe2\x82", "\xed\xa0\x80", "<&>", "\ufffd",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := appendjson.Open(nil)
		o.Text("t", text)
		o.Bytes("b", []byte(text))
		got, valid := o.Close()
		want := byStandard(t, struct {
			T string `json:"t"`
			B string `json:"b"`
		}{text, text})
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if standard := json.Valid([]byte(want)) && !bytes.Contains([]byte(want), []byte(`\ufffd`)); standard != valid {
			t.Errorf("%q: valid %v", text, valid)
		}
	})
}

// A large value is written in pieces, and none of them ends in the middle of a character.
func TestObject_LargeValuesEqualSmallOnes(t *testing.T) {
	for _, text := range []string{"a", "é", "€", "😀", "\u2028", "\"\n\x01", "a\u2029é"} {
		for shift := range 4 {
			value := []byte("abcd"[:shift] + strings.Repeat(text, 99_000/len(text)))
			o := appendjson.Open(nil)
			o.LargeText("text", value)
			o.Text("between", text)
			o.LargeBase64("base64", value)
			_, valid := o.Close()
			var got bytes.Buffer
			n, err := o.WriteTo(&got)
			want := appendjson.Open(nil)
			want.Bytes("text", value)
			want.Text("between", text)
			want.Base64("base64", value)
			whole, _ := want.Close()
			if err != nil || !valid || !bytes.Equal(got.Bytes(), whole) || int(n) != len(whole) || o.Len() != len(whole) {
				t.Errorf("%q after %d: %d bytes, Len %d, want %d (%v, valid %v)", text, shift, n, o.Len(), len(whole), err, valid)
			}
		}
	}
	o := appendjson.Open(nil)
	o.LargeText("text", append(bytes.Repeat([]byte("a"), 60_000), 0xff))
	if _, valid := o.Close(); valid {
		t.Error("a large text that is not UTF-8 is reported as valid")
	}
}

// Each byte at each position in a text is escaped as encoding/json does, and its length is counted correctly.
func TestObject_EscapesEachByteAtEachPosition(t *testing.T) {
	for c := range 256 {
		for place := range 20 {
			text := strings.Repeat("a", place) + string(rune(c)) + "\"" + strings.Repeat("b", 20-place)
			o := appendjson.Open(nil)
			o.Text("text", text)
			o.Bytes("bytes", []byte(text))
			got, valid := o.Close()
			if want := byStandard(t, struct {
				Text  string `json:"text"`
				Bytes string `json:"bytes"`
			}{text, text}); string(got) != want || !valid {
				t.Fatalf("got %s, want %s", got, want)
			}
			large := appendjson.Open(nil)
			large.LargeText("text", []byte(strings.Repeat(text, 4000)))
			large.Close()
			var out bytes.Buffer
			if place == c%20 {
				if n, err := large.WriteTo(&out); err != nil || n != int64(large.Len()) {
					t.Fatalf("%d bytes written, %v, and %d counted", n, err, large.Len())
				}
			}
		}
	}
}
