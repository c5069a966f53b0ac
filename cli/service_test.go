package cli

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestConnections_LeaveFileDescriptors(t *testing.T) {
	for _, test := range []struct{ configured, descriptors, want int }{
		{16384, 0, 16384},
		{16384, 1 << 20, 16384},
		{16384, 16384 + 256, 16384},
		{16384, 16384 + 255, 16383},
		{16384, 1024, 768},
		{100, 1024, 100},
		{16384, 300, 150},
		{16384, 20, 10},
	} {
		if got := connections(test.configured, test.descriptors); got != test.want {
			t.Errorf("max_connections %d, %d descriptors: got %d, want %d", test.configured, test.descriptors, got, test.want)
		}
	}
	if n := descriptors(); n < 0 {
		t.Errorf("%d descriptors", n)
	}
}

func TestConnections_BeyondTheLimitWait(t *testing.T) {
	const most = 16
	p := program{env: map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET", "COUNTERSIGN_AUTH": "none",
		"COUNTERSIGN_ADDRESS":         "127.0.0.1",
		"COUNTERSIGN_MAX_CONNECTIONS": "16", "PORT": freePort(t),
	}}
	go p.run(t.Context(), "serve")
	address := "127.0.0.1:" + p.env["PORT"]
	waitFor(t, "http://"+address+"/")
	http.DefaultClient.CloseIdleConnections()
	var open []net.Conn
	for range most + 1 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	answered := make(chan int)
	for i, c := range open {
		go func() {
			head := make([]byte, 15)
			if _, err := io.ReadFull(c, head); err == nil && strings.HasPrefix(string(head), "HTTP/1.1 200") {
				answered <- i
			}
		}()
	}
	seen := map[int]bool{}
	for range most {
		seen[<-answered] = true
	}
	select {
	case i := <-answered:
		t.Fatalf("connection %d was one too many and was served", i)
	case <-time.After(300 * time.Millisecond):
	}
	for i := range open {
		if seen[i] {
			_ = open[i].Close()
			break
		}
	}
	<-answered // when one is closed, the waiting one is served
}
