package signing

import "testing"

// Most URLs are used as they are. For the others, that only costs time.
func TestTake(t *testing.T) {
	for raw, want := range map[string]bool{
		"https://example.com/": true,
		"https://examplebucket.s3.eu-west-1.amazonaws.com/a/$:@!&'()*+,": true,
		"https://example.com/?a=b&c=&%E1%88%B4=%2F":                      true,
		"https://example.com/?a=%e1%88%b4":                               false,
		"https://example.com/?a=b=c":                                     false,
		"https://Example.com/":                                           false,
	} {
		if got := new(URL).take(raw); got != want {
			t.Errorf("take(%q) = %t, want %t", raw, got, want)
		}
	}
}

// A URL that is used as it is must be the same as if it had been parsed.
func FuzzTake_MatchesRead(f *testing.F) {
	for _, raw := range []string{
		"https://example.com/", "https://example.com/a/b?c=d&e=", "https://xn--bcher-kva.example/~a/$:@!&'()*+,;=",
		"https://127.0.0.1/?a=%2F&a=%E1%88%B4", "https://127.1/", "https://0x7f/", "https://a..b/", "https://.a/", "https://a./",
		"https://Example.com/", "https://example.com:443/", "https://example.com", "http://example.com/", "HTTPS://example.com/",
		"https://example.com/?", "https://example.com/?a", "https://example.com/?a=b&", "https://example.com/?&a=b",
		"https://example.com/?a=b&&c=d", "https://example.com/?=", "https://example.com/?a=b&=c",
		"https://example.com/?a=b=c", "https://example.com/?a=%2f", "https://example.com/?a=%e1", "https://example.com/" +
			"?a=%E1%8a", "https://example.com/?a=%41", "https://example.com/?a=%4", "https://example.com/?a=+",
		"https://example.com/?a=b;" +
			"c=d", "https://example.com/" +
			"a%20b", "https://example.com/a b", "https://example.com/#", `https://example.com/\`, "https://example.com/\x7f",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var taken, read URL
		if !taken.take(raw) {
			return
		}
		text, reason := read.read(raw)
		if read.text = string(text); read != taken || reason != "" || unreadable(raw) != "" {
			t.Errorf("%q is taken as %+v but read as %+v: %s %s", raw, taken, read, reason, unreadable(raw))
		}
	})
}
