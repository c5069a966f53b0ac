package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// stopSignal is the cause of the end of a context that a signal has ended.
type stopSignal struct{ os.Signal }

func (s stopSignal) Error() string { return s.String() + " signal received" }

// untilSignal is a context that SIGINT or SIGTERM ends. A second one ends the
// process: whoever sends it does not want to wait for requests any more.
func untilSignal() context.Context {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		cancel(stopSignal{<-signals})
		<-signals
		os.Exit(1)
	}()
	return ctx
}

// grace is how an instance stops: for delay it is unready and accepts requests
// all the same, since load balancers need some time to see that; then requests
// under way get drain to end.
type grace struct{ delay, drain time.Duration }

// shutdown ends the server after ctx has ended. What is read from failed ends it at once.
func (s *service) shutdown(ctx context.Context, server *http.Server, failed <-chan error, g grace) error {
	s.leaving.Store(true)
	s.notify("STOPPING=1", stateLine("waiting for requests under way"))
	s.current.Load().handlers.Drain()
	var signalled stopSignal
	if errors.As(context.Cause(ctx), &signalled) && signalled.Signal == os.Interrupt {
		g.delay = 0 // somebody sits at a terminal, and no load balancer asks
	}
	s.logger().Info().AnErr("cause", context.Cause(ctx)).Stringer("shutdown_delay", g.delay).Msg("draining")
	if g.delay > 0 {
		select {
		case err := <-failed:
			return fmt.Errorf("serving: %w", err)
		case <-time.After(g.delay):
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.drain)
	defer cancel()
	_ = server.Shutdown(end) // whose error is that of end
	s.waitStreams(end)
	if err := end.Err(); err != nil {
		s.breakOff(server)
		return fmt.Errorf("draining: %w", err)
	}
	s.flush(end, flushTime)
	s.logger().Info().Msg("stopped")
	return nil
}

// breakOff ends what the time for it has not ended.
func (s *service) breakOff(server *http.Server) {
	for _, g := range s.generations() {
		g.proxy.Stop()
	}
	rest, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.waitStreams(rest)
	if server.Shutdown(rest) != nil {
		_ = server.Close()
	}
}

// waitStreams waits for connections that changed their protocol, which are none of the server's any more.
func (s *service) waitStreams(ctx context.Context) {
	for _, g := range s.generations() {
		g.proxy.Wait(ctx)
	}
}

// closeWhen has every response end its connection as soon as leaving is set. A
// load balancer that works by connection sends what comes on an open one here
// until the end. Connections without a request stay open: a client may be about
// to use one, and would see it reset. That is why this is not SetKeepAlivesEnabled.
func closeWhen(leaving *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(closingWriter{w, leaving}, r) })
}

type closingWriter struct {
	http.ResponseWriter
	leaving *atomic.Bool
}

func (w closingWriter) WriteHeader(status int) {
	w.mark()
	w.ResponseWriter.WriteHeader(status)
}

func (w closingWriter) Write(b []byte) (int, error) {
	w.mark()
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController set deadlines.
func (w closingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w closingWriter) mark() {
	if w.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
}
