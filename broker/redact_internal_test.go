package broker

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"countersign/signing"
)

func TestRedact_RemovesSecretsAndNothingElse(t *testing.T) {
	const token = "token/EXAMPLE+of=a-session"
	for _, test := range []struct{ token, header, text, want string }{
		{"", "", "", ""},
		{"", "", "nothing was sent that is secret", "nothing was sent that is secret"},
		{token, "", "", ""},
		{token, "", "token of a session", "token of a session"},
		{token, "", "'" + token + "' and '" + token + "'", "'…' and '…'"},
		{token, "", "'token%2FEXAMPLE\\u002bof&#61;a-session'", "'…'"},
		{token, "", fmt.Sprintf("'%x', '%X', '% x'", token, token, token), "'…', '…', '…'"},
		{"", "key/1", "'key/1'", "'…'"},
		{token, "key/1", "'key/1', '" + token + "'", "'…', '…'"},
		{token, "EXAMPLE", "'EXAMPLE', '" + token + "'", "'…', '…'"},
		{token, "token", "'token', '" + token + "'", "'…', '…'"},
		{token, token + "-and-more", "'" + token + "-and-more', '" + token + "'", "'…', '…'"},
	} {
		s := &Sent{Held: Held{Credentials: signing.NewCredentials("ASIAIOSFODNN7EXAMPLE", "secret", test.token)}}
		if test.header != "" {
			s.upstream = []UpstreamHeader{{name: "x-api-key", value: &test.header}}
		}
		for range 2 {
			if got := s.Redact(test.text); got != test.want {
				t.Errorf("token %q, header %q: got %q, want %q", test.token, test.header, got, test.want)
			}
		}
	}
}

// No half of a token is left where a text is cut.
func TestRedact_CutsNoTokenInTwo(t *testing.T) {
	const token = "token/EXAMPLE+of=a-session"
	s := &Sent{Held: Held{Credentials: signing.NewCredentials("ASIAIOSFODNN7EXAMPLE", "secret", token)}}
	for _, spelled := range []string{token, "token%2FEXAMPLE\\u002bof&#61;a-session", fmt.Sprintf("% X", token)} {
		text := "0123456789" + spelled + "0123456789" + spelled + "0123456789"
		for n := range len(text) + 1 {
			got, of := s.RedactBeginning(text, n)
			want := s.Redact(text[:of])
			if got != want || of < n || strings.Contains(got, "token") || strings.Contains(got, "74 6F") {
				t.Errorf("%d bytes of %q: %q for %d, want %q", n, text, got, of, want)
			}
		}
	}
}

// A text of any length, read in pieces of any size, contains no token.
func TestRedacted_FindsTokensAnywhere(t *testing.T) {
	const token = "token/EXAMPLE+of=a-session"
	s := &Sent{Held: Held{Credentials: signing.NewCredentials("ASIAIOSFODNN7EXAMPLE", "secret", token)}}
	for _, between := range []int{Overhang - 13, Overhang, 2*Overhang - 13, 3 * Overhang} {
		clean := strings.Repeat("x", between)
		text, want := strings.Repeat(clean+token, 4)+clean, strings.Repeat(clean+"…", 4)+clean
		for name, from := range map[string]io.Reader{
			"at once": strings.NewReader(text), "by halves": iotest.HalfReader(strings.NewReader(text)),
			"with the end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := io.ReadAll(&redacted{sent: s, from: from})
			if err != nil || string(got) != want {
				t.Errorf("%d bytes between, %s: %d bytes, %v; want %d", between, name, len(got), err, len(want))
			}
		}
		broken := errors.New("broken")
		got, err := io.ReadAll(&redacted{sent: s, from: io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))})
		if !errors.Is(err, broken) || string(got) != want {
			t.Errorf("%d bytes between, broken off: %d bytes, %v", between, len(got), err)
		}
	}
}
