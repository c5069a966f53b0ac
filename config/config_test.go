package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/config"
	"countersign/credentials"
)

func environment(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestOneProfileFromTheEnvironment(t *testing.T) {
	got, err := config.Load(config.Sources{Getenv: environment(
		"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_REGION", "eu-west-1", "COUNTERSIGN_ACCOUNT_ID", "123456789012",
		"COUNTERSIGN_ROLE_NAME", "orders",
		"COUNTERSIGN_EXTERNAL_ID", "e", "COUNTERSIGN_DURATION", "45m", "COUNTERSIGN_API_KEY_SHA256", strings.Repeat("0", 64),
	)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Profiles) != 1 || len(got.APIKeys) != 1 || got.MaxBodyBytes != 10<<20 || got.DrainSeconds != 25 || got.LogLevel != "info" {
		t.Fatalf("got %+v", got)
	}
	p := got.Profiles[0]
	if p.Name != "default" || p.Source != credentials.SourceEnvironment || p.Region != "eu-west-1" ||
		p.AssumeRole.AccountID != "123456789012" || p.AssumeRole.RoleName != "orders" || p.AssumeRole.ExternalID != "e" ||
		p.AssumeRole.Duration != 45*time.Minute {
		t.Errorf("got %+v %+v", p, p.AssumeRole)
	}
}

const file = `
default_profile: orders
allow_signing_time: true
http_hosts: [127.0.0.1:9000]
profiles:
  orders:
    description: Orders API in production
    region: eu-west-1
    source: base
    assume_role:
      role_arn: arn:aws:iam::123456789012:role/orders
      external_id: e
      duration: 1h
      policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
      tags: {team: crm}
  base:
    source: environment
    region: eu-west-1
callers:
  api_keys:
    - {id: crm-sync, sha256: "` + "0000000000000000000000000000000000000000000000000000000000000000" + `", expires: 2027-01-01}
`

func TestFile(t *testing.T) {
	got, err := config.Load(config.Sources{FileName: "countersign.yaml", File: []byte(file), Getenv: environment()})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Profiles) != 2 || got.Profiles[0].Name != "base" || got.Profiles[1].Name != "orders" ||
		got.DefaultProfile != "orders" || !got.AllowSigningTime {
		t.Fatalf("got %+v", got)
	}
	r := got.Profiles[1].AssumeRole
	if r.Policy != `{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}` ||
		r.Duration != time.Hour || r.Tags["team"] != "crm" {
		t.Errorf("got %+v", r)
	}
	if k := got.APIKeys[0]; k.ID != "crm-sync" || !k.Expires.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v", k)
	}
	for field, want := range map[string]string{"assume_role.external_id": "countersign.yaml:12:7: ", "sts_region": "countersign.yaml:6:3: "} {
		if err := got.Report(&credentials.ConfigError{
			Profile: "orders", Field: field, Reason: "is wrong",
		}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it at %s", field, err, want)
		}
	}
}

func TestFlagsOverrideTheEnvironmentAndTheEnvironmentOverridesTheFile(t *testing.T) {
	for _, test := range []struct {
		variable, flag, want string
	}{{"", "", "warn"}, {"debug", "", "debug"}, {"debug", "error", "error"}} {
		s := config.Sources{
			FileName: "f", File: []byte("log_level: warn\n"),
			Getenv: environment("AWS_ACCESS_KEY_ID", "a", "COUNTERSIGN_LOG_LEVEL", test.variable), Flags: map[string]string{},
		}
		if test.flag != "" {
			s.Flags["log-level"] = test.flag
		}
		got, err := config.Load(s)
		if err != nil || got.LogLevel != test.want {
			t.Errorf("%+v: got %q, %v", test, got.LogLevel, err)
		}
	}
}

func TestAllFaultsInOneReport(t *testing.T) {
	_, err := config.Load(config.Sources{
		FileName: "countersign.yaml", File: []byte("log_level: info\nprofils: {}\n"),
		Getenv: environment(
			"COUNTERSIGN_PORT", "http", "COUNTERSIGN_ALLOW_SIGNING_TIME", "perhaps", "COUNTERSIGN_DURATION", "1 hour",
			"COUNTERSIGN_LOG_LEVEL", "loud",
			"COUNTERSIGN_EXTERNAL_ID", "@Microsoft.KeyVault(SecretUri=https://EXAMPLE.vault.azure.net/secrets/a)",
		),
		Flags: map[string]string{"max-body-bytes": "many", "public-url": "sign.example.com"},
	})
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, want := range []string{
		"countersign.yaml:2:1: profils: unknown key; did you mean " +
			"profiles?", "COUNTERSIGN_PORT: must be a whole number", "COUNTERSIGN_ALLOW_SIGNING_TIME: must be true or false",
		"COUNTERSIGN_DURATION: must be a duration", "COUNTERSIGN_LOG_LEVEL: must be debug", "COUNTERSIGN_EXTERNAL_ID: is a Key Vault " +
			"reference", "--max-body-bytes: must be a whole number",
		"--public-url: must be an address",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "EXAMPLE") {
		t.Errorf("the report repeats a value: %v", err)
	}
}

// A missing profile is reported if it is the fault itself, but not if it follows from another fault.
func TestProfilesInAnotherFormAreOneFault(t *testing.T) {
	for text, want := range map[string]string{
		"profile: {a: {source: environment}}\n":    "f:1:1: profile: unknown key; did you mean profiles?",
		"profile:\n  a: {source: environment}\n":   "f:1:1: profile: unknown key; did you mean profiles?",
		"profiles:\n- {source: environment}\n":     "f:2:1: profiles: must be a mapping of names to values",
		"profiles: environment\n":                  "f:1:11: profiles: must be a mapping of names to values",
		"profiles:\n":                              "f:1:11: profiles: has no value; give it one, or remove the line",
		"profile: a\nprofiles: {a: {region: x}}\n": "f:1:1: profile: unknown key; did you mean default_profile?",
	} {
		_, err := config.Load(config.Sources{FileName: "f", File: []byte(text), Getenv: environment()})
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestFaultsNeverQuoteTheFile(t *testing.T) {
	_, err := config.Load(config.Sources{
		FileName: "f", File: []byte("profiles:\n  a: {source: static, secret_access_key: [EXAMPLESECRET]}\n"), Getenv: environment(),
	})
	if err == nil || strings.Contains(err.Error(), "EXAMPLESECRET") {
		t.Errorf("got %v", err)
	}
}

func TestDefaultProfileSettingsCannotBeCombinedWithProfilesInTheFile(t *testing.T) {
	_, err := config.Load(config.Sources{
		FileName: "f", File: []byte(file), Getenv: environment("COUNTERSIGN_ROLE_ARN", "arn:aws:iam::123456789012:role/x"),
	})
	if err == nil || !strings.Contains(err.Error(), "the file has profiles") {
		t.Errorf("got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(file), "1h", "true")
	f.Add([]byte("profiles: {a: {source: static}}"), "", "")
	f.Add([]byte("- a\n- b"), "x", "y")
	f.Fuzz(func(t *testing.T, data []byte, duration, flag string) {
		got, err := config.Load(config.Sources{
			FileName: "f", File: data, Getenv: environment("COUNTERSIGN_DURATION", duration),
			Flags: map[string]string{"allow-signing-time": flag},
		})
		if err == nil && len(got.Profiles) == 0 && !got.AllowCredentials {
			t.Error("a configuration without profiles passed")
		}
		_ = fmt.Sprint(err)
		_ = got.Report(err)
	})
}
