package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startProxy runs the command until the test ends, and returns once it responds.
func startProxy(t *testing.T, p *program, client *http.Client, url string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- p.run(ctx, append([]string{"proxy"}, args...)...) }()
	t.Cleanup(func() {
		stop()
		if code := <-done; code != 0 {
			t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
		}
	})
	for range 3000 {
		if response, err := client.Get(url); err == nil {
			_ = response.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no response\n%s%s", &p.out, &p.err)
}

func get(t *testing.T, client *http.Client, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestProxy_SendsEverythingToItsUpstream(t *testing.T) {
	aws := startSandbox(t)
	p := &program{env: sandboxEnvironment(aws)}
	port := freePort(t)
	url := "http://127.0.0.1:" + port + "/orders?dryRun=true"
	startProxy(t, p, http.DefaultClient, url, "--port", port, "--upstream", aws.GatewayURL, "--service", "execute-api",
		"--region", "eu-west-1", "--allow-origin", "http://dashboards.example", "--allow-host", "proxy.example")
	for name, row := range map[string]struct {
		status  int
		headers []string
	}{
		"a program":                   {200, nil},
		"by localhost":                {200, []string{"Host", "localhost:" + port}},
		"by the name of the upstream": {200, []string{"Host", strings.TrimPrefix(aws.GatewayURL, "http://")}},
		"by a name that is listed":    {200, []string{"Host", "proxy.example:" + port}},
		"by another name":             {421, []string{"Host", "evil.example"}},
		"a page that may":             {200, []string{"Origin", "http://dashboards.example", "Sec-Fetch-Site", "cross-site"}},
		"another page":                {403, []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}},
	} {
		if status, body := get(t, http.DefaultClient, url, row.headers...); status != row.status {
			t.Errorf("%s: %d %s, want %d", name, status, body, row.status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 405 || !strings.Contains(string(body), "method_not_allowed") {
		t.Errorf("a method that is not forwarded: %d %s %v", response.StatusCode, body, err)
	}
	if !strings.Contains(p.out.String(), `"action":"send"`) || !strings.Contains(p.out.String(), `"outcome":"complete"`) {
		t.Errorf("recorded %s", &p.out)
	}
}

func TestProxy_ListensOnAUnixSocket(t *testing.T) {
	aws := startSandbox(t)
	socket := filepath.Join(t.TempDir(), "s")
	left, err := net.Listen("unix", socket) // left by a process that crashed
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = left.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	p := &program{env: sandboxEnvironment(aws)}
	startProxy(
		t, p, client, "http://anything.example/", "--socket", socket, "--upstream", aws.GatewayURL, "--service", "execute-api",
		"--region", "eu-west-1",
	)
	if status, body := get(t, client, "http://anything.example/orders"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if mode, err := os.Stat(socket); err != nil || mode.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", mode, err)
	}
	other := program{env: p.env}
	if code := other.run(t.Context(), "proxy", "--socket", socket, "--upstream", "sqs.eu-west-1.amazonaws.com"); code == 0 ||
		!strings.Contains(other.err.String(), "another process is listening there") {
		t.Errorf("a second one: %d %s", code, &other.err)
	}
}

func TestProxy_RefusesInvalidFlags(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	for want, args := range map[string][]string{
		"without API keys the proxy listens only on this machine": {"--address", "0.0.0.0"},
		"need --upstream":            {"--service", "execute-api"},
		"give both or neither":       {"--upstream", "api.example.com", "--service", "execute-api"},
		"--upstream: must be a host": {"--upstream", "https://api.example.com/path"},
		"countersign key new":        {"--address", "::", "--auth", "none"},
	} {
		p.err = buffer{}
		if code := p.run(t.Context(), append([]string{"proxy"}, args...)...); code != 2 || !strings.Contains(p.err.String(), want) {
			t.Errorf("%q: exit code %d %s, want %q", args, code, &p.err, want)
		}
	}
}
