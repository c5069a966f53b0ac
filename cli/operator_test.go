package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/sandbox"
)

func TestKeyNew_PrintsOnlyTheKey(t *testing.T) {
	var p program
	if code := p.run(t.Context(), "key", "new", "orders"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	key := strings.TrimSuffix(p.out.String(), "\n")
	if !strings.HasPrefix(key, "orders.") || strings.ContainsAny(key, " \n") {
		t.Errorf("standard output is %q", key)
	}
	if want := "COUNTERSIGN_API_KEY_SHA256=" + sha256Hex(key); !strings.Contains(p.err.String(), want) ||
		strings.Contains(p.err.String(), key) {
		t.Errorf("standard error lacks %s, or has the key:\n%s", want, &p.err)
	}
	var asJSON program
	var got struct{ Key, ID, SHA256 string }
	if code := asJSON.run(t.Context(), "key", "new", "orders", "--json"); code != 0 ||
		json.Unmarshal([]byte(asJSON.out.String()), &got) != nil {
		t.Fatalf("exit code %d\n%s%s", code, &asJSON.out, &asJSON.err)
	}
	if got.ID != "orders" || got.SHA256 != sha256Hex(got.Key) || asJSON.err.String() != "" {
		t.Errorf("got %+v", got)
	}
}

func TestVerify_DistinguishesValidAndInvalidSignatures(t *testing.T) {
	env := sandboxEnvironment(startSandbox(t))
	env["COUNTERSIGN_ROLE_NAME"], env["COUNTERSIGN_ACCOUNT_ID"], env["COUNTERSIGN_ROLE_PATH"], env["COUNTERSIGN_EXTERNAL_ID"] = "", "", "", ""
	const url = "https://sqs.eu-west-1.amazonaws.com/?Action=ListQueues"
	signed := program{env: env}
	if code := signed.run(t.Context(), "sign", url); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &signed.err)
	}
	var request signedRequest
	if err := json.Unmarshal([]byte(signed.out.String()), &request); err != nil {
		t.Fatal(err)
	}
	args := []string{"verify"}
	for _, line := range headerLines(request.Headers) {
		args = append(args, "-H", line)
	}
	for address, want := range map[string]int{url: 0, url + "&b=2": 1} {
		p := program{env: env}
		if code := p.run(t.Context(), append(args, address)...); code != want {
			t.Errorf("%s: exit code %d, want %d\n%s%s", address, code, want, &p.out, &p.err)
		}
	}
	p := program{env: env, stdin: `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`}
	if code := p.run(t.Context(), "verify"); code != 1 {
		t.Errorf("a document without a signature: exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestPresign_PrintsOnlyTheURL(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "presign", "--expires", "90s", "https://examplebucket.s3.eu-west-1.amazonaws.com/k"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	out := p.out.String()
	if !strings.HasPrefix(out, "https://examplebucket.s3.eu-west-1.amazonaws.com/k?") ||
		!strings.Contains(out, "X-Amz-Expires=90&") || strings.Count(out, "\n") != 1 {
		t.Errorf("standard output is %s", out)
	}
	for _, expires := range []string{"0s", "1.5s", "200h", "soon"} {
		p := program{env: sandboxEnvironment(startSandbox(t))}
		if code := p.run(t.Context(), "presign", "--expires", expires, "https://examplebucket.s3.eu-west-1.amazonaws.com/k"); code == 0 {
			t.Errorf("--expires %s was accepted: %s", expires, &p.out)
		}
	}
}

func TestWhoami_SaysWhoAWSSees(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "whoami"); code != 0 || !strings.Contains(p.out.String(), "210987654321:assumed-role/orders/"+
		"countersign-default") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

// The SDK reads ~/.aws, and the variables that say where it is, from the environment of the process.
func TestOperator_UsesProfilesOfTheAWSCLI(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{
		"config": "[default]\nregion = eu-central-1\n[profile work]\nregion = us-west-2\n",
		"credentials": "[default]\naws_access_key_id = AKIDEXAMPLE1\naws_secret_access_key = x\n[work]\naws_access_key_id = " +
			"AKIDEXAMPLE2\naws_secret_access_key = x\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{
		"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE",
	} {
		t.Setenv(name, "")
	}
	own := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE3", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-north-1"}
	for _, test := range []struct {
		name, profile string
		env           map[string]string
		args          []string
		want          string
	}{
		{"the default profile", "", nil, nil, "AKIDEXAMPLE1/*/eu-central-1/"},
		{"--profile", "", nil, []string{"--profile", "work"}, "AKIDEXAMPLE2/*/us-west-2/"},
		{"AWS_PROFILE", "work", nil, nil, "AKIDEXAMPLE2/*/us-west-2/"},
		{"keys of the environment first", "work", own, nil, "AKIDEXAMPLE3/*/eu-north-1/"},
		{"--profile before them", "", own, []string{"--profile", "work"}, "AKIDEXAMPLE2/*/eu-north-1/"},
		{"--region before all", "", own, []string{"--profile", "work", "--region", "sa-east-1"}, "AKIDEXAMPLE2/*/sa-east-1/"},
		{"no such profile", "", nil, []string{"--profile", "none"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_PROFILE", test.profile)
			p := program{env: test.env}
			code := p.run(t.Context(), append([]string{"sign", "--service", "execute-api", "https://api.example.com/"}, test.args...)...)
			if test.want == "" {
				if code != 2 || !strings.Contains(p.err.String(), "no such profile in ~/.aws") {
					t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
				}
				return
			}
			key, scope, _ := strings.Cut(test.want, "*")
			if code != 0 || !strings.Contains(p.out.String(), "Credential="+key) || !strings.Contains(p.out.String(), scope) {
				t.Errorf("exit code %d, want %s\n%s%s", code, test.want, &p.out, &p.err)
			}
		})
	}
}

