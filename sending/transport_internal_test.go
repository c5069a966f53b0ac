package sending

import (
	"testing"
	"time"

	"countersign/signing"
)

// Requests that may wait for hours get connections with small buffers, over http and https, and other requests do not.
func TestClient_WaitingConnectionsHaveSmallBuffers(t *testing.T) {
	client, err := New(Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"https://runtime.example.com/mcp", "http://127.0.0.1:8080/mcp"} {
		u, _, err := signing.ParseURL(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		usual, err := client.transport(&Request{URL: u})
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := client.transport(&Request{URL: u, Waits: true})
		if err != nil {
			t.Fatal(err)
		}
		if usual.ReadBufferSize < 4<<10 || usual.WriteBufferSize < 4<<10 {
			t.Errorf("%s: small buffers for all", text)
		}
		if waiting.ReadBufferSize > 1<<10 || waiting.WriteBufferSize > 1<<10 {
			t.Errorf("%s: large buffers for waiting requests", text)
		}
	}
}
