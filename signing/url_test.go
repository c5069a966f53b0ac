package signing_test

import (
	"errors"
	"testing"

	"countersign/signing"
)

func mustParse(t testing.TB, raw string) signing.URL {
	t.Helper()
	u, _, err := signing.ParseURL(raw, nil)
	if err != nil {
		t.Fatalf("ParseURL(%q): %v", raw, err)
	}
	return u
}

func TestParseURL_ReturnsTheWireForm(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"wire form stays", "https://example.com/a/b?c=d&e=", "https://example.com/a/b?c=d&e="},
		{"empty path is a slash", "https://example.com", "https://example.com/"},
		{"a slash is put before the query", "https://example.com?x", "https://example.com/?x="},
		{"scheme and host in lower case", "HTTPS://Example.COM/A", "https://example.com/A"},
		{"default port dropped", "https://example.com:443/", "https://example.com/"},
		{"default port of http dropped", "http://example.com:80/", "http://example.com/"},
		{"the other scheme's port kept", "http://example.com:443/", "http://example.com:443/"},
		{"port without leading zeros", "https://example.com:08182/", "https://example.com:8182/"},
		{"IPv6 kept in brackets", "https://[::1]:8443/", "https://[::1]:8443/"},
		{"IPv4", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/"},
		{"space and non-ASCII in a path encoded once", "https://e.com/a b/ሴ", "https://e.com/a%20b/%E1%88%B4"},
		{"escapes in a path stay as they are", "https://e.com/a%3Ab%2fc", "https://e.com/a%3Ab%2fc"},
		{"characters allowed in a path stay as they are", "https://e.com/$:@!&'()*+,;=~", "https://e.com/$:@!&'()*+,;=~"},
		{"characters not allowed in a path are encoded", `https://e.com/"<>[]^{|}` + "`", "https://e.com/%22%3C%3E%5B%5D%5E%7B%7C%7D%60"},
		{"parameter without =", "https://e.com/?a&b", "https://e.com/?a=&b="},
		{"empty pieces dropped", "https://e.com/?&a=1&&=&b=2&", "https://e.com/?a=1&b=2"},
		{"nothing but empty pieces", "https://e.com/?=&", "https://e.com/"},
		{"empty query dropped", "https://e.com/?", "https://e.com/"},
		{"empty name kept", "https://e.com/?=b", "https://e.com/?=b"},
		{"repeated names kept in order", "https://e.com/?b=2&a=1&b=1", "https://e.com/?b=2&a=1&b=1"},
		{"only the first = separates", "https://e.com/?a=b=c", "https://e.com/?a=b%3Dc"},
		{"query encoded strictly", "https://e.com/?a=!'()*/:@$,~", "https://e.com/?a=%21%27%28%29%2A%2F%3A%40%24%2C~"},
		{"query escapes in upper case", "https://e.com/?a=%2f%7e", "https://e.com/?a=%2F~"},
		{"a second question mark is data", "https://e.com/?a=b?c", "https://e.com/?a=b%3Fc"},
		{"non-ASCII in a query", "https://e.com/?ሴ=bar", "https://e.com/?%E1%88%B4=bar"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mustParse(t, tt.raw)
			if got.String() != tt.want {
				t.Errorf("ParseURL(%q) = %q, want %q", tt.raw, got, tt.want)
			}
			if again := mustParse(t, got.String()); again != got {
				t.Errorf("ParseURL(%q) = %q, want the same", got, again)
			}
		})
	}
}

