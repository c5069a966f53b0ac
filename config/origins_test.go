package config_test

import (
	"strings"
	"testing"
)

func TestAllowOrigins_MustBeExactAndNeedCallersWithTokens(t *testing.T) {
	const tokens = "callers:\n  oidc: [{name: shop, issuer: 'https://shop.example/', audience: a, everyone: true}]\n"
	const profile = "profiles: {a: {source: environment}}\n"
	for text, want := range map[string]string{
		"allow_origins: [https://app.example.com]\n" + tokens:                                                    "",
		"allow_origins: [https://app.example.com:8443, 'http://localhost:5173', 'http://[::1]:5173']\n" + tokens: "",
		"allow_origins: [https://app.example.com]\n": "needs callers.oidc, " +
			"callers.entra or callers.guest",
		"auth: none\nallow_origins: [https://app.example.com]\n": "cannot be used with auth none",
		"allow_origins: [https://app.example.com/]\n" +
			tokens: "f:1:17: allow_origins[0]: must be an origin",
		"allow_origins: [https://app.example.com/a]\n" + tokens:                         "must be an origin",
		"allow_origins: [https://app.example.com:443]\n" + tokens:                       "must be an origin",
		"allow_origins: ['http://localhost:80']\n" + tokens:                             "must be an origin",
		"allow_origins: [http://app.example.com]\n" + tokens:                            "must be an origin",
		"allow_origins: [https://App.example.com]\n" + tokens:                           "must be an origin",
		"allow_origins: ['https://*.example.com']\n" + tokens:                           "must be an origin",
		"allow_origins: ['*']\n" + tokens:                                               "must be an origin",
		"allow_origins: ['null']\n" + tokens:                                            "must be an origin",
		"allow_origins: ['https://user@app.example.com']\n" + tokens:                    "must be an origin",
		"allow_origins: ['https://app.example.com?a']\n" + tokens:                       "must be an origin",
		"allow_origins: ['app.example.com']\n" + tokens:                                 "must be an origin",
		"allow_origins: ['https://']\n" + tokens:                                        "must be an origin",
		"callers: {guest: {profiles: [a]}}\nallow_origins: [https://app.example.com]\n": "",
		"callers: {guest: {profiles: [a, b]}}\n":                                        "callers.guest.profiles[1]: is not a profile",
	} {
		_, err := load(profile + text)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), strings.Replace(want, "f:1:", "f:2:", 1))):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
