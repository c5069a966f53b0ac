package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"countersign/access"
	"countersign/handlers"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
)

// requestContext is the context of a request. What chi keeps of the route is in it, too, for which chi would make another
// context, and another copy of the request.
type requestContext struct {
	handlers.EventContext
	route    chi.Context
	patterns [1]string // the space of those of route
	answer   counted
	id       [1]string // the value of a header
	offered  offered   // the answer to who has a place among the requests being answered
}

// requestKey finds the context of a request itself.
type requestKey struct{}

func (c *requestContext) Value(key any) any {
	switch key {
	case chi.RouteCtxKey:
		return &c.route
	case requestKey{}:
		return c
	}
	return c.EventContext.Value(key)
}

// counted is an answer of which status and size are known.
type counted struct {
	http.ResponseWriter
	status, bytes int // of what was written; 0 without
}

// Unwrap is for [http.ResponseController].
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader passes the first status on, and those before it that only inform.
func (c *counted) WriteHeader(status int) {
	if c.status != 0 {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	n, err := c.ResponseWriter.Write(b)
	c.bytes += n
	return n, err
}

// logged is routes and what comes before them for each request.
type logged struct {
	*chi.Mux
	*server
}

// ServeHTTP gives a request its context and writes one line for it, when it is over. No header, query or body is in it.
func (l *logged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := l.Now()
	ctx := l.newContext(r)
	ctx.id[0] = ctx.Event.RequestID
	w.Header()["X-Request-Id"] = ctx.id[:]
	ctx.answer.ResponseWriter = w
	defer l.end(r, ctx, started)
	l.Mux.ServeHTTP(&ctx.answer, r.WithContext(ctx))
}

func (l *logged) newContext(r *http.Request) *requestContext {
	ctx := new(requestContext)
	ctx.Context, ctx.route.Routes, ctx.route.RoutePatterns = r.Context(), l.Mux, ctx.patterns[:0]
	event := &ctx.Event
	event.RequestID = requestID(r.Header.Get("X-Request-Id"), l.NewID)
	event.ClientIP, event.Workflow, event.Trace = l.clientIP(r), access.WorkflowOf(r.Header), access.TraceOf(r.Header)
	if l.Began != nil && !polled(r.URL.Path) {
		ctx.Context = l.Began(r.Context(), r.Method, &event.Trace)
	}
	return ctx
}

func (l *logged) end(r *http.Request, ctx *requestContext, started time.Time) {
	route, took := ctx.route.RoutePattern(), l.Now().Sub(started)
	if l.Served != nil {
		l.Served(ctx, Served{r.Method, route, ctx.answer.status, took, &ctx.Event})
	}
	l.logRequest(r, &ctx.answer, &ctx.Event, route, took)
}

func (s *server) logRequest(r *http.Request, answer *counted, e *handlers.Event, route string, took time.Duration) {
	unlogged := 0
	if answer.status == http.StatusUnauthorized {
		var isLogged bool
		if isLogged, unlogged = s.refusals.logs(network(e.ClientIP), s.Now()); !isLogged {
			return
		}
	}
	line := s.logEvent(answer.status, e, route)
	if unlogged > 0 {
		line = line.Int("unlogged", unlogged)
	}
	line.Str("request_id", e.RequestID).Str("method", clip(r.Method, 100)).Str("route", route).
		Int("status", answer.status).Int("bytes", answer.bytes).Dur("dur_ms", took).
		Str("user_agent", clip(r.UserAgent(), 100)).Msg("request")
}

// clientIP is the connection's other end. That may be a proxy, but what proxies say of the client is anybody's word,
// save the Functions host's.
func (s *server) clientIP(r *http.Request) string {
	remote := r.RemoteAddr
	if forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ","); s.BehindFunctions && forwarded != "" {
		remote = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	}
	if host, _, err := net.SplitHostPort(remote); err == nil {
		remote = host
	}
	ip, err := netip.ParseAddr(remote)
	if err != nil {
		return ""
	}
	if text := ip.AppendTo(make([]byte, 0, 64)); string(text) != remote {
		return string(text)
	}
	return remote
}

