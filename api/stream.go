package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"countersign/access"
	"countersign/handlers"
)

// stallTime is how long a client may take for a piece of a stream before others may claim its place.
const stallTime = 2 * time.Second

// limitStreams is limitSends for forwarded requests, which keep their place until they end. If others need the place,
// streams of stalled clients are cut, and connections that changed their protocol.
func (s *server) limitStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := handlers.EventOf(r).Caller.ID
		if !s.Senders.enter(caller, 1) {
			handlers.WriteError(w, r, &access.BusyError{RetryAfter: time.Second})
			return
		}
		defer s.Senders.leave(caller, 1)
		hold, err := s.acquire(s.Sends, r, 1, false)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		out := &stream{ResponseWriter: w, hold: hold, cancel: cancel, past: s.Now(), now: s.Now}
		out.mu.Lock()
		out.timer = time.AfterFunc(stallTime, out.check)
		out.mu.Unlock()
		defer out.release()
		r = r.WithContext(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &watchedBody{ReadCloser: r.Body, stream: out}
		}
		next.ServeHTTP(out, r)
	})
}

// stream is a connection to a client that may stall.
type stream struct {
	http.ResponseWriter
	hold   *access.Hold
	cancel context.CancelFunc
	past   time.Time

	now     func() time.Time
	waiting atomic.Int64 // when the wait for the client began, in Unix nanoseconds; 0 if there is none
	timer   *time.Timer  // calls check

	mu             sync.Mutex
	ended, offered bool
	hijacked       net.Conn
}

// Unwrap is for [http.ResponseController].
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *stream) Write(p []byte) (int, error) {
	s.waiting.Store(s.now().UnixNano())
	defer s.waiting.Store(0)
	return s.ResponseWriter.Write(p)
}

// check offers the place of a client that has stalled. A timer for each piece would cost more than the pieces.
func (s *stream) check() {
	since := s.waiting.Load()
	if since > 0 && s.now().Sub(time.Unix(0, since)) >= stallTime {
		s.offer()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.timer.Reset(stallTime)
	}
}

// Hijack implements [http.Hijacker].
func (s *stream) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(s.ResponseWriter).Hijack()
	if err == nil {
		s.mu.Lock()
		s.hijacked = conn
		s.mu.Unlock()
		s.offer()
	}
	return conn, rw, err
}

// offer lets others have the place.
func (s *stream) offer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended && !s.offered {
		s.offered = true
		s.hold.Offer(s)
	}
}

// Revoke implements [access.Revoker]: it cuts the client off, whose place others need.
func (s *stream) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended { // otherwise the connection serves the next request
		return
	}
	s.cancel()
	if s.hijacked != nil {
		_ = s.hijacked.Close()
		return
	}
	control := http.NewResponseController(s.ResponseWriter)
	_ = control.SetReadDeadline(s.past)
	_ = control.SetWriteDeadline(s.past)
}

func (s *stream) release() {
	s.mu.Lock()
	s.ended = true
	s.timer.Stop()
	s.mu.Unlock()
	s.cancel()
	s.hold.Release()
}

// watchedBody is the body of a request that is being received.
type watchedBody struct {
	io.ReadCloser
	stream *stream
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.stream.waiting.Store(b.stream.now().UnixNano())
	defer b.stream.waiting.Store(0)
	return b.ReadCloser.Read(p)
}
