package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/config"
)

// load reads a file for a configuration that needs no profile.
func load(text string, pairs ...string) (config.Config, error) {
	return config.Load(config.Sources{FileName: "f", File: []byte(text), Getenv: environment(pairs...), NoProfiles: true})
}

func TestFile_TextsAreTakenLiterally(t *testing.T) {
	for written, want := range map[string]string{
		"0123": "0123", "1.10": "1.10", "0x1F": "0x1F", "1_000": "1_000", ".inf": ".inf", "-.inf": "-.inf", ".nan": ".nan", "yes": "yes",
		"no": "no", "true": "true", "True": "True",
		"2026-01-01": "2026-01-01", "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z", "1e3": "1e3", "+1": "+1", "0b11": "0b11", "0o17": "0o17",
		"12:30:45": "12:30:45", "1__0": "1__0", "00": "00",
		"9999999999999999999999": "9999999999999999999999", "-0": "-0", "1.": "1.", "0123 # a comment": "0123", "'0123'": "0123",
		`"0123"`: "0123", `"a\tb"`: "a\tb", "!!str 0123": "0123",
		"&anchor 0123": "0123", "|-\n        0123": "0123", ">-\n        a\n        b": "a b", "a b": "a b",
	} {
		got, err := load("profiles:\n  p:\n    source: environment\n    region: eu-west-1\n    assume_role:\n      " +
			"external_id: " + written + "\n")
		if err != nil || got.Profiles[0].AssumeRole.ExternalID != want {
			t.Errorf("external_id: %s: got %q, %v, want %q", written, got.Profiles[0].AssumeRole.ExternalID, err, want)
		}
	}
}

func TestFile_TextsAreTakenLiterallyEverywhere(t *testing.T) {
	got, err := load(`
default_profile: 007
http_hosts: [1.10, 0010]
profiles:
  0777:
    source: 0123
    region: 1.10
    access_key_id: 012
    secret_access_key: 0x1F
    hosts: {1.10: {service: 010, region_set: [0123]}}
    assume_role:
      account_id: 012345678901
      tags: {2024: 1.10, 010: yes, on: 0o7}
      transitive_tags: [2024, 010]
      policy_arns: [0123]
      policy: {Version: 2012-10-17, Statement: [{Condition: {NumericLessThan: {"s3:max-keys": 10, n: 1.10}, Bool: {b: true},
        StringEquals: {"aws:SourceAccount": 012345678901, h: 0x1F, u: 1_0}}}]}
callers:
  api_keys: [{id: 0042, sha256: 0000000000000000000000000000000000000000000000000000000000000001}]
  entra: {tenant: 012, audience: 010, roles: [0777], callers: {0123: 0456}}
  trusted_header: {tenant: 1.10, roles: [1_000]}
`)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Profiles[0]
	for what, texts := range map[string][2]string{
		"http_hosts": {
			fmt.Sprint(got.HTTPHosts), "[1.10 0010]",
		}, "default_profile": {got.DefaultProfile, "007"}, "name": {p.Name, "0777"}, "source": {p.Source, "0123"}, "region": {p.Region, "1.10"},
		"access_key_id": {p.Keys.AccessKeyID, "012"}, "secret_access_key": {p.Keys.SecretAccessKey(), "0x1F"}, "hosts": {
			fmt.Sprint(got.Hosts["0777"]), "[{1.10 010  [0123]}]",
		},
		"account_id": {p.AssumeRole.AccountID, "012345678901"}, "tags": {
			fmt.Sprint(p.AssumeRole.Tags), "map[010:yes 2024:1.10 on:0o7]",
		}, "transitive_tags": {fmt.Sprint(p.AssumeRole.TransitiveTags), "[2024 010]"},
		"policy_arns": {fmt.Sprint(p.AssumeRole.PolicyARNs), "[0123]"}, "id": {got.APIKeys[0].ID, "0042"}, "sha256": {
			got.APIKeys[0].SHA256, strings.Repeat("0", 63) + "1",
		}, "tenant": {got.Entra.Tenant, "012"},
		"audience": {fmt.Sprint(got.Entra.Audiences), "[010]"}, "roles": {fmt.Sprint(got.Entra.Roles), "[0777]"}, "callers": {
			fmt.Sprint(got.Entra.Callers), "map[0123:0456]",
		}, "trusted": {
			got.TrustedHeader.Tenant + got.TrustedHeader.Roles[0], "1.101_000",
		},
		"policy": {
			p.AssumeRole.Policy,
			`{"Statement":[{"Condition":{"Bool":{"b":true},"NumericLessThan":{"n":1.10,"s3:max-keys":10},"StringEquals":{"aws:SourceAccount":` +
				`"012345678901","h":"0x1F","u":"1_0"}}}],"Version":"2012-10-17"}`,
		},
	} {
		if texts[0] != texts[1] {
			t.Errorf("%s: got %s, want %s", what, texts[0], texts[1])
		}
	}
	if !json.Valid([]byte(p.AssumeRole.Policy)) {
		t.Errorf("the policy is not JSON: %s", p.AssumeRole.Policy)
	}
}

