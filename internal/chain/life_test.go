//go:build linux && amd64

package chain_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/functionshost"
	"countersign/internal/logicapps"
)

const aGet = `{"method":"GET","url":"` + queue + `"}`

// ask sends a request to the service under its public name.
func (s *service) ask(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// up waits until the program responds.
func (s *service) up(ctx context.Context) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			if err := response.Body.Close(); err != nil || response.StatusCode == http.StatusOK {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// killedUnderLoad runs workflows while the program is killed, twice. Requests under way are lost, and repeated by the
// definition's retries; everything else is served.
func (c *chain) killedUnderLoad(t *testing.T) {
	const workers = 6
	runsEach := 40
	if testing.Short() {
		runsEach = 10
	}
	e := c.engine()
	e.Sleep = func(ctx context.Context, _ time.Duration) error { return c.service.up(ctx) } // sooner than the definition's 10 s
	var done, repeated atomic.Int64
	before := c.aws.count()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range runsEach {
				run, err := e.Run(t.Context(), c.open(t, "sign-then-call.json"), nil)
				if err != nil {
					t.Error(err)
					return
				}
				if run.Status != logicapps.Succeeded {
					t.Errorf("a run was lost: %v", run.Of("Sign")[0].Err)
				}
				repeated.Add(int64(len(run.Of("Sign")[0].Calls) - 1))
				done.Add(1)
			}
		})
	}
	for _, at := range []int64{int64(workers * runsEach / 4), int64(workers * runsEach / 2)} {
		for done.Load() < at && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		c.service.Kill()
	}
	group.Wait()
	if c.service.Starts() != 3 {
		t.Errorf("the program was started %d times, want 3", c.service.Starts())
	}
	t.Logf("%d runs, %d requests accepted, %d requests to the signer repeated", done.Load(), c.aws.count()-before, repeated.Load())
	for range runsEach {
		run := c.run(t, c.open(t, "sign-then-call.json"))
		if sign := run.Of("Sign")[0]; run.Status != logicapps.Succeeded || len(sign.Calls) != 1 {
			t.Fatalf("after the restart: %v after %d requests", sign.Err, len(sign.Calls))
		}
	}
}

func (c *chain) keysAndRoutes(t *testing.T) {
	for header, want := range map[string]int{
		"X-API-Key " + apiKey: 200, "Authorization Bearer " + apiKey: 200, "X-API-Key x": 401, "X-Other x": 401,
	} {
		name, value, _ := strings.Cut(header, " ")
		if status, text := c.service.ask(t, "POST", "/v1/sign", aGet, name, value); status != want {
			t.Errorf("%s: %d %s, want %d", name, status, text, want)
		}
	}
	for target, want := range map[string]int{
		"GET /": 200, "GET /readyz": 200, "GET /nothing": 404, "DELETE /v1/sign": 405, "GET /openapi.yaml": 200,
	} {
		method, path, _ := strings.Cut(target, " ")
		if status, _ := c.service.ask(t, method, path, ""); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
}

// chunkedBodies checks the response when an older host loses a chunked body: the program must say so in a way that the
// caller understands.
func (c *chain) chunkedBodies(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), "POST", c.service.url+"/v1/sign", io.NopCloser(strings.NewReader(aGet)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", apiKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	want := map[bool]string{false: "", true: "body_missing"}[c.older]
	var problem struct{ Code string }
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || problem.Code != want {
		t.Errorf("%d %s (%v), want %q", response.StatusCode, problem.Code, err, want)
	}
}

// publicHost checks that the description that designers read contains the public name, whichever way the host passes it
// on.
func (c *chain) publicHost(t *testing.T) {
	_, text := c.service.ask(t, "GET", "/swagger.json", "")
	var document struct {
		Host    string
		Schemes []string
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil || document.Host != functionshost.PublicHost ||
		strings.Join(document.Schemes, " ") != "https" {
		t.Errorf("%+v (%v), want %s by https", document, err, functionshost.PublicHost)
	}
}

// With a host.json without the flags the host wraps every request. The program cannot serve those, and must say why.
func TestTheResponseToWrappedRequestsSaysWhatToDo(t *testing.T) {
	s := startService(t, startAWS(t), functionshost.Options{Package: withoutFlags(t)})
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.ask(t, "POST", "/v1/sign", aGet, "X-API-Key", apiKey); status != 500 {
		t.Errorf("status %d, want the host's 500", status)
	}
	var said, logged string
	for range 1000 { // the log arrives through its own pipe, after the response
		said, logged = "", ""
		for _, line := range s.Lines() {
			if line.Stream == "host" && line.Level == functionshost.Error {
				said += line.Text
			}
			if line.Stream == "stdout" {
				logged += line.Text + "\n"
			}
		}
		if strings.Contains(logged, "err_code") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, want := range []string{": 500\n", `"code":"functions_payload"`, "enableForwardingHttpRequest", "enableProxyingHttpRequest"} {
		if !strings.Contains(said, want) {
			t.Errorf("the program's response lacks %s: %s", want, said)
		}
	}
	if !strings.Contains(logged, `"err_code":"functions_payload"`) || strings.Contains(logged, apiKey) {
		t.Errorf("the log, which is all that the operator sees, does not say what to do, or reveals a key:\n%s", logged)
	}
}

// withoutFlags returns the package with both flags in host.json turned off.
func withoutFlags(t *testing.T) string {
	t.Helper()
	whole, err := zip.OpenReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	name := filepath.Join(t.TempDir(), "app.zip")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	for _, f := range whole.File {
		if f.Name != "host.json" {
			if err := archive.Copy(f); err != nil {
				t.Fatal(err)
			}
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.ReplaceAll(string(text), `HttpRequest": true`, `HttpRequest": false`)
		if strings.Count(plain, `HttpRequest": false`) != 2 {
			t.Fatalf("host.json lacks one of the flags: %s", text)
		}
		w, err := archive.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, plain); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}
