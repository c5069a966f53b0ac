package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"countersign/api"

	"golang.org/x/net/netutil"
)

// connections is how many may be open at once. When file descriptors run out,
// nobody is let in any more, health checks neither, and no file or STS can be
// reached: so some are left.
func connections(wanted, descriptors int) int {
	const spare = 256
	if descriptors == 0 {
		return wanted
	}
	return min(wanted, max(descriptors-spare, descriptors/2))
}

// settled is when a service has served its first requests, which should not wait until the memory that only the start has
// needed is given back to the system.
const settled = time.Second

// serve answers until ctx ends, and then as long as g grants.
func (s *service) serve(ctx context.Context, listener net.Listener, g grace) error {
	if s.metrics != nil {
		stop, err := s.startMetrics()
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer stop()
		s.handler = s.metrics.Count(s.handler)
	}
	server := s.newServer()
	s.record(s.current.Load(), nil, "start")
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // callers come until the end
	defer stop()
	s.run(running)
	if s.reloader != nil {
		go s.reloader.run(ctx)
	}
	failed := make(chan error, 1)
	defer time.AfterFunc(settled, debug.FreeOSMemory).Stop()
	wanted := s.current.Load().conf.MaxConnections
	most := connections(wanted, descriptors())
	if most < wanted {
		s.logger().Warn().Int("max_connections", wanted).Int("descriptors", descriptors()).Int("used", most).
			Msg("fewer connections than configured: too few file descriptors")
	}
	s.mostConnections.Store(int64(most))
	go func() {
		bounded := netutil.LimitListener(listener, most)
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(bounded, "", "")
			return
		}
		failed <- server.Serve(api.Joining(bounded))
	}()
	s.notify("READY=1", stateLine("serving at "+listener.Addr().String())) // connections wait in the listener's queue already
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.shutdown(ctx, server, failed, g)
}
