package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/api"
)

const (
	mcpPath   = "/proxy/orders/orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp"
	mcpPolicy = `permit (principal, action == Action::"send", resource) when { resource.service == "bedrock-agentcore" &&
  ["initialize", "server/discover", "notifications/initialized", "tools/list", "tools/call:get_order"].contains(resource.operation) };
permit (principal, action == Action::"send", resource) when { resource.service == "bedrock-agentcore" &&
  ["GET", "DELETE"].contains(resource.method) };`
)

// mcpServer behaves as servers of three versions of the protocol do: with a session or without, with JSON or a
// stream.
type mcpServer struct {
	session, stream bool
	seen            []*http.Request
	bodies          []string
	next            chan struct{} // releases one more event of a stream
}

func (m *mcpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.seen, m.bodies = append(m.seen, r), append(m.bodies, string(body))
	const id = "session-1"
	if m.session && r.Method != http.MethodPost || m.session && !strings.Contains(string(body), `"initialize"`) {
		if r.Header.Get("Mcp-Session-Id") != id {
			w.WriteHeader(http.StatusNotFound)
			return
		}
	}
	switch {
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && !m.session:
		w.Header().Set("Allow", "POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Method == http.MethodGet, m.stream && strings.Contains(string(body), "tools/call"):
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "id: %d\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-m.next:
			case <-r.Context().Done():
				return
			}
		}
	case strings.Contains(string(body), "notifications/"):
		w.WriteHeader(http.StatusAccepted)
	default:
		if m.session {
			w.Header().Set("Mcp-Session-Id", id)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	}
}

func newMCP(t *testing.T, m http.Handler) *httptest.Server {
	t.Helper()
	s := newBefore(t, m, unrecorded{}, mcpPolicy, func(o *api.Options) {
		o.Now, o.Handlers.Now = time.Now, time.Now // for the deadlines of real connections
	})
	front := httptest.NewServer(s.handler)
	t.Cleanup(front.Close)
	return front
}

// heard is a response whose body is closed when the test ends.
type heard struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

// say sends a message as MCP clients do.
func say(t *testing.T, front *httptest.Server, method, body string, headers ...string) heard {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, front.URL+mcpPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return heard{response.StatusCode, response.Header, response.Body}
}

