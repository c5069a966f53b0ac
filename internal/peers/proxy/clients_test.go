//go:build peers

package proxy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/peers"
)

const (
	postman    = "newman@6.2.1" // runs Postman collections
	openSearch = "@opensearch-project/opensearch@3.5.1"

	workspace = "/workspaces/ws-11111111-2222-3333-4444-555555555555"
	apsHost   = "aps-workspaces." + region + ".amazonaws.com"
	esHost    = "search-orders-abc123." + region + ".es.amazonaws.com"
)

// signedOnly serves a request only if AWS's SDK signs it identically for a service, and counts requests by the first
// segment of their path. A request for the path /ready is always served.
type signedOnly struct {
	service string
	next    http.Handler

	mu     sync.Mutex
	served map[string]int
	faults []string
}

func (s *signedOnly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.URL.Path != "/ready" {
		err = signedAsBySDK(r, body, s.service)
	}
	if err == nil && (r.Header.Get("X-API-Key") != "" || strings.Contains(fmt.Sprint(r.Header), apiKey)) {
		err = fmt.Errorf("headers %v", r.Header)
	}
	s.mu.Lock()
	if err == nil {
		s.served[r.URL.Path]++
	} else {
		s.faults = append(s.faults, fmt.Sprintf("%s %s: %v", r.Method, r.URL, err))
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusForbidden)
	case r.URL.Path != "/ready":
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.next.ServeHTTP(w, r)
	}
}

func (s *signedOnly) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[path]
}

// startBoth starts `countersign proxy` in front of one upstream and `countersign serve` with a key, and returns the
// addresses of the upstream through each.
func startBoth(t *testing.T, aws http.Handler, upstream string) (local, central string) {
	t.Helper()
	program := build(t)
	sum := sha256.Sum256([]byte(apiKey))
	one, all := peers.Address(t), peers.Address(t)
	_, port, _ := strings.Cut(one, ":")
	startBefore(t, program, aws, "http://"+one+"/ready", nil, "proxy", "--port", port, "--upstream", upstream)
	_, port, _ = strings.Cut(all, ":")
	startBefore(t, program, aws, "http://"+all+"/livez", []string{
		"COUNTERSIGN_API_KEY_SHA256=" + hex.EncodeToString(sum[:]), "COUNTERSIGN_ADDRESS=127.0.0.1",
	}, "serve", "--port", port)
	return "http://" + one, "http://" + all + "/proxy/default/" + upstream
}

func (s *signedOnly) mustHaveNoFaults(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) > 0 {
		t.Errorf("%d requests were refused: %s", len(s.faults), strings.Join(s.faults, "\n"))
	}
}

// A Prometheus server writes to another through both proxies, as it would to AWS, and its tool reads what was written.
func TestGuide_Prometheus(t *testing.T) {
	if _, err := exec.LookPath("prometheus"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must run Prometheus: %v", err)
		}
		t.Skip("NOT TESTED: Prometheus, which this machine does not have")
	}
	folder := t.TempDir()
	prometheus := func(name, text string, args ...string) string {
		file, address := filepath.Join(folder, name+".yml"), peers.Address(t)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		peers.Start(t, exec.Command("prometheus", append([]string{
			"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(folder, name), "--web.listen-address=" + address,
		}, args...)...), "http://"+address+"/-/ready")
		return address
	}
	store := prometheus("store", "", "--web.enable-remote-write-receiver")
	aws := &signedOnly{service: "aps", served: map[string]int{}, next: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: store})
		r.Out.URL.Path = strings.TrimPrefix(strings.Replace(r.In.URL.Path, "/remote_write", "/write", 1), workspace)
	}}}
	local, central := startBoth(t, aws, apsHost)
	key := filepath.Join(folder, "key")
	if err := os.WriteFile(key, []byte(apiKey), 0o600); err != nil {
		t.Fatal(err)
	}
	// As in docs/proxy.md.
	prometheus("own", "global: {scrape_interval: 1s}\n"+
		"scrape_configs:\n  - job_name: answering\n    static_configs: [{targets: ['"+store+"']}]\n"+
		"remote_write:\n  - url: "+local+workspace+"/api/v1/remote_write\n  - url: "+central+workspace+"/api/v1/remote_write\n"+
		"    basic_auth: {username: any, password_file: "+key+"}\n")
	var said string
	for range 60 {
		if said = shell(t, "promtool query instant "+local+workspace+" 'up{job=\"answering\"}'"); strings.Contains(said, "up{") {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if !strings.Contains(said, "=> 1 @") {
		t.Errorf("read %q", said)
	}
	// Grafana sends the same query with Basic authentication, by POST.
	said = shell(t, "curl -s -u any:"+apiKey+" --data-urlencode 'query=up{job=\"answering\"}' "+central+workspace+"/api/v1/query")
	if !strings.Contains(said, `"status":"success"`) || !strings.Contains(said, `"job":"answering"`) {
		t.Errorf("with Basic: %s", said)
	}
	aws.mustHaveNoFaults(t)
	t.Logf("%d writes were signed", aws.count(workspace+"/api/v1/remote_write"))
}

// TestGuide_Postman runs a collection through both proxies.
func TestGuide_Postman(t *testing.T) {
	const api = "a1b2c3d4e5.execute-api." + region + ".amazonaws.com"
	aws := &signedOnly{service: "execute-api", served: map[string]int{}, next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"method":"`+r.Method+`","sent":`), r.Body, strings.NewReader("}")))
	})}
	local, central := startBoth(t, aws, api)
	newman := filepath.Join(peers.Package(t, postman), "node_modules", ".bin", "newman")
	for _, at := range []string{local, central} {
		out, err := exec.Command(newman, "run", "testdata/postman.json", "--env-var", "address="+at, "--env-var", "key="+apiKey).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", at, err, out)
		}
	}
	aws.mustHaveNoFaults(t)
	if n := aws.count("/prod/orders/a b"); n != 2 {
		t.Errorf("%d requests arrived: %v", n, aws.served)
	}
}

// The OpenSearch client for JavaScript stores, lists and finds documents through both proxies.
func TestGuide_OpenSearch(t *testing.T) {
	aws := &signedOnly{service: "es", served: map[string]int{}, next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, map[string]string{
			"GET /":                `{"version":{"distribution":"opensearch","number":"2.19.0"}}`,
			"PUT /orders/_doc/a/b": `{"result":"created"}`,
			"POST /_bulk":          `{"errors":false,"items":[]}`,
			"POST /orders/_search": `{"hits":{"total":{"value":1},"hits":[{"_source":{"order":1042}}]}}`,
		}[r.Method+" "+r.URL.Path])
	})}
	local, central := startBoth(t, aws, esHost)
	modules := "NODE_MODULES=" + filepath.Join(peers.Package(t, openSearch), "node_modules")
	for _, at := range []string{local, strings.Replace(central, "://", "://any:"+apiKey+"@", 1)} {
		command := exec.Command("node", "testdata/opensearch.mjs", at)
		command.Env = append(os.Environ(), modules)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	aws.mustHaveNoFaults(t)
	if n := aws.count("/orders/_search"); n != 2 {
		t.Errorf("%d searches arrived: %v", n, aws.served)
	}
}
