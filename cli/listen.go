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

// connections returns how many connections may be open at once. If file descriptors ran out, no connection could be
// accepted, not even a health check, and no file or STS could be reached: so some are kept free.
func connections(wanted, descriptors int) int {
	const spare = 256
	if descriptors == 0 {
		return wanted
	}
	return min(wanted, max(descriptors-spare, descriptors/2))
}

// settled is the time after which a service has served its first requests. Only then does it return to the system the
// memory that the start needed, so that those requests do not wait for it.
const settled = time.Second

// serve serves until ctx ends, and then as long as g allows.
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
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // requests arrive until the end
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
	s.notify("READY=1", stateLine("serving at "+listener.Addr().String())) // connections already queue at the listener
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.shutdown(ctx, server, failed, g)
}
