package reading

import (
	"flag"
	"strings"
	"testing"
)

// hostile are texts that a reader with quadratic work or deep recursion would not finish.
var hostile = map[string]string{
	"open braces":              "{",
	"open brackets":            `[{"a":`,
	"objects in lines":         "{\"a\n",
	"unclosed strings":         "{\"",
	"escaped braces":           `{\"`,
	"escaped braces in lines":  "x {\\\"a\n",
	"quoted documents":         "\"{\n",
	"backslashes":              `{"a":"\\`,
	"open tags":                "<Error>",
	"tags without an end":      "<Error ",
	"closing tags":             "</Error>",
	"entities":                 "<Code>&amp;",
	"document types":           "<!DOCTYPE x [<!ENTITY a \"b\">",
	"request lines":            "GET / HTTP/1.1\n",
	"status lines":             "HTTP/1.1 403 Forbidden\n",
	"headers":                  "A: b\n",
	"folded headers":           "GET / HTTP/1.1\nA: b\n c\n",
	"trace lines":              "> GET / HTTP/1.1\n",
	"trace of a response":      "< HTTP/1.1 403 x\n",
	"curl lines":               "curl '\n",
	"curl substitutions":       "curl $(",
	"curl brackets":            "curl \"${",
	"curl lines that go on":    "curl \\\n",
	"options":                  "curl -d a -H 'A: b' ",
	"cmd lines":                "curl ^\"\n",
	"cmd carets":               "curl ^\"^",
	"backticks":                "curl.exe \"`\n",
	"tables":                   "irm @{a=@{",
	"variables":                "irm $a -Body $b\n$a = 1\n",
	"calls":                    "fetch(",
	"calls of calls":           "fetch(f(g(",
	"addresses":                "https://h.example/?X-Amz-Signature= ",
	"canonical requests":       "GET\n/\n",
	"strings to sign":          "AWS4-HMAC-SHA256\n20261128T190748Z\n",
	"sentences":                "The Canonical String for this request should have been '",
	"sentences, repeated code": "AccessDenied: The request signature we calculated does not match ",
	"code before a colon":      "SignatureDoesNotMatch:",
	"an error occurred":        "An error occurred (",
	"named values":             `Code: "`,
	"tokens":                   "X-Amz-Security-Token:",
	"tokens with blanks":       "x-amz-security-token: aaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ",
	"separators":               ":",
	"separators and quotes":    `\"\":`,
	"authorities":              "https://a:",
	"blanks":                   " ",
	"line feeds":               "\n",
	"carriage returns":         "\r",
	"quotes":                   "\"",
	"prompts":                  "C:\\>",
	"placeholders":             "curl $A",
	"commas":                   "{,",
	"slashes":                  "{//",
	"comments":                 "{/*",
	"hex":                      "<CanonicalRequestBytes>41 ",
	"base64":                   `{"$content":"QUFB`,
	"not UTF-8":                "\xff\xfe",
	"zeros":                    "\x00",
	"nested documents":         `{"a":"{\"b\":\"{\\\"c\\\":1}\"}"},`,
	"words":                    "a ",
}

var hostileSize = flag.Int("hostile", 32<<10, "how long the hostile texts are")

func TestRead_HostileTextsFinish(t *testing.T) {
	size := *hostileSize
	if testing.Short() {
		size /= 4
	}
	for name, unit := range hostile {
		t.Run(name, func(t *testing.T) {
			text := strings.Repeat(unit, size/len(unit))
			r := Read(text)
			checkReading(t, text, &r)
			if len(r.Exchanges) > maxExchanges || len(r.Notes) > maxNotes {
				t.Errorf("%d exchanges, %d notes", len(r.Exchanges), len(r.Notes))
			}
		})
	}
}

func TestRead_NestingIsBounded(t *testing.T) {
	text := strings.Repeat("[", 100_000)
	if r := Read(`{"a":` + text); !r.Cut && len(r.Notes) == 0 {
		t.Error("the limit was not noted")
	}
	deep := `{"message":"x"}`
	for range 12 {
		deep = quoted(deep)
	}
	r := Read(deep)
	checkReading(t, deep, &r)
}

func TestRead_TooLongIsNoted(t *testing.T) {
	r := Read("GET / HTTP/1.1\nHost: h.example\n\n" + strings.Repeat("a", MaxText))
	if !r.Cut || len(r.Notes) == 0 || r.Notes[0].Code != "too_long" || !r.Notes[0].Error {
		t.Errorf("notes %v", r.Notes)
	}
}

func TestRead_EmptyTexts(t *testing.T) {
	for _, text := range []string{"", " ", "\n", "\ufeff", "\x00"} {
		r := Read(text)
		if len(r.Exchanges) != 0 || r.Request() != nil || r.Response() != nil || r.Refusal() != nil {
			t.Errorf("%q holds %d exchanges", text, len(r.Exchanges))
		}
	}
}
