package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/sandbox"
)

func TestCheckReportsAllFaultsAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	yaml := "profiles:\n  orders:\n    region: eu-west-1\n    source: environment\n    assume_role:\n      role_arn: orders\n      " +
		"duration: 1m\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{
		env: map[string]string{
			"COUNTERSIGN_CONFIG": file, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET with a blank",
		},
	}
	if code := p.run(t.Context(), "serve", "--check"); code != 2 {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
	for _, want := range []string{file + ":6", "role_arn", file + ":7", "duration", "no way to authenticate callers", "--auth=none"} {
		if !strings.Contains(p.err.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &p.err)
		}
	}
	if strings.Contains(p.err.String(), "EXAMPLESECRET") {
		t.Errorf("the report shows a secret:\n%s", &p.err)
	}
}

// A misspelt setting does not hide faults of a profile or a caller. A fault within profiles or callers may cause others that
// are not faults, so only that one is reported.
func TestServe_CheckReportsFaultsOfAllSections(t *testing.T) {
	const profile = "profiles:\n  a: {source: environment, region: eu-west-1, assume_role: {role_arn: 'arn:aws:iam::1:role/a'}}\n"
	const caller = "callers: {api_keys: [{id: a, sha256: abc}]}\n"
	for text, want := range map[string][]string{
		"polices: x\n" + profile + caller: {
			"c.yaml:1:1: polices: unknown key; did you mean policies?", "c.yaml:3:", "role_arn", "c.yaml:4:", "api_keys[0]",
		},
		"port: many\n" + profile + caller:                               {"c.yaml:1:7: port: must be a whole number", "role_arn", "api_keys[0]"},
		"polices: x\n" + profile + "callrs: {}\n":                       {"polices", "callrs: unknown key; did you mean callers?"},
		profile + "  b: {source: env}\n" + "  c: {sorce: b}\n" + caller: {"profiles.c.sorce: unknown key; did you mean source?"},
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := program{env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET"}}
		if code := p.run(t.Context(), "serve", "--check", "--config", file); code != 2 {
			t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
		}
		for _, want := range want {
			if !strings.Contains(p.err.String(), want) {
				t.Errorf("the report lacks %q:\n%s", want, &p.err)
			}
		}
		if whole := strings.Contains(text, "callrs") || strings.Contains(text, "sorce"); whole && strings.Contains(p.err.String(), "role_arn") {
			t.Errorf("the report has faults of profiles that were not read whole:\n%s", &p.err)
		}
	}
}

func TestCheck_AcceptsAValidConfiguration(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "serve", "--check", "--auth=none"); code != 0 || !strings.Contains(p.out.String(), "1 profile,") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestServe_CheckSaysThatTheContractWasEdited(t *testing.T) {
	env := sandboxEnvironment(startSandbox(t))
	var p program
	code := run(process{
		ctx: t.Context(), getenv: func(name string) string { return env[name] }, environ: environ(env), stdout: &p.out, stderr: &p.err,
		now: time.Now, contract: bytes.Replace(contract, []byte("Sign a request"), []byte("Sign one"), 1),
	}, []string{"serve", "--check", "--auth=none"})
	if code != 1 || !strings.Contains(p.err.String(), "go test ./internal/contract -update") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestServe_CheckSaysWhatTheEnvironmentTakesFromTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	if err := os.WriteFile(file, []byte("log_level: info\nallow_send: false\nrate_burst: 7\nauth: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{env: sandboxEnvironment(startSandbox(t))}
	p.env["COUNTERSIGN_ALLOW_SEND"], p.env["COUNTERSIGN_LOG_LEVEL"] = "true", "info"
	if code := p.run(t.Context(), "serve", "--check", "--config", file, "--rate-burst", "8"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	want := "warning: " + file + ":2:1: allow_send: has no effect, since COUNTERSIGN_ALLOW_SEND is set\n"
	if out := p.out.String(); !strings.Contains(out, want) || strings.Contains(out, "log_level") || strings.Contains(out, "rate_burst") {
		t.Errorf("want %sfor what differs, and not by a flag:\n%s", want, out)
	}
	if code := p.run(t.Context(), "serve", "--check", "--config", file, "--strict"); code != 1 ||
		!strings.Contains(p.err.String(), "the configuration has 2 warnings") {
		t.Errorf("strict: exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestServe_CheckWarnsOfPoliciesThatDependOnAbsence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policies.cedar")
	text := `permit (principal, action, resource); @id("debug") forbid (principal, action, resource) when { ` +
		`resource.headers.contains("x-debug") };`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{env: sandboxEnvironment(startSandbox(t))}
	p.env["COUNTERSIGN_POLICIES"] = file
	if code := p.run(t.Context(), "serve", "--check", "--auth=none"); code != 0 ||
		!strings.Contains(p.out.String(), "warning: policy debug depends on the absence of the header x-debug") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestCheckOnlineTriesEveryProfile(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "serve", "--check", "--online", "--auth=none"); code != 0 ||
		!strings.Contains(p.out.String(), "profile default") || !strings.Contains(p.out.String(), "  ok   ") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
	p.env["COUNTERSIGN_EXTERNAL_ID"] = "another"
	if code := p.run(t.Context(), "serve", "--check", "--online", "--auth=none"); code != 1 || !strings.Contains(p.out.String(), "  FAIL ") {
		t.Errorf("a wrong external id: exit code %d\n%s%s", code, &p.out, &p.err)
	}
	if strings.Contains(p.out.String(), sandbox.SecretAccessKey) {
		t.Error("a secret is shown")
	}
}

func TestServe_FromStartToSIGTERM(t *testing.T) {
	const key = "EXAMPLE-key-that-opens-nothing"
	aws := startSandbox(t)
	sum := sha256.Sum256([]byte(key))
	p := program{env: sandboxEnvironment(aws)}
	p.env["COUNTERSIGN_API_KEY_SHA256"] = hex.EncodeToString(sum[:])
	p.env["FUNCTIONS_CUSTOMHANDLER_PORT"] = freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- p.run(ctx, "serve") }()
	base := "http://127.0.0.1:" + p.env["FUNCTIONS_CUSTOMHANDLER_PORT"]
	waitFor(t, base+"/")

	ask := fmt.Sprintf(`{"method":"POST","url":"%s/orders","service":"execute-api","region":"eu-west-1","body":"x"}`, aws.GatewayURL)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/sign", strings.NewReader(ask))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", response.StatusCode, text, err)
	}
	var signed signedRequest
	if err := json.Unmarshal(text, &signed); err != nil {
		t.Fatal(err)
	}
	if got := send(t, signed); got != http.StatusOK {
		t.Errorf("the gateway responded with %d", got)
	}
	health := program{env: p.env}
	if code := health.run(t.Context(), "healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit code %d %s", code, &health.err)
	}

	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d\n%s", code, &p.err)
	}
	if p.err.String() != "" {
		t.Errorf("something was written to stderr, which the Functions host takes for errors: %s", &p.err)
	}
	for _, secret := range []string{key, sandbox.SecretAccessKey, signed.Headers["X-Amz-Security-Token"], signed.Headers["Authorization"]} {
		if secret == "" || strings.Contains(p.out.String(), secret) {
			t.Errorf("the log shows a secret, or there was none: %q", secret)
		}
	}
	for line := range strings.Lines(p.out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a JSON line: %s", line)
		}
	}
	if code := health.run(t.Context(), "healthcheck"); code != 1 {
		t.Errorf("healthcheck of a stopped service: exit code %d", code)
	}
}

