package cborjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/smithy-go/encoding/cbor"

	"countersign/internal/cborjson"
)

func TestJSON(t *testing.T) {
	for item, want := range map[string]string{
		"\x00": "0", "\x17": "23", "\x18\x64": "100", "\x19\x03\xe8": "1000", "\x1a\x00\x0f\x42\x40": "1000000",
		"\x1b\xff\xff\xff\xff\xff\xff\xff\xff": "18446744073709551615",
		"\x20":                                 "-1", "\x38\x63": "-100", "\x3b\xff\xff\xff\xff\xff\xff\xff\xff": "-18446744073709551616",
		"\x43abc": `"YWJj"`, "\x5f\x41a\x42bc\xff": `"YWJj"`, "\x63abc": `"abc"`, "\x78\x03abc": `"abc"`, "\x7f\x61a\x62bc\xff": `"abc"`,
		"\x60": `""`, "\x62\"\n": `"\"\n"`, "\x61\xff": "\"\uFFFD\"", "\x62é": `"é"`,
		"\x80": "[]", "\x83\x01\x02\x81\x03": "[1,2,[3]]", "\x9f\xff": "[]", "\x9f\x01\x9f\xff\xff": "[1,[]]",
		"\xa0": "{}", "\xa2\x61a\x01\x61b\x82\x02\x03": `{"a":1,"b":[2,3]}`,
		"\xbf\x61a\x01\xff": `{"a":1}`, "\xa1\x7f\x61a\x61b\xff\x01": `{"ab":1}`,
		"\xc1\x1a\x51\x4b\x67\xb0": "1363896240", "\xf4": "false", "\xf5": "true", "\xf6": "null", "\xf7": "null", "\xf8\xff": "null",
		"\xf9\x3c\x00": "1", "\xf9\xc4\x00": "-4", "\xf9\x00\x01": "5.960464477539063e-08", "\xf9\x7b\xff": "65504",
		"\xf9\x7c\x00": "null", "\xf9\x7e\x00": "null",
		"\xfa\x47\xc3\x50\x00": "100000", "\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a": "1.1", "\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00": "null",
	} {
		if got, whole := cborjson.JSON([]byte(item)); string(got) != want || !whole {
			t.Errorf("%x: %s, whole: %v; want %s", item, got, whole, want)
		}
	}
}

// An item that cannot be read to its end is converted as far as possible.
func TestJSON_NotWhole(t *testing.T) {
	for item, want := range map[string]string{
		"": "", "\xff": "", "\x18": "", "\x1c": "", "\x1f": "", "\x63ab": "", "\x7b\xff\xff\xff\xff\xff\xff\xff\xff": "",
		"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01": "[1,", "\xbb\xff\xff\xff\xff\xff\xff\xff\xff": "{",
		"\xa1\x01\x02": "{", "\xa2\x61a\x01\x61b": `{"a":1,"b":`, "\xbf\x61a\xff": `{"a":`, "\x9f\x01": "[1,",
		"\x7f\x41a\xff": "", "\x7f\x7f\x61a\xff\xff": "", "\x01\x02": "1", "\xdf\x01": "", "\xf9\x00": "",
	} {
		if got, whole := cborjson.JSON([]byte(item)); string(got) != want || whole {
			t.Errorf("%x: %s, whole: %v; want %s", item, got, whole, want)
		}
	}
	for _, deep := range []string{"\x81", "\xc1", "\x9f", "\xa1\x60"} {
		if got, whole := cborjson.JSON([]byte(strings.Repeat(deep, 1<<20))); whole {
			t.Errorf("%x nested in itself: %d bytes", deep, len(got))
		}
	}
}

// A whole item yields valid JSON, and every item that the SDK's decoder accepts is whole unless it is nested too
// deeply.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		"\xa2\x66__type\x63Yes\x67message\x62no", "\xbf\x66__type\x7f\x63Yes\xff\xff", "\xf9\x7e\x00",
		"\x9f\x01\xff", "\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
		"\x5f\x41a\xff", "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xa1\x62\xc3\x28\x01",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, item []byte) {
		text, whole := cborjson.JSON(item)
		if whole && !json.Valid(text) {
			t.Errorf("%x: %q is not JSON", item, text)
		}
		if len(text) > 32*len(item)+32 {
			t.Errorf("%x: %d bytes", item, len(text))
		}
		value, err := cbor.Decode(item)
		if err != nil || !json.Valid(text) {
			return
		}
		if m, ok := value.(cbor.Map); ok {
			var got map[string]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			for key, v := range m {
				said, isText := v.(cbor.String)
				if !isText || !utf8.ValidString(key) || strings.Contains(key, "\uFFFD") { // other keys may have become equal
					continue
				}
				if got[key] != strings.ToValidUTF8(string(said), "\uFFFD") {
					t.Errorf("%x: %s, and %q is %q", item, text, key, said)
				}
			}
		}
	})
}
