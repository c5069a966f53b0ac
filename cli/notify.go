package cli

import (
	"net"
	"strings"
	"time"
)

// newNotifier returns what tells systemd, or another supervisor that speaks its protocol, how the service is. Where
// none wants to know, it does nothing.
func newNotifier(p *process, failed func(error)) func(lines ...string) {
	socket := p.getenv("NOTIFY_SOCKET")
	if socket == "" {
		return func(...string) {}
	}
	return func(lines ...string) {
		conn, err := net.Dial("unixgram", socket) // a name that begins with @ is an abstract one
		if err == nil {
			_ = conn.SetDeadline(p.now().Add(time.Second)) // one that does not read must not keep the service from stopping
			_, err = conn.Write([]byte(strings.Join(lines, "\n")))
			_ = conn.Close()
		}
		if err != nil {
			failed(err)
		}
	}
}

// stateLine is a line for people, which systemctl status shows.
func stateLine(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", "; ") }