func TestFile_EveryUnknownKeyIsReportedWithItsPosition(t *testing.T) {
	_, err := load(
		"port: 80\ncallrs: {}\nprofiles:\n  a:\n    regoin: eu-west-1\n    source: environment\n    assume_rol: {role_arn: x}\n  b: "+
			"{source: a, foo: 1, bar: 2}\n",
		"COUNTERSIGN_DURATION", "soon",
	)
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, want := range []string{
		"f:2:1: callrs: unknown key; did you mean callers?", "f:5:5: profiles.a.regoin: unknown key; did you mean region?",
		"f:7:5: profiles.a.assume_rol: unknown key; did you mean assume_role?",
		"f:8:18: profiles.b.foo: ", "f:8:26: profiles.b.bar: ", "COUNTERSIGN_DURATION: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report lacks %q:\n%v", want, err)
		}
	}
}

func TestFile_AByteOrderMarkIsAccepted(t *testing.T) {
	if got, err := load("\xef\xbb\xbfport: 81\r\n"); err != nil || got.Port != 81 {
		t.Errorf("got %d, %v", got.Port, err)
	}
	for name, text := range map[string]string{"little": "\xff\xfep\x00", "big": "\xfe\xff\x00p"} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), "is UTF-16; save it as UTF-8") {
			t.Errorf("UTF-16, %s endian: got %v", name, err)
		}
	}
}

