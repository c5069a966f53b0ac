package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newHealthcheck(p *process) *cobra.Command {
	return command("healthcheck", "Exit with 0 when the service on this machine is ready.", func() error { return checkHealth(p) })
}

// checkHealth asks the service on this machine whether it is ready: the HEALTHCHECK of the container image, which has no curl.
func checkHealth(p *process) error {
	conf, _ := loadConfig(p, "") // what is wrong is for serve to say; the port may still be right
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Second)
	defer cancel()
	host, port, err := net.SplitHostPort(listenAddress(conf))
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", answer.Status)
	}
	return nil
}