func TestParseURL_Parts(t *testing.T) {
	u := mustParse(t, "HTTP://Example.com:80/a//b?x=1&y")
	for _, tt := range []struct{ name, got, want string }{
		{"Scheme", u.Scheme(), "http"},
		{"Host", u.Host(), "example.com"},
		{"Path", u.Path(), "/a//b"},
		{"RawQuery", u.RawQuery(), "x=1&y="},
	} {
		if tt.got != tt.want {
			t.Errorf("%s() = %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	var zero signing.URL
	if got := zero.Scheme() + zero.Host() + zero.Path() + zero.RawQuery() + zero.String(); got != "" {
		t.Errorf("parts of the zero URL = %q, want none", got)
	}
}

func TestParseURL_WarnsThatPlusIsASpace(t *testing.T) {
	u, warnings, err := signing.ParseURL("https://e.com/a+b?q=a+b%2B", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.String(), "https://e.com/a+b?q=a%20b%2B"; got != want {
		t.Errorf("ParseURL = %q, want %q", got, want)
	}
	if len(warnings) != 1 || warnings[0].Code != "plus_is_space" {
		t.Errorf("warnings = %v, want plus_is_space", warnings)
	}
}

func TestParseURL_AddsParameters(t *testing.T) {
	add := []signing.Parameter{{Name: "a b", Value: "1+1=2&c"}, {Name: "empty"}}
	for _, tt := range []struct{ raw, want string }{
		{"https://e.com", "https://e.com/?a%20b=1%2B1%3D2%26c&empty="},
		{"https://e.com/?x", "https://e.com/?x=&a%20b=1%2B1%3D2%26c&empty="},
	} {
		u, _, err := signing.ParseURL(tt.raw, add)
		if err != nil || u.String() != tt.want {
			t.Errorf("ParseURL(%q, add) = %q, %v, want %q", tt.raw, u, err, tt.want)
		}
		if got := u.Query(); got[len(got)-2] != add[0] || got[len(got)-1] != add[1] {
			t.Errorf("Query() = %q, want it to end with %q", got, add)
		}
	}
	_, _, err := signing.ParseURL("https://e.com", []signing.Parameter{{Name: "a"}, {Value: "b"}})
	if input := wantInputError(t, err); input.Part != signing.InputQuery || input.Index != 1 {
		t.Errorf("ParseURL with a nameless parameter: %+v, want query[1]", input)
	}
}

func TestParseURL_Rejects(t *testing.T) {
	for _, tt := range []struct{ name, raw string }{
		{"nothing", ""},
		{"no scheme", "example.com/"},
		{"another scheme", "ftp://example.com/"},
		{"a scheme in look-alike letters", "http\u017f://example.com/"},
		{"an opaque URL", "https:example.com"},
		{"a missing host", "https:///path"},
		{"a port without a host", "https://:443/"},
		{"an empty port", "https://example.com:/"},
		{"port zero", "https://example.com:0/"},
		{"a port too high", "https://example.com:65536/"},
		{"a port with a sign", "https://example.com:+80/"},
		{"user information", "https://user:pass@example.com/"},
		{"empty user information", "https://@example.com/"},
		{"a fragment", "https://example.com/#top"},
		{"an empty fragment", "https://example.com/#"},
		{"a backslash", `https://example.com\@evil.com/`},
		{"a line feed", "https://example.com/\n"},
		{"a carriage return in the query", "https://example.com/?a=\r"},
		{"NUL", "https://example.com/\x00"},
		{"DEL", "https://example.com/\x7f"},
		{"invalid UTF-8", "https://example.com/\xff"},
		{"a space in the host", "https://exa mple.com/"},
		{"a space before", " https://example.com/"},
		{"a host with a non-ASCII letter", "https://exämple.com/"},
		{"an encoded host", "https://ex%61mple.com/"},
		{"a host that ends with a dot", "https://example.com./"},
		{"a host with an empty label", "https://example..com/"},
		{"a short IPv4 address", "http://127.1/"},
		{"an IPv4 address as one number", "http://2130706433/"},
		{"an IPv4 address in hexadecimal", "http://0x7f000001/"},
		{"an IPv4 address in octal", "http://0177.0.0.1/"},
		{"a long IPv6 address", "http://[0:0:0:0:0:0:0:1]/"},
		{"an IPv6 address with a zone", "http://[fe80::1%25eth0]/"},
		{"an open bracket", "http://[::1/"},
		{"a bad escape in the path", "https://example.com/%zz"},
		{"a truncated escape in the path", "https://example.com/%4"},
		{"a bad escape in the query", "https://example.com/?a=%zz"},
		{"a truncated escape in a name", "https://example.com/?%=1"},
		{"a semicolon in the query", "https://example.com/?a=1;b=2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, _, err := signing.ParseURL(tt.raw, nil)
			if err == nil {
				t.Fatalf("ParseURL(%q) = %q, want an error", tt.raw, u)
			}
			if input := wantInputError(t, err); input.Part != signing.InputURL || input.Index != -1 {
				t.Errorf("ParseURL(%q): %+v, want field url", tt.raw, input)
			}
		})
	}
}

func wantInputError(t *testing.T, err error) *signing.InputError {
	t.Helper()
	var input *signing.InputError
	if !errors.As(err, &input) {
		t.Fatalf("got %v, want an InputError", err)
	}
	return input
}

func TestNormalizePath(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"/", "/"},
		{"//", "/"},
		{"/a/b", "/a/b"},
		{"/a/b/", "/a/b/"},
		{"//a//b//", "/a/b/"},
		{"/./", "/"},
		{"/./a", "/a"},
		{"/a/.", "/a/"},
		{"/a/b/..", "/a/"},
		{"/a/..", "/"},
		{"/a/../b", "/b"},
		{"/../../a", "/a"},
		{"/a/%2e%2E/b", "/b"},
		{"/a/.%2e/b/%2e", "/b/"},
		{"/...", "/..."},
		{"/..a/a../.a", "/..a/a../.a"},
		{"/%2e%2e%2e", "/..."},
		{"/a%2f../b", "/a%2F../b"},
		{"/%7Euser/%41%2D%5f", "/~user/A-_"},
		{"/%c3%bc%20:@!", "/%C3%BC%20:@!"},
	} {
		u := mustParse(t, "https://e.com"+tt.path+"?q=/../")
		got := u.NormalizePath()
		if want := "https://e.com" + tt.want + "?q=%2F..%2F"; got.String() != want {
			t.Errorf("NormalizePath of %q = %q, want %q", tt.path, got, want)
		}
		if got.Path() != tt.want || got.RawQuery() != u.RawQuery() || got.Host() != "e.com" {
			t.Errorf("parts of %q = %q %q %q", got, got.Host(), got.Path(), got.RawQuery())
		}
	}
}

func TestCleanS3Key(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"/test$file.text", "/test%24file.text"},
		{"/a+b=c@d:e", "/a%2Bb%3Dc%40d%3Ae"},
		{"/a//b//", "/a//b//"},
		{"/%252F", "/%252F"},
		{"/a%2fb", "/a/b"},
		{"/a%7Eb~", "/a~b~"},
		{"/photos/ሴ 1.jpg", "/photos/%E1%88%B4%201.jpg"},
	} {
		got, err := mustParse(t, "https://b.s3.amazonaws.com"+tt.path).CleanS3Key()
		if err != nil || got.Path() != tt.want {
			t.Errorf("CleanS3Key of %q = %q, %v, want %q", tt.path, got.Path(), err, tt.want)
		}
	}
	for path, want := range map[string]string{
		"/a/../b+@": "/a/../b%2B%40", "/./a": "/./a", "/a/%2e%2e/b": "/a/%2e%2e/b", "/a%2F..%2Fb+": "/a%2F..%2Fb%2B", "/..": "/..",
	} {
		u := mustParse(t, "https://b.s3.amazonaws.com"+path)
		if got := u.EscapeS3Key(); got.Path() != want {
			t.Errorf("EscapeS3Key of %q = %q, want %q", path, got.Path(), want)
		}
		got, err := u.CleanS3Key()
		if err == nil {
			t.Errorf("CleanS3Key of %q = %q, want an error", path, got)
			continue
		}
		_ = wantInputError(t, err)
	}
}

