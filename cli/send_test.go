package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSend_PrintsTheResponse(t *testing.T) {
	aws := startSandbox(t)
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"the body":         {nil, 0, []string{`{"method":"GET","path":"/orders"`}},
		"the headers, too": {[]string{"-i"}, 0, []string{"HTTP/1.1 200 OK\n", "Content-Type: application/json\n", "\n\n{\"method\":"}},
		"a HEAD":           {[]string{"-I"}, 0, []string{"HTTP/1.1 200 OK\n", "Content-Type: application/json\n"}},
		"a body, sent":     {[]string{"-d", "hello", "-H", "Content-Type: text/plain"}, 0, []string{`"method":"POST"`, `"bodyLength":5`}},
		"a refusal":        {[]string{"--region", "eu-west-2"}, 4, []string{"Credential should be scoped"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := program{env: sandboxEnvironment(aws)}
			args := append([]string{"send", "--service", "execute-api", "--region", "eu-west-1", aws.GatewayURL + "/orders"}, c.args...)
			if code := p.run(t.Context(), args...); code != c.code {
				t.Errorf("exit code %d, want %d\n%s", code, c.code, &p.err)
			}
			for _, want := range c.want {
				if !strings.Contains(p.out.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, &p.out)
				}
			}
		})
	}
}

func TestSend_ExitCodeReflectsTheStatus(t *testing.T) {
	for status, want := range map[int]int{200: 0, 204: 0, 304: 0, 301: 3, 404: 4, 501: 5} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		p := sendTo(t, server)
		if code := p.run(t.Context(), "send", "--service", "execute-api", "--region", "eu-west-1", server.URL+"/"); code != want {
			t.Errorf("%d: exit code %d, want %d\n%s", status, code, want, &p.err)
		}
		server.Close()
	}
}

// A large file is not held in memory: it is read once for its hash, and again while it is sent.
func TestSend_SendsAFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 200_000)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	var method, hash string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		method, hash = r.Method, r.Header.Get("X-Amz-Content-Sha256")
		_, _ = got.ReadFrom(r.Body)
	}))
	defer server.Close()
	p := sendTo(t, server)
	if code := p.run(t.Context(), "send", "-T", file, "--service", "s3", "--region", "eu-west-1", server.URL+"/key"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	if method != "PUT" || !bytes.Equal(got.Bytes(), content) || hash != sha256Hex(string(content)) {
		t.Errorf("%s of %d bytes with the hash %q arrived", method, got.Len(), hash)
	}
}

func TestSend_SaysWhatIsWrong(t *testing.T) {
	env := sandboxEnvironment(startSandbox(t))
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a host that is not AWS's": {[]string{"--service", "s3", "--region", "eu-west-1", "https://example.com/"}, 1, "URL: "},
		"a file to write":          {[]string{"-o", "file", "https://sqs.eu-west-1.amazonaws.com/"}, 2, "redirect it into a file"},
		"a file, among letters":    {[]string{"-sSofile", "https://sqs.eu-west-1.amazonaws.com/"}, 2, "--output: the response goes to"},
		"a proxy":                  {[]string{"--proxy=http://proxy.example:3128", "https://sqs.eu-west-1.amazonaws.com/"}, 2, "HTTPS_PROXY"},
		"another address":          {[]string{"--resolve", "a:443:10.0.0.1", "https://sqs.eu-west-1.amazonaws.com/"}, 2, "--resolve: "},
		"an option as data":        {[]string{"-d", "--resolve", "https://example.com/"}, 1, "URL: "},
		"no URL":                   {nil, 2, "the URL is missing"},
		"a file that is not there": {[]string{"-d", "@/nowhere", "https://sqs.eu-west-1.amazonaws.com/"}, 2, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			p := program{env: env}
			if code := p.run(t.Context(), append([]string{"send"}, c.args...)...); code != c.code || !strings.Contains(p.err.String(), c.want) {
				t.Errorf("exit code %d, want %d and %q\n%s", code, c.code, c.want, &p.err)
			}
		})
	}
}

// sendTo is a program that may call a server.
func sendTo(t *testing.T, server *httptest.Server) *program {
	t.Helper()
	env := sandboxEnvironment(startSandbox(t))
	env["COUNTERSIGN_HTTP_HOSTS"] = strings.TrimPrefix(server.URL, "http://")
	return &program{env: env}
}

// On a terminal, one line shows how much has been transferred, until the command ends.
func TestSend_DrawsItsProgress(t *testing.T) {
	const line, none = "\r\x1b[K1.5 MiB", "\r\x1b[K"
	for ticks, want := range []string{"", line + none, line + line + none} {
		var out bytes.Buffer
		var moved atomic.Int64
		moved.Store(3 << 19)
		tick, done, ended := make(chan time.Time), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			drawProgress(&out, &moved, tick, done)
		}()
		for range ticks {
			tick <- time.Time{}
		}
		close(done)
		if <-ended; out.String() != want {
			t.Errorf("after %d ticks it drew %q, want %q", ticks, &out, want)
		}
	}
	var out bytes.Buffer
	if showProgress(&out, new(atomic.Int64))(); out.Len() > 0 {
		t.Errorf("what is no terminal got %q", &out)
	}
}
