package cli

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/freeport"
	"countersign/sandbox"
)

// buffer is written by the program while the test reads it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	checkLines(p)
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
	terminal bool
}

func (p *program) run(ctx context.Context, args ...string) int {
	return run(process{
		ctx: ctx, getenv: func(name string) string { return p.env[name] }, environ: environ(p.env), stdin: strings.NewReader(p.stdin),
		stdout: &p.out, stderr: &p.err, now: time.Now,
		contract: contract, terminal: p.terminal,
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

// sandboxEnvironment is how an operator would configure the program for the sandbox's STS.
func sandboxEnvironment(aws *sandbox.Server) map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": sandbox.AccessKeyID, "AWS_SECRET_ACCESS_KEY": sandbox.SecretAccessKey, "AWS_REGION": "eu-west-1",
		"COUNTERSIGN_ACCOUNT_ID": "210987654321", "COUNTERSIGN_ROLE_NAME": "orders", "COUNTERSIGN_ROLE_PATH": "/partners/",
		"COUNTERSIGN_EXTERNAL_ID":  sandbox.PartnerExternalID,
		"COUNTERSIGN_STS_ENDPOINT": aws.STSURL, "COUNTERSIGN_HTTP_HOSTS": strings.TrimPrefix(aws.GatewayURL, "http://"),
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Next()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func waitFor(t *testing.T, url string) {
	t.Helper()
	for range 3000 {
		if response, err := http.Get(url); err == nil { //nolint:noctx // polled until it responds
			_ = response.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not respond", url)
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"version":                             {0, version()},
		"--version":                           {0, version()},
		"--help":                              {0, "Commands:"},
		"help":                                {0, "Commands:"},
		"help key new":                        {0, "countersign key new NAME"},
		"serve --help":                        {0, "--shutdown-delay 5s"},
		"completion bash":                     {0, "__start_countersign"},
		"completion zsh":                      {0, "#compdef countersign"},
		"completion fish":                     {0, "complete -c countersign"},
		"__complete serve --log-":             {0, "--log-level"},
		"__complete policy ex":                {0, "explain"},
		"":                                    {2, "Commands:"},
		"key":                                 {2, "Commands:"},
		"help nothing":                        {2, `unknown command "nothing"`},
		"help sgin":                           {2, "did you mean sign?"},
		"completion fsh":                      {2, "did you mean bash or fish or zsh?"},
		"key new":                             {2, "the NAME of the caller is missing: countersign key new NAME"},
		"key new a b":                         {2, "takes one argument"},
		"serve extra":                         {2, `countersign serve takes flags only; found "extra"`},
		"sandbox --port x":                    {2, "--port: must be a whole number"},
		"presign --expires 1 x":               {2, "--expires: must be a duration, such as 90s"},
		"sign --as pyhton https://a.example/": {2, "did you mean python?"},
		"nothing":                             {2, `unknown command "nothing"`},
		"serv":                                {2, "did you mean send or serve?"},
		"config prin":                         {2, "did you mean print?"},
		"connector":                           {2, `"out" not set`},
		"serve x":                             {2, `"x"`},
		"serve --prot=1":                      {2, "unknown flag: --prot; did you mean --port?"},
		"serve --port=x":                      {2, "--port: must be a whole number"},
		"serve --config=/nonexistent":         {2, "/nonexistent"},
	} {
		var p program
		if code := p.run(t.Context(), strings.Fields(args)...); code != want.code {
			t.Errorf("countersign %s: exit code %d, want %d\n%s%s", args, code, want.code, &p.out, &p.err)
		}
		out := &p.out
		if want.code != 0 {
			out = &p.err
		}
		if !strings.Contains(out.String(), want.text) {
			t.Errorf("countersign %s lacks %q:\n%s\n%s", args, want.text, &p.out, &p.err)
		}
	}
}

func environ(env map[string]string) (list []string) {
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}
