package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/sandbox"
)

// buffer is written by the program and read by the test.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

type program struct {
	out, err buffer
	env      map[string]string
	stdin    string
}

func (p *program) run(ctx context.Context, args ...string) int {
	return run(process{
		ctx: ctx, getenv: func(name string) string { return p.env[name] }, stdin: strings.NewReader(p.stdin), stdout: &p.out, stderr: &p.err, now: time.Now,
		contract: contract,
	}, args)
}

// contract is what package main embeds.
var contract = func() []byte {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		panic(err)
	}
	return text
}()

func startSandbox(t *testing.T) *sandbox.Server {
	t.Helper()
	aws, err := sandbox.New(sandbox.Options{Now: time.Now, Region: "eu-west-1"}).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = aws.Close() })
	return aws
}

// sandboxEnvironment is how an operator would set the program up for the sandbox's STS.
func sandboxEnvironment(aws *sandbox.Server) map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": sandbox.AccessKeyID, "AWS_SECRET_ACCESS_KEY": sandbox.SecretAccessKey, "AWS_REGION": "eu-west-1",
		"COUNTERSIGN_ACCOUNT_ID": "210987654321", "COUNTERSIGN_ROLE_NAME": "orders", "COUNTERSIGN_ROLE_PATH": "/partners/", "COUNTERSIGN_EXTERNAL_ID": sandbox.PartnerExternalID,
		"COUNTERSIGN_STS_ENDPOINT": aws.STSURL, "COUNTERSIGN_HTTP_HOSTS": strings.TrimPrefix(aws.GatewayURL, "http://"),
	}
}

func TestSandboxShowsTheWholeWay(t *testing.T) {
	var p program
	if code := p.run(t.Context(), "sandbox", "--once"); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
	for _, want := range []string{"1. The request to sign", "2. A session from STS", "AssumeRole by arn:aws:iam::123456789012:user/sandbox: 200", "ASIASANDBOX", "3. The signed request", "X-Amz-Security-Token: ", "4. The gateway checks", "200 OK", "curl -s http://127.0.0.1:"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the transcript lacks %q:\n%s", want, &p.out)
		}
	}
	if strings.Contains(p.out.String(), sandbox.SecretAccessKey) {
		t.Error("the transcript shows a secret")
	}
}

func TestSignFromFlagsIsAcceptedByTheGateway(t *testing.T) {
	aws := startSandbox(t)
	p := program{env: sandboxEnvironment(aws)}
	if code := p.run(t.Context(), "sign", "-X", "PUT", "-H", "Content-Type: text/plain", "-H", "X-Amz-Target: a", "-d", "hello", "--service", "execute-api", "--region", "eu-west-1", aws.GatewayURL+"/a b?q=1"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	var signed exchanged
	if err := json.Unmarshal([]byte(p.out.String()), &signed); err != nil {
		t.Fatal(err)
	}
	if got := send(t, signed); got != http.StatusOK {
		t.Errorf("the gateway answered %d", got)
	}
}

func send(t *testing.T, signed exchanged) int {
	t.Helper()
	reply, err := transcript{}.send(t.Context(), signed.Method, signed.URL, signed.Headers, signed.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.status
}

func TestSignFromStandardInputAsCurl(t *testing.T) {
	aws := startSandbox(t)
	p := program{env: sandboxEnvironment(aws), stdin: fmt.Sprintf(`{"method":"POST","url":"%s/it's","service":"execute-api","region":"eu-west-1","body":{"a":"b'c"}}`, aws.GatewayURL)}
	if code := p.run(t.Context(), "sign", "-o", "curl"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	for _, want := range []string{"curl -s --path-as-is -X POST", "-H 'Authorization: AWS4-HMAC-SHA256 ", `--data-raw '{"a":"b'\''c"}'`, `/it'\''s'`} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the line lacks %q:\n%s", want, &p.out)
		}
	}
}

func TestSignSaysWhatIsWrong(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "sign", "https://api.example.com/"); code != 1 || !strings.Contains(p.err.String(), "/service: ") {
		t.Errorf("exit code %d\n%s", code, &p.err)
	}
}

func TestCheckReportsAllFaultsAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	yaml := "profiles:\n  orders:\n    region: eu-west-1\n    source: environment\n    assume_role:\n      role_arn: orders\n      duration: 1m\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{env: map[string]string{"COUNTERSIGN_CONFIG": file, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET with a blank"}}
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

func TestCheckOfARightConfiguration(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "serve", "--check", "--auth=none"); code != 0 || !strings.Contains(p.out.String(), "1 profiles") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestCheckOnlineTriesEveryProfile(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "serve", "--check", "--online", "--auth=none"); code != 0 || !strings.Contains(p.out.String(), "profile default") || !strings.Contains(p.out.String(), "  ok   ") {
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

func TestServeFromStartToSIGTERM(t *testing.T) {
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
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", answer.StatusCode, text, err)
	}
	var signed exchanged
	if err := json.Unmarshal(text, &signed); err != nil {
		t.Fatal(err)
	}
	if got := send(t, signed); got != http.StatusOK {
		t.Errorf("the gateway answered %d", got)
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

func TestSTSTroubleReachesTheCallerAsAProblemAndNothingMore(t *testing.T) {
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
			p := &process{ctx: t.Context(), getenv: func(name string) string { return env[name] }, stdout: &out, stderr: &out, now: time.Now, flags: map[string]string{"auth": "none"}, contract: contract}
			conf, err := loadConfig(p, "")
			if err != nil {
				t.Fatal(err)
			}
			service, err := newService(p, conf)
			if err != nil {
				t.Fatal(err)
			}
			defer service.close()
			w := httptest.NewRecorder()
			service.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/sign", strings.NewReader(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`)))
			if got := fmt.Sprint(w.Code); got != test.status || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) || !strings.Contains(w.Body.String(), `"hint":"`) {
				t.Errorf("got %d %s\n%s", w.Code, w.Body, &out)
			}
			if strings.Contains(w.Body.String(), "private") || strings.Contains(w.Body.String(), "arn:") || strings.Contains(w.Body.String(), "127.0.0.1") {
				t.Errorf("the answer tells what STS said: %s", w.Body)
			}
			if test.status == "503" && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func waitFor(t *testing.T, url string) {
	t.Helper()
	for range 500 {
		if answer, err := http.Get(url); err == nil { //nolint:noctx // polled until it answers
			_ = answer.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not answer", url)
}

func TestListenAddress(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, ":8080"},
		{map[string]string{"PORT": "80"}, nil, ":80"},
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
		if got := listenAddress(&p, conf); err != nil || got != test.want {
			t.Errorf("%v: got %q, %v; want %q", test.env, got, err, test.want)
		}
	}
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]int{"version": 0, "--help": 0, "serve --help": 0, "": 2, "nothing": 2, "serve --port=x": 2, "serve --config=/nonexistent": 2} {
		var p program
		if code := p.run(t.Context(), strings.Fields(args)...); code != want {
			t.Errorf("countersign %s: exit code %d, want %d\n%s%s", args, code, want, &p.out, &p.err)
		}
	}
}