func TestCanonicalURI(t *testing.T) {
	for _, tt := range []struct {
		path   string
		single bool
		want   string
	}{
		{"", false, "/"},
		{"/model/anthropic.claude-v2:1/invoke", false, "/model/anthropic.claude-v2%3A1/invoke"},
		{"/model/anthropic.claude-v2%3A1/invoke", false, "/model/anthropic.claude-v2%253A1/invoke"},
		{"/a%2fb", false, "/a%252fb"},
		{"/test$file.text", true, "/test%24file.text"},
		{"/test%24file.text", true, "/test%24file.text"},
		{"/%zz", true, "/%25zz"},
	} {
		if got := signing.CanonicalURI(tt.path, tt.single); got != tt.want {
			t.Errorf("CanonicalURI(%q, %t) = %q, want %q", tt.path, tt.single, got, tt.want)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"", ""},
		{"b=2&a=1", "a=1&b=2"},
		{"a1=x&a=y&a-=z", "a=y&a-=z&a1=x"},
		{"a=2&a=10&a=1", "a=1&a=10&a=2"},
		{"B=1&a=1&_=1&A=1", "A=1&B=1&_=1&a=1"},
		{"%C3%A9=1&z=1&~=1", "%C3%A9=1&z=1&~=1"},
		{"lifecycle", "lifecycle="},
		{"&&a&=", "a="},
		{"a=x+y", "a=x%20y"},
	} {
		got, err := signing.CanonicalQuery(tt.raw)
		if err != nil || got != tt.want {
			t.Errorf("CanonicalQuery(%q) = %q, %v, want %q", tt.raw, got, err, tt.want)
		}
	}
	for _, raw := range []string{"a=%", "%zz", "a;b"} {
		if got, err := signing.CanonicalQuery(raw); err == nil {
			t.Errorf("CanonicalQuery(%q) = %q, want an error", raw, got)
		}
	}
}