// logEvent picks the level: polls of hosts and load balancers would fill the log, faults of ours must stand out.
func (s *server) logEvent(status int, e *handlers.Event, route string) *zerolog.Event {
	line := s.Log.Info()
	switch {
	case status >= 500:
		line = s.Log.Error()
	case status < 400 && polled(route):
		line = s.Log.Debug()
	}
	for _, field := range [...]struct{ key, value string }{
		{"caller", e.Caller.ID},
		{"caller_id", e.Caller.ID},
		{"auth_method", string(e.Caller.Method)},
		{"client_ip", e.ClientIP},
		{"workflow_run_id", e.Workflow.RunID},
		{"invocation_id", e.Workflow.InvocationID},
		{"profile", e.Profile},
		{"service", e.Service},
		{"region", e.Region},
		{"err_code", e.Code},
		{"detail", e.Detail},
		{"hint", e.Hint},
		{"trace_id", e.Trace.TraceID},
		{"span_id", e.Trace.SpanID},
		{"trace_flags", e.Trace.Flags},
	} {
		if field.value != "" {
			line = line.Str(field.key, clip(field.value, 1000))
		}
	}
	if e.SessionWait >= waited {
		line = line.Dur("sts_wait_ms", e.SessionWait)
	}
	if e.QueueWait >= waited {
		line = line.Dur("queue_ms", e.QueueWait)
	}
	if e.Cause != nil {
		line = line.Str("cause", clip(e.Cause.Error(), 1000))
	}
	return line
}

// waited is what tells waiting from looking something up.
const waited = time.Millisecond

// acquire takes a place for a request, and keeps how long it waited for that.
func (s *server) acquire(l *access.Limiter, r *http.Request, weight int64, revocable bool) (*access.Hold, error) {
	event := handlers.EventOf(r)
	if hold := l.AcquireAtOnce(event.Caller.ID, weight, revocable); hold != nil {
		return hold, nil
	}
	begun := s.Now()
	hold, err := l.Acquire(r.Context(), event.Caller.ID, weight, revocable)
	event.QueueWait += s.Now().Sub(begun)
	return hold, err
}

// polled are the paths that hosts and load balancers ask for, over and over.
func polled(path string) bool { return path == "/" || path == "/livez" || path == "/readyz" }

// clip bounds what a stranger can have written into the log.
func clip(text string, most int) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }

// requestID takes the caller's id when it is one that can stand in a log and a header, so that both sides can be searched for it.
func requestID(given string, newID func() string) string {
	if given == "" || len(given) > 128 {
		return newID()
	}
	for _, c := range []byte(given) {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", rune(c)) {
			return newID()
		}
	}
	return given
}

// recoverPanic answers a fault of the program like any other fault of ours; the stack goes to the log.
func recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			handlers.WriteError(w, r, fmt.Errorf("panic: %s\n%s", panicText(p), debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// panicText is what the log may hold of a panic: the runtime's words, and of other values the type alone, since they may
// be or hold a secret.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// authenticate lets in who brings a right key.
func (s *server) authenticate(next http.Handler) http.Handler {
	return s.authenticateBy((*access.Authenticator).Authenticate, next)
}

// authenticateProxied is authenticate for requests that are passed on.
func (s *server) authenticateProxied(next http.Handler) http.Handler {
	return s.authenticateBy((*access.Authenticator).AuthenticateProxied, next)
}

// authenticating is a way to find out who calls.
type authenticating func(*access.Authenticator, *http.Request) (access.Caller, error)

func (s *server) authenticateBy(how authenticating, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.admits(how, w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// admits answers who is not let in. It is a function of its own so that what it needs of the stack is free again while the request is
// answered, which may take hours.
func (s *server) admits(how authenticating, w http.ResponseWriter, r *http.Request) bool {
	caller, err := how(s.Auth, r)
	if err != nil {
		if errors.Is(err, access.ErrNoCredentials) || errors.Is(err, access.ErrBadCredentials) {
			w.Header().Set("WWW-Authenticate", s.Auth.Challenge(err))
		}
		handlers.WriteError(w, r, err)
		return false
	}
	handlers.EventOf(r).Caller = caller
	return true
}

// refusalTime is how long a connection waits that sends more than its caller's share: refusals are cheap, but not for nothing.
const refusalTime = 100 * time.Millisecond

// limitCaller takes one request from the caller's share.
func (s *server) limitCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait, ok := s.Rate.Allow(handlers.EventOf(r).Caller.ID); !ok {
			select {
			case <-time.After(min(wait, refusalTime)):
			case <-r.Context().Done():
			}
			handlers.WriteError(w, r, handlers.RateLimited(wait))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitRequests bounds the requests that are being answered, and shares them fairly between callers. Their bodies have arrived by then.
func (s *server) limitRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold, err := s.acquire(s.Requests, r, 1, false)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		var answer *offered
		if ctx, ok := r.Context().Value(requestKey{}).(*requestContext); ok {
			answer = &ctx.offered
		} else {
			answer = new(offered)
		}
		answer.ResponseWriter, answer.hold, answer.now = w, hold, s.Now
		defer answer.release()
		next.ServeHTTP(answer, r)
	})
}