// Each version, with and without sessions, as JSON and as a stream.
func TestMCP_VersionsPass(t *testing.T) {
	for _, generation := range []struct{ version, begin string }{
		{"2024-11-05", "initialize"}, {"2025-06-18", "initialize"}, {"2026-07-28", "server/discover"},
	} {
		for _, session := range []bool{false, true} {
			for _, stream := range []bool{false, true} {
				if session && generation.begin != "initialize" {
					continue // it has none
				}
				t.Run(fmt.Sprintf("%s session %v stream %v", generation.version, session, stream), func(t *testing.T) {
					m := &mcpServer{session: session, stream: stream, next: make(chan struct{}, 3)}
					front := newMCP(t, m)
					begun := say(t, front, "POST",
						`{"jsonrpc": "2.0", "id":1,"method":"`+generation.begin+`","params":{"protocolVersion":"`+generation.version+`"}}`,
						"MCP-Protocol-Version", generation.version, "Mcp-Method", generation.begin)
					id := begun.Header.Get("Mcp-Session-Id")
					if begun.StatusCode != 200 || (id != "") != session {
						t.Fatalf("%d, session %q", begun.StatusCode, id)
					}
					var with []string
					if session {
						with = []string{"Mcp-Session-Id", id}
					}
					noted := say(t, front, "POST", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, with...)
					if text, _ := io.ReadAll(noted.Body); noted.StatusCode != 202 || len(text) > 0 {
						t.Errorf("a notification: %d %q", noted.StatusCode, text)
					}
					called := say(t, front, "POST", `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_order","arguments":{}}}`,
						append(with, "Mcp-Method", "tools/call", "Mcp-Name", "get_order", "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "s")...)
					if stream {
						m.readStream(t, called)
					} else if text, _ := io.ReadAll(called.Body); called.StatusCode != 200 || !json.Valid(text) {
						t.Errorf("a call: %d %s", called.StatusCode, text)
					}
					last := m.seen[len(m.seen)-1]
					for _, name := range []string{"Mcp-Method", "Mcp-Name", "X-Amzn-Bedrock-Agentcore-Runtime-Session-Id", "Accept"} {
						if last.Header.Get(name) == "" {
							t.Errorf("%s did not arrive", name)
						}
					}
					signed := last.Header.Get("Authorization")
					if !strings.Contains(signed, "/bedrock-agentcore/aws4_request") || strings.Contains(signed, "mcp-") ||
						strings.Contains(signed, "accept") {
						t.Errorf("signed: %s", signed)
					}
					if ended := say(t, front, "DELETE", "", with...); ended.StatusCode != http.StatusNoContent {
						t.Errorf("ending: %d", ended.StatusCode)
					}
					if !session {
						if listening := say(t, front, "GET", ""); listening.StatusCode != 405 {
							t.Errorf("listening: %d", listening.StatusCode)
						}
					} else if gone := say(t, front, "POST", `{"method":"tools/list"}`, "Mcp-Session-Id", "old"); gone.StatusCode != 404 {
						t.Errorf("a session that is gone: %d", gone.StatusCode)
					}
				})
			}
		}
	}
}

// readStream checks that each event arrives before the next is sent.
func (m *mcpServer) readStream(t *testing.T, response heard) {
	t.Helper()
	lines := bufio.NewReader(response.Body)
	for i := range 3 {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
			if line == fmt.Sprintf("id: %d\n", i) {
				break
			}
		}
		m.next <- struct{}{}
	}
	if response.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("the stream is %s", response.Header.Get("Content-Type"))
	}
}

// A message that is not permitted, or is ambiguous, does not reach the server; a POST reaches it exactly once, byte
// for byte.
func TestMCP_RefusedMessagesDoNotReachTheServer(t *testing.T) {
	m := &mcpServer{}
	front := newMCP(t, m)
	for body, want := range map[string]int{
		`{"method":"tools/call","params":{"name":"delete_order"}}`:                       403,
		`{"method":"resources/list"}`:                                                    403,
		`[{"method":"tools/list"}]`:                                                      400,
		`{"method":"tools/list","method":"tools/call","params":{"name":"delete_order"}}`: 400,
		`{"method":"tools/list","Method":"tools/call"}`:                                  400,
	} {
		if got := say(t, front, "POST", body); got.StatusCode != want {
			t.Errorf("%s: %d, want %d", body, got.StatusCode, want)
		}
	}
	if got := say(t, front, "POST", `{"method":"tools/list"}`, "Mcp-Method", "tools/call"); got.StatusCode != 400 {
		t.Errorf("another Mcp-Method: %d", got.StatusCode)
	}
	refused := say(t, front, "POST", `{"method":"tools/list"}`, "Authorization", "Bearer nobody.EXAMPLE")
	if challenge := refused.Header.Get("WWW-Authenticate"); refused.StatusCode != 401 || strings.Contains(challenge, "resource_metadata") {
		t.Errorf("without a key: %d %s", refused.StatusCode, challenge)
	}
	if len(m.seen) > 0 {
		t.Fatalf("%d requests arrived: %q", len(m.seen), m.bodies)
	}
	const odd = "{ \"jsonrpc\":\"2.0\",\"id\" : 9007199254740993,\n" +
		"\"method\":\"tools/call\",\"params\":{\"name\":\"get_order\",\"arguments\":{\"n\":1.0}}}"
	if got := say(t, front, "POST", odd); got.StatusCode != 200 || len(m.bodies) != 1 || m.bodies[0] != odd {
		t.Errorf("%d %q", got.StatusCode, m.bodies)
	}
}