func TestSandbox_RehearsesAConfiguration(t *testing.T) {
	aws, err := sandbox.New(sandbox.Options{Now: time.Now, Region: sandboxRegion}).StartOn(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer aws.Close()
	var text strings.Builder
	printRehearsal(&text, aws)
	p := program{env: map[string]string{"COUNTERSIGN_AUTH": "none", "COUNTERSIGN_ROLE_ARN": sandbox.RoleARN}}
	for _, word := range strings.Fields(text.String()) {
		if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "AWS_") {
			p.env[name] = value
		}
	}
	if code := p.run(t.Context(), "serve", "--check", "--online"); code != 0 {
		t.Errorf("exit code %d with what the sandbox prints:\n%s\n%s%s", code, &text, &p.out, &p.err)
	}
}

func TestSandbox_TakesFixedPorts(t *testing.T) {
	var p program
	sts, gateway, port := freePort(t), freePort(t), freePort(t)
	if code := p.run(t.Context(), "sandbox", "--once", "--port", port, "--sts-port", sts, "--gateway-port", gateway); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	for _, want := range []string{"127.0.0.1:" + port + "/v1/sign", "127.0.0.1:" + gateway + "/orders"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the transcript lacks %s:\n%s", want, &p.out)
		}
	}
}

func TestSign_SaysOnATerminalWhatItWaitsFor(t *testing.T) {
	for terminal, want := range map[bool]bool{true: true, false: false} {
		p := program{
			env: sandboxEnvironment(startSandbox(t)), stdin: `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`,
			terminal: terminal,
		}
		if code := p.run(t.Context(), "sign"); code != 0 || strings.Contains(p.err.String(), "end it with Ctrl-D") != want {
			t.Errorf("on a terminal %t: exit code %d\n%s", terminal, code, &p.err)
		}
	}
}

// If ~/.aws gives no session, the error says why; it is not reported as a timeout.
func TestSign_SaysWhySharedProfilesFail(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	const file = "[profile process]\ncredential_process = false\nregion = eu-west-1\n" +
		"[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = process\n" +
		"mfa_serial = arn:aws:iam::123456789012:mfa/me\nregion = eu-west-1\n" +
		"[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\nregion = eu-west-1\n" +
		"[sso-session corp]\nsso_start_url = https://corp.example.com/start\nsso_region = eu-west-1\n"
	if err := os.WriteFile(filepath.Join(home, ".aws", "config"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, ".aws", "config"))
	t.Setenv("AWS_CA_BUNDLE", "")
	for name, want := range map[string]string{"process": "credential_process", "mfa": "mfa_serial", "sso": "SSO token"} {
		var p program
		code := p.run(t.Context(), "sign", "--profile", name, "https://sqs.eu-west-1.amazonaws.com/")
		if code == 0 || !strings.Contains(p.err.String(), want) || strings.Contains(p.err.String(), "Retry-After") {
			t.Errorf("%s: exit code %d, want %q\n%s", name, code, want, &p.err)
		}
	}
}
