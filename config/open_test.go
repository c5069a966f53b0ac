package config_test

import (
	"strings"
	"testing"
)

// Without authentication, only this machine may have requests sent.
func TestLoad_SendingForEveryoneNeedsAnAddressOfThisMachine(t *testing.T) {
	for text, refused := range map[string]bool{
		"":                          false, // 127.0.0.1
		"address: 127.0.0.2":        false,
		"address: '::1'":            false,
		"address: localhost":        false,
		"address: unix:/run/c/http": false,
		"address: 0.0.0.0":          true,
		"address: '::'":             true,
		"address: 10.0.0.4":         true,
		"address: sign.internal":    true,
	} {
		_, err := load("auth: none\nallow_send: true\n" + text + "\n")
		if got := err != nil && strings.Contains(err.Error(), `f:1:1: auth: "none" cannot be used with allow_send`); got != refused ||
			!refused && err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if _, err = load("auth: none\n" + text + "\n"); err != nil {
			t.Errorf("%s, without allow_send: %v", text, err)
		}
		const key = "api_key_sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
		if _, err = load(key + "allow_send: true\n" + text + "\n"); err != nil {
			t.Errorf("%s, with a key: %v", text, err)
		}
	}
	// The Functions host authenticates, and reaches the program over loopback, whatever the address is set to.
	if _, err := load("auth: none\nallow_send: true\naddress: 0.0.0.0\n", "FUNCTIONS_CUSTOMHANDLER_PORT", "7071"); err != nil {
		t.Error(err)
	}
}
