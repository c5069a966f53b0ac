package config_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/config"
)

func TestSpoolHoldsTheLargestBodyTwice(t *testing.T) {
	load := func(pairs ...string) error {
		_, err := config.Load(config.Sources{Getenv: environment(append(pairs, "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")...)})
		return err
	}
	err := load("COUNTERSIGN_ALLOW_SEND", "true", "COUNTERSIGN_MAX_PROXY_BODY_BYTES", "3000000000")
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "max_spool_bytes") || !strings.Contains(err.Error(), "6000000000") {
		t.Errorf("got %v, want a fault that says what is needed", err)
	}
	if err := load("COUNTERSIGN_MAX_PROXY_BODY_BYTES", "3000000000"); err != nil {
		t.Errorf("nothing is sent: %v", err)
	}
	if err := load("COUNTERSIGN_ALLOW_SEND", "true", "COUNTERSIGN_MAX_PROXY_BODY_BYTES", "3000000000",
		"COUNTERSIGN_MAX_SPOOL_BYTES", "6000000000"); err != nil {
		t.Errorf("enough: %v", err)
	}
}

func TestEveryLimitHasAMinimumAndADefault(t *testing.T) {
	load := func(name, value string) (config.Config, error) {
		return config.Load(config.Sources{Getenv: environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "COUNTERSIGN_"+strings.ToUpper(name), value)})
	}
	usual, err := config.Load(config.Sources{Getenv: environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		got          func(config.Config) any
		usual, least string
		bad          []string
	}{
		"max_body_bytes": {
			func(c config.Config) any { return c.MaxBodyBytes }, "10485760", "1024",
			[]string{"1023", "-1", "1e6", "9223372036854775808", "10 MB"},
		},
		"max_bytes":       {func(c config.Config) any { return c.MaxBytes }, "134217728", "1024", []string{"1023", "-1"}},
		"max_spool_bytes": {func(c config.Config) any { return c.MaxSpoolBytes }, "4294967296", "2048", []string{"2047", "-1"}},
		"max_requests":    {func(c config.Config) any { return c.MaxRequests }, "256", "1", []string{"-1", "x"}},
		"max_connections": {func(c config.Config) any { return c.MaxConnections }, fmt.Sprint(usual.MaxConnections), "16", []string{"15", "-1"}},
		"rate_burst":      {func(c config.Config) any { return c.RateBurst }, "1000", "1", []string{"-1", "1.5"}},
		"rate_per_second": {func(c config.Config) any { return c.RatePerSecond }, "500", "1", []string{"0.5", "-1", "NaN", "-Inf", "x"}},
		"drain_seconds":   {func(c config.Config) any { return c.DrainSeconds }, "25", "1", []string{"-1", "5s"}},
		"shutdown_delay":  {func(c config.Config) any { return c.ShutdownDelay }, "0s", "0s", []string{"5", "0", "-1s", "-0s", "10m1s", "soon"}},
		"port":            {func(c config.Config) any { return c.Port }, "8080", "1", []string{"0", "-1", "65536", "http"}},
	} {
		if got := fmt.Sprint(test.got(usual)); got != test.usual {
			t.Errorf("default of %s is %s, want %s", name, got, test.usual)
		}
		if c, err := load(name, test.least); err != nil || fmt.Sprint(test.got(c)) != test.least {
			t.Errorf("%s=%s: got %v, %v", name, test.least, test.got(c), err)
		}
		for _, value := range test.bad {
			if _, err := load(name, value); err == nil || !strings.Contains(strings.ToLower(err.Error()), name) {
				t.Errorf("%s=%s: got %v, want a fault naming it", name, value, err)
			}
		}
	}
}

func TestDuplicateKeysAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"a name twice":          "port: 1\nport: 2\nallow_request_credentials: true\n",
		"a profile twice":       "profiles:\n  a: {source: environment}\n  a: {source: static}\n",
		"a second document":     "allow_request_credentials: true\n---\npolicies: other.cedar\n",
		"an unknown name":       "allow_request_credentials: true\npolicy: p.cedar\n",
		"another case":          "allow_request_credentials: true\nPort: 1\n",
		"a list":                "- allow_request_credentials\n",
		"a text":                "allow_request_credentials\n",
		"an unknown name below": "allow_request_credentials: true\nprofiles:\n  a: {source: environment, assume_role: {role: x}}\n",
		"an unknown caller":     "allow_request_credentials: true\ncallers: {api_keys: [{id: a, key: b}]}\n",
		"a wrong type":          "allow_request_credentials: true\nhttp_hosts: {a: b}\n",
		"no end":                "allow_request_credentials: true\nprofiles: {a: {",
	} {
		if c, err := config.Load(config.Sources{FileName: "f", File: []byte(text), Getenv: environment()}); err == nil {
			t.Errorf("%s: accepted: %+v", name, c)
		}
	}
	for _, text := range []string{
		"---\nallow_request_credentials: true\n", "# c\n---\nallow_request_credentials: true\n---\n",
		"allow_request_credentials: true\n...\n",
	} {
		if c, err := config.Load(config.Sources{FileName: "f", File: []byte(text), Getenv: environment()}); err != nil || !c.AllowCredentials {
			t.Errorf("%q: got %v, %v", text, c.AllowCredentials, err)
		}
	}
}
