package cli

import (
	"net"
	"strings"
	"time"
)

// newNotifier returns a function that reports the state of the service to systemd, or to another supervisor that
// speaks its protocol. Without a supervisor it does nothing.
func newNotifier(p *process, failed func(error)) func(lines ...string) {
	socket := p.getenv("NOTIFY_SOCKET")
	if socket == "" {
		return func(...string) {}
	}
	return func(lines ...string) {
		conn, err := net.Dial("unixgram", socket) // a name that begins with @ is an abstract socket
		if err == nil {
			_ = conn.SetDeadline(p.now().Add(time.Second)) // a supervisor that does not read must not delay the stop
			_, err = conn.Write([]byte(strings.Join(lines, "\n")))
			_ = conn.Close()
		}
		if err != nil {
			failed(err)
		}
	}
}

// stateLine is the text that systemctl status shows.
func stateLine(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", "; ") }
