//go:build peers

package proxy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
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

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"countersign/internal/peers"
	"countersign/signing"
)

const (
	mcpForTS       = "@modelcontextprotocol/sdk@1.32.2"
	mcpForTSSecond = "@modelcontextprotocol/client@2.4.0"
	mcpHost        = "orders-abc123.gateway.bedrock-agentcore." + region + ".amazonaws.com"

	mcpPolicies = `permit (principal, action == Action::"send", resource)
when {
  resource.service == "bedrock-agentcore" &&
  ["initialize", "server/discover", "notifications/initialized", "tools/list", "response", "subscriptions/listen",
   "tools/call:get_order", "tools/call:fail", "tools/call:unknown", "tools/call:sample", "tools/call:change",
   "tools/call:interrupted"].contains(resource.operation)
};
permit (principal, action == Action::"send", resource)
when { resource.service == "bedrock-agentcore" && ["GET", "DELETE"].contains(resource.method) };`
)

// mcpGateway passes requests to an MCP server if AWS's SDK signs them identically. The response to a call of the tool
// "interrupted" breaks off after its first event.
type mcpGateway struct {
	*httputil.ReverseProxy
	mu       sync.Mutex
	verified int
	faults   []string
}

func newMCPGateway(server string) *mcpGateway {
	return &mcpGateway{ReverseProxy: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server})
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), Transport: &http.Transport{DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Context().Value(interrupted{}) != nil {
				r.Body = &oneEvent{ReadCloser: r.Body}
			}
			return nil
		},
	}}
}

type interrupted struct{}

func (g *mcpGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = signedAsBySDK(r, body, "bedrock-agentcore")
	}
	if err == nil && (r.Header.Get("X-API-Key") != "" || r.Header.Get("X-Amz-Date") == "") {
		err = fmt.Errorf("headers %v", r.Header)
	}
	g.mu.Lock()
	if g.verified++; err != nil {
		g.faults = append(g.faults, fmt.Sprintf("%s %s: %v", r.Method, r.URL, err))
	}
	g.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if bytes.Contains(body, []byte(`"interrupted"`)) {
		r = r.WithContext(context.WithValue(r.Context(), interrupted{}, true))
	}
	g.ReverseProxy.ServeHTTP(w, r)
}

// signedAsBySDK signs a request again with AWS's SDK, and fails if the result differs.
func signedAsBySDK(r *http.Request, body []byte, service string) error {
	at, err := time.Parse(signing.TimeFormat, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return err
	}
	got := r.Header.Get("Authorization")
	_, names, _ := strings.Cut(got, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "https://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(names, ";") {
		if name != "host" && name != "x-amz-date" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey()}
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, again, hex.EncodeToString(sum[:]), service, region, at); err != nil {
		return err
	}
	if want := again.Header.Get("Authorization"); got != want {
		return fmt.Errorf("signed\n%s, the SDK signs\n%s", got, want)
	}
	return nil
}

// oneEvent breaks off after the first event.
type oneEvent struct {
	io.ReadCloser
	over bool
}

func (b *oneEvent) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p)
	b.over = bytes.Contains(p[:n], []byte("\n\n"))
	return n, err
}

// The SDKs of the protocol, in every version that each supports, call tools of a server that requires signatures: with
// sessions, requests from the server, streams that break off and resume, and tools that are not permitted.
func TestMCP_ServesSDKs(t *testing.T) {
	program, peer := build(t), buildModule(t, "testdata/mcp")
	server := peers.Address(t)
	peers.Start(t, exec.Command(peer, "serve", server), "http://"+server+"/ready")
	gateway := newMCPGateway(server)
	policies := filepath.Join(t.TempDir(), "policies.cedar")
	if err := os.WriteFile(policies, []byte(mcpPolicies), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(apiKey))
	_, port, _ := strings.Cut(peers.Address(t), ":")
	startBefore(t, program, gateway, "http://127.0.0.1:"+port+"/livez", []string{
		"COUNTERSIGN_ADDRESS=127.0.0.1", "COUNTERSIGN_PORT=" + port, "COUNTERSIGN_POLICIES=" + policies,
		"COUNTERSIGN_API_KEY_SHA256=" + hex.EncodeToString(sum[:]),
	}, "serve")
	_, whole, _ := strings.Cut(peers.Address(t), ":")
	startBefore(t, program, gateway, "http://127.0.0.1:"+whole+"/ready", []string{"COUNTERSIGN_POLICIES=" + policies},
		"proxy", "--port", whole, "--upstream", mcpHost)
	first, second := peers.Package(t, mcpForTS), peers.Package(t, mcpForTSSecond)
	clients := map[string]func(args ...string) *exec.Cmd{
		"Go": func(args ...string) *exec.Cmd { return exec.Command(peer, args...) },
		"TypeScript": func(args ...string) *exec.Cmd {
			command := exec.Command("node", append([]string{"testdata/mcp.mjs"}, args...)...)
			command.Env = []string{"NODE_MODULES=" + filepath.Join(map[bool]string{false: first, true: second}[args[1] >= "2026"], "node_modules")}
			return command
		},
	}
	t.Run("clients", func(t *testing.T) {
		for name, client := range clients {
			run := func(kind, version, endpoint string, operations int) {
				t.Run(name+" "+kind+" "+version, func(t *testing.T) {
					t.Parallel()
					command := client(kind, version, endpoint)
					command.Env = append(append(os.Environ(), command.Env...), "KEY="+apiKey)
					said, err := command.CombinedOutput()
					if done := strings.Count("\n"+string(said), "\nok "); err != nil || done != operations {
						t.Errorf("%d of %d operations, %v\n%s", done, operations, err, said)
					}
				})
			}
			for version, operations := range map[string]int{
				"2024-11-05": 10, "2025-03-26": 10, "2025-06-18": 10, "2025-11-25": 10, "2026-07-28": 7,
			} {
				run("stream", version, "http://127.0.0.1:"+port+"/proxy/default/"+mcpHost+"/mcp/"+version, operations)
			}
			run("sse", "2024-11-05", "http://127.0.0.1:"+whole+"/sse", 9) // it returns a path for messages, so it needs its own address
		}
	})
	gateway.mu.Lock()
	defer gateway.mu.Unlock()
	t.Logf("%d requests arrived", gateway.verified)
	if len(gateway.faults) > 0 || gateway.verified == 0 {
		t.Errorf("%d of %d requests: %s", len(gateway.faults), gateway.verified, strings.Join(gateway.faults, "\n"))
	}
}
