package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"countersign/config"

	"github.com/spf13/cobra"
)

func newHealthcheck(p *process) *cobra.Command {
	return command("healthcheck", "Exit with 0 if the service on this machine is ready.", func() error { return checkHealth(p) })
}

// checkHealth asks the service on this machine whether it is ready. It is the HEALTHCHECK of the container image,
// which has no curl.
func checkHealth(p *process) error {
	conf, _ := loadConfig(p, "") // serve reports faults; the port may still be right
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return err
	}
	if conf.TLSCertFile != "" {
		request.URL.Scheme = "https"
	}
	response, err := healthClient(conf).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}
	return nil
}

// healthClient returns a client that connects to the service on this machine, whatever the name in the URL.
func healthClient(conf config.Config) *http.Client {
	network, address := "unix", ""
	if path, isSocket := conf.SocketPath(); isSocket {
		address = path
	} else {
		if ip := net.ParseIP(conf.Address); conf.Address == "" || ip != nil && ip.IsUnspecified() {
			conf.Address = "127.0.0.1"
		}
		network, address = "tcp", listenAddress(conf)
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		// The certificate is for the names that callers use, and nothing secret is sent.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
}
