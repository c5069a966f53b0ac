package broker

import (
	"fmt"
	"testing"

	"countersign/signing"
)

func TestRedact_TakesOutWhatWasSentAndNothingElse(t *testing.T) {
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