func TestServe_STSFailuresAreProblemsWithoutDetails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault        func(*http.Request) http.Handler
		status, code string
	}{
		"denying": {func(*http.Request) http.Handler {
			return sandbox.Refuse(403, "AccessDenied", "User: arn:aws:iam::123456789012:user/private is not authorized")
		}, "403", "session_denied"},
		"throttling": {func(*http.Request) http.Handler {
			return sandbox.Refuse(400, "Throttling", "Rate exceeded for private")
		}, "503", "session_unavailable"},
		"failing": {func(*http.Request) http.Handler { return sandbox.Refuse(500, "InternalFailure", "private") }, "503", "session_unavailable"},
		"down":    {nil, "503", "session_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			aws, err := sandbox.New(sandbox.Options{Now: time.Now, Region: "eu-west-1", Fault: test.fault}).Start()
			if err != nil {
				t.Fatal(err)
			}
			defer aws.Close()
			if test.fault == nil {
				_ = aws.Close()
			}
			var out buffer
			env := sandboxEnvironment(aws)
			p := &process{
				ctx: t.Context(), getenv: func(name string) string { return env[name] }, stdout: &out, stderr: &out, now: time.Now,
				flags: map[string]string{"auth": "none"}, contract: contract,
			}
			conf, err := loadConfig(p, "")
			if err != nil {
				t.Fatal(err)
			}
			service, err := newService(p, conf)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			service.handler.ServeHTTP(
				w,
				httptest.NewRequest(
					http.MethodPost, "http://localhost/v1/sign",
					strings.NewReader(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`),
				),
			)
			if got := fmt.Sprint(w.Code); got != test.status || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) ||
				!strings.Contains(w.Body.String(), `"hint":"`) {
				t.Errorf("got %d %s\n%s", w.Code, w.Body, &out)
			}
			if strings.Contains(w.Body.String(), "private") || strings.Contains(w.Body.String(), "arn:") ||
				strings.Contains(w.Body.String(), "127.0.0.1") {
				t.Errorf("the response tells what STS said: %s", w.Body)
			}
			if test.status == "503" && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			service.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/v1/identity", nil))
			service.close() // then the log is complete
			said := map[string]string{
				"denying": "User: arn:aws:iam::123456789012:user/private is not " +
					"authorized", "throttling": "Rate exceeded for private", "failing": "InternalFailure", "down": "connection refused",
			}[name]
			hint := map[string]string{"denying": "trust policy", "down": "cannot be reached"}[name]
			for _, line := range []string{`"message":"session failed"`, `"route":"/v1/sign"`, `"route":"/v1/identity"`} {
				if !hasLine(out.String(), line, `"detail":"`, said, hint) {
					t.Errorf("the log has no line with %s, what STS said and what to look at:\n%s", line, &out)
				}
			}
			if strings.Contains(out.String(), "0001-01-01") {
				t.Errorf("the log has a time that never was:\n%s", &out)
			}
		})
	}
}

func TestListenAddress(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, ":8080"},
		{map[string]string{"PORT": "80"}, nil, ":80"},
		{map[string]string{"COUNTERSIGN_AUTH": "none"}, nil, "127.0.0.1:8080"},
		{map[string]string{"COUNTERSIGN_AUTH": "none", "COUNTERSIGN_ADDRESS": "0.0.0.0"}, nil, "0.0.0.0:8080"},
		{map[string]string{"PORT": "80", "COUNTERSIGN_PORT": "90", "COUNTERSIGN_ADDRESS": "::1"}, nil, "[::1]:90"},
		{map[string]string{"FUNCTIONS_CUSTOMHANDLER_PORT": "70", "PORT": "80", "COUNTERSIGN_ADDRESS": "0.0.0.0"}, nil, "127.0.0.1:70"},
	} {
		getenv := func(name string) string {
			if name == "AWS_ACCESS_KEY_ID" {
				return "AKIDEXAMPLE"
			}
			return test.env[name]
		}
		p := process{getenv: getenv}
		conf, err := loadConfig(&p, "")
		if got := listenAddress(conf); err != nil || got != test.want {
			t.Errorf("%v: got %q, %v; want %q", test.env, got, err, test.want)
		}
	}
}
