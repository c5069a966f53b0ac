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

// stopSignal is the cause of a context that a signal has ended.
type stopSignal struct{ os.Signal }

func (s stopSignal) Error() string { return s.String() + " signal received" }

// untilSignal returns a context that SIGINT or SIGTERM ends. A second signal ends the process: its sender does not
// want to wait for requests any longer.
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

// grace is how an instance stops. For delay it is not ready but still accepts requests, since load balancers need
// some time to notice; then requests in progress get drain to finish.
type grace struct{ delay, drain time.Duration }

// shutdown stops the server after ctx has ended. An error from failed ends it at once.
func (s *service) shutdown(ctx context.Context, server *http.Server, failed <-chan error, g grace) error {
	s.leaving.Store(true)
	s.notify("STOPPING=1", stateLine("waiting for requests in progress"))
	s.current.Load().handlers.Drain()
	var signalled stopSignal
	if errors.As(context.Cause(ctx), &signalled) && signalled.Signal == os.Interrupt {
		g.delay = 0 // Ctrl-C at a terminal: there is no load balancer
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
	_ = server.Shutdown(end) // its error is that of end
	s.waitStreams(end)
	if err := end.Err(); err != nil {
		s.breakOff(server)
		return fmt.Errorf("draining: %w", err)
	}
	s.flush(end, flushTime)
	s.logger().Info().Msg("stopped")
	return nil
}

// breakOff ends what has not ended in time.
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

// waitStreams waits for connections that changed their protocol, which the server no longer tracks.
func (s *service) waitStreams(ctx context.Context) {
	for _, g := range s.generations() {
		g.proxy.Wait(ctx)
	}
}

// closeWhen makes every response close its connection as soon as leaving is set. A load balancer that works by
// connection keeps sending requests on an open one until the end. Connections without a request stay open: a client
// may be about to use one, and would see it reset. That rules out SetKeepAlivesEnabled.
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