func TestFile_NestedAliasesAreLimited(t *testing.T) {
	var text strings.Builder
	text.WriteString("profiles:\n  a:\n    source: environment\n    assume_role:\n      policy:\n        a0: &a0 [x, x, x, x, x, x," +
		" x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&text, "        a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	if _, err := load(text.String()); err == nil || !strings.Contains(err.Error(), "more than 100000 nodes") {
		t.Errorf("got %.200v", err)
	}
	for _, text := range []string{
		"profiles:\n  a:\n    assume_role:\n      policy: &p {a: *p}\n", "profiles:\n  a: &a\n    <<: *a\n",
		"profiles:\n  a: &a\n    <<: [*a, *a]\n", "callers: &c {entra: *c}\n",
	} {
		if _, err := load(text); err == nil {
			t.Errorf("an alias of itself is accepted:\n%s", text)
		}
	}
}

func TestSecretFiles_WorkForEverySecret(t *testing.T) {
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte("\xef\xbb\xbf a-secret\r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := load("profiles:\n  p:\n    source: static\n    "+
		"access_key_id_file: "+name+"\n    secret_access_key_file: "+name+"\n    session_token_file: "+name+
		"\n    assume_role: {role_arn: x, external_id_file: "+name+"}\ncallers: {api_keys: [{id: a, sha256_file: "+name+"}]}\n",
		"COUNTERSIGN_API_KEY_SHA256_FILE", name, "AWS_ACCESS_KEY_ID_FILE", name, "AWS_SECRET_ACCESS_KEY_FILE", name,
		"AWS_SESSION_TOKEN_FILE", name)
	if err != nil {
		t.Fatal(err)
	}
	p := got.Profiles[0]
	env := got.Environment(environment("AWS_REGION", "here"))
	for what, text := range map[string]string{
		"access_key_id": p.Keys.AccessKeyID, "secret_access_key": p.Keys.SecretAccessKey(), "session_token": p.Keys.SessionToken(),
		"external_id": p.AssumeRole.ExternalID,
		"sha256":      got.APIKeys[0].SHA256, "api_key_sha256": got.APIKeys[1].SHA256, "id of the environment": env("AWS_ACCESS_KEY_ID"),
		"key of the environment": env("AWS_SECRET_ACCESS_KEY"), "token of the environment": env("AWS_SESSION_TOKEN"),
	} {
		if text != "a-secret" {
			t.Errorf("%s is %q", what, text)
		}
	}
	if env("AWS_REGION") != "here" {
		t.Error("other variables are lost")
	}
	got, err = config.Load(config.Sources{
		Getenv: environment("COUNTERSIGN_EXTERNAL_ID_FILE", name, "COUNTERSIGN_ROLE_ARN", "x", "AWS_ACCESS_KEY_ID_FILE", name),
	})
	if err != nil || got.Profiles[0].AssumeRole.ExternalID != "a-secret" {
		t.Errorf("COUNTERSIGN_EXTERNAL_ID_FILE: got %+v, %v", got.Profiles, err)
	}
}

func TestPrint_ShowsEffectiveValuesAndTheirOrigins(t *testing.T) {
	got, err := config.Load(config.Sources{
		FileName: "f", File: []byte("log_level: warn\nmax_requests: 7\nprofiles:\n  orders: {source: static, access_key_id: " +
			"EXAMPLESECRET1, secret_access_key: EXAMPLESECRET2, session_token: EXAMPLESECRET3, assume_role: {role_arn: 'arn:x', " +
			"external_id: EXAMPLESECRET4, tags: {team: 0123}, duration: 90m}}\n" +
			"callers: {api_keys: [{id: a, sha256: EXAMPLESECRET5, expires: 2027-01-01}]}\n"),
		Getenv: environment(
			"COUNTERSIGN_LOG_LEVEL", "debug", "COUNTERSIGN_RATE_BURST", "9", "COUNTERSIGN_API_KEY_SHA256", "EXAMPLESECRET6",
			"AWS_REGION", "eu-west-1", "AWS_SECRET_ACCESS_KEY", "EXAMPLESECRET7",
		),
		Flags: map[string]string{"rate-burst": "11"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := got.Print(&out, environment("AWS_SECRET_ACCESS_KEY", "EXAMPLESECRET7")); err != nil {
		t.Fatal(err)
	}
	printed := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"log_level: debug # COUNTERSIGN_LOG_LEVEL", "rate_burst: 11 # --rate-burst", "max_requests: 7 # f:2:1", "max_bytes: 134217728 # default",
		"port: 8080 # default", "api_key_sha256: (set) # COUNTERSIGN_API_KEY_SHA256",
		"orders: # f:4:3", "secret_access_key: (set) # " +
			"f:4:59", "external_id: (set) # f:4:", `team: "0123" # f:4:`, "duration: 1h30m # f:4:", "id: a # f:5:23", "sha256: (set)",
		"expires: 2027-01-01T00:00:00Z",
		"# AWS_REGION: eu-west-1 # AWS_REGION", "# AWS_SECRET_ACCESS_KEY: (set) # AWS_SECRET_ACCESS_KEY",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "EXAMPLESECRET") {
		t.Errorf("a secret is printed:\n%s", &out)
	}
}

func TestPrint_OutputLoadsAsTheSameConfiguration(t *testing.T) {
	first, err := load("port: 81\nlog_level: warn\nallow_signing_time: true\nhttp_hosts: [a, 'b:1']\nprofiles:\n  a.b: {source: " +
		"environment, description: 'x: # y', assume_role: {role_name: 'yes', tags: {a: '', b: \"true\"}, policy: '{}', duration: " +
		"15m}}\ncallers:\n  api_keys: [{id: a}, {id: b}]\n  entra: {tenant: a, audience: b, roles: [c], users: true}\n")
	if err != nil {
		t.Fatal(err)
	}
	var out, again strings.Builder
	if err := first.Print(&out, environment()); err != nil {
		t.Fatal(err)
	}
	second, err := load(out.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if err := second.Print(&again, environment()); err != nil {
		t.Fatal(err)
	}
	values := func(text string) (list []string) {
		for line := range strings.Lines(text) {
			value, _, _ := strings.Cut(line, "  # ")
			list = append(list, strings.TrimRight(value, " \n"))
		}
		return list
	}
	if got, want := fmt.Sprint(values(again.String())), fmt.Sprint(values(out.String())); got != want ||
		fmt.Sprint(first.Profiles[0].AssumeRole) != fmt.Sprint(second.Profiles[0].AssumeRole) {
		t.Errorf("printed: %s\nprinted again: %s", want, got)
	}
}
