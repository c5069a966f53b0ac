package broker

import "testing"

// FuzzUndecoded checks that every body is handled, and that a text with a non-Base64 character is not taken for Base64.
func FuzzUndecoded(f *testing.F) {
	for _, seed := range []string{
		"iVBORw0KGgo=", "JVBERi0xLjcK", "data:image/png;base64,", `{"$content":""}`, "\ufffdPNG", "H4sIAAAAAAAA\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		undecoded(body)
		garbled(body)
		unevaluated(string(body))
		if name := base64File(append(body[:len(body):len(body)], '!')); name != "" {
			t.Errorf("%q! is taken for a %s", body, name)
		}
	})
}
