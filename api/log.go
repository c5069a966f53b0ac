package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"countersign/access"
	"countersign/handlers"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
)

// loggedRoutes is the routes, with what every request needs before it is routed.
type loggedRoutes struct {
	*chi.Mux
	*server
}

// ServeHTTP gives a request its context, and writes one line when it has ended. The line has no header, query or
// body.
func (l *loggedRoutes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := l.Now()
	ctx := l.newContext(r)
	ctx.id[0] = ctx.Event.RequestID
	w.Header()["X-Request-Id"] = ctx.id[:]
	ctx.response.ResponseWriter = w
	ctx.response.conn, _ = r.Context().Value(connKey{}).(*joiner)
	defer l.end(r, ctx, started)
	l.Mux.ServeHTTP(&ctx.response, r.WithContext(ctx))
}

func (l *loggedRoutes) newContext(r *http.Request) *requestContext {
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

func (l *loggedRoutes) end(r *http.Request, ctx *requestContext, started time.Time) {
	route, took := ctx.route.RoutePattern(), l.Now().Sub(started)
	if l.Served != nil {
		l.Served(ctx, Served{r.Method, route, ctx.response.status, took, &ctx.Event})
	}
	l.logRequest(r, &ctx.response, &ctx.Event, route, took)
}

func (s *server) logRequest(r *http.Request, response *countedResponse, e *handlers.Event, route string, took time.Duration) {
	unlogged := 0
	if response.status == http.StatusUnauthorized {
		var isLogged bool
		if isLogged, unlogged = s.refusals.logs(network(e.ClientIP), s.Now()); !isLogged {
			return
		}
	}
	line := s.logEvent(response.status, e, route)
	if unlogged > 0 {
		line = line.Int("unlogged", unlogged)
	}
	line.Str("request_id", e.RequestID).Str("method", clip(r.Method, 100)).Str("route", route).
		Int("status", response.status).Int("bytes", response.bytes).Dur("dur_ms", took).
		Str("user_agent", clip(r.UserAgent(), 100)).Msg("request")
}

// clientIP returns the address of the connection's other end. That may be a proxy, but only the Functions host is
// trusted to say who its client is.
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

// logEvent chooses the level: health checks would fill the log, and our own faults must stand out.
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
	if e.SessionWait >= minLoggedWait {
		line = line.Dur("sts_wait_ms", e.SessionWait)
	}
	if e.QueueWait >= minLoggedWait {
		line = line.Dur("queue_ms", e.QueueWait)
	}
	if e.Cause != nil {
		line = line.Str("cause", clip(e.Cause.Error(), 1000))
	}
	return line
}

// minLoggedWait is the shortest wait that is logged; anything shorter is a mere lookup.
const minLoggedWait = time.Millisecond

// polled reports whether hosts and load balancers request a path over and over.
func polled(path string) bool { return path == "/" || path == "/livez" || path == "/readyz" }

// clip limits how much of a stranger's text is logged.
func clip(text string, most int) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }

// requestID returns the caller's id if it is fit for a log and a header, so that both sides can search for it.
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
