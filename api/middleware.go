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

	"countersign/access"
	"countersign/handlers"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"
)

// logRequest writes one line for each request, when it is over. No header, query or body is in it.
func (o Options) logRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event := new(handlers.Event)
		event.RequestID = requestID(r.Header.Get("X-Request-Id"), o.NewID)
		event.ClientIP, event.Workflow = o.clientIP(r), access.WorkflowOf(r.Header)
		started := o.Now()
		w.Header().Set("X-Request-Id", event.RequestID)
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		r = handlers.WithEvent(r, event)
		defer func() {
			route := chi.RouteContext(r.Context()).RoutePattern()
			o.line(ww.Status(), event, route).
				Str("request_id", event.RequestID).Str("method", short(r.Method, 100)).Str("route", route).
				Int("status", ww.Status()).Int("bytes", ww.BytesWritten()).Dur("dur_ms", o.Now().Sub(started)).
				Str("user_agent", short(r.UserAgent(), 100)).Msg("request")
		}()
		next.ServeHTTP(ww, r)
	})
}

// clientIP is the connection's other end. That may be a proxy, but what proxies say of the client is anybody's word,
// save the Functions host's.
func (o Options) clientIP(r *http.Request) string {
	remote := r.RemoteAddr
	if forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ","); o.BehindFunctions && forwarded != "" {
		remote = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	}
	if host, _, err := net.SplitHostPort(remote); err == nil {
		remote = host
	}
	if ip, err := netip.ParseAddr(remote); err == nil {
		return ip.String()
	}
	return ""
}

// line picks the level: polls of hosts and load balancers would fill the log, faults of ours must stand out.
func (o Options) line(status int, e *handlers.Event, route string) *zerolog.Event {
	line := o.Log.Info()
	switch {
	case status >= 500:
		line = o.Log.Error()
	case status < 400 && (route == "/" || route == "/livez" || route == "/readyz"):
		line = o.Log.Debug()
	}
	for key, value := range map[string]string{
		"caller": e.Caller.ID, "profile": e.Profile, "service": e.Service, "region": e.Region,
		"err_code": e.Code, "detail": e.Detail, "hint": e.Hint,
	} {
		if value != "" {
			line = line.Str(key, short(value, 1000))
		}
	}
	if e.Cause != nil {
		line = line.Str("cause", short(e.Cause.Error(), 1000))
	}
	return line
}

// short bounds what a stranger can have written into the log.
func short(text string, most int) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }

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
			handlers.WriteError(w, r, fmt.Errorf("panic: %s\n%s", told(p), debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// told is what the log may hold of a panic: the runtime's words, and of other values the type alone, since they may be or hold a secret.
func told(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// authenticate lets in who brings a right key.
func (o Options) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := o.Auth.Authenticate(r)
		if err != nil {
			if !errors.Is(err, access.ErrForbidden) && !errors.Is(err, access.ErrUnavailable) {
				w.Header().Set("WWW-Authenticate", o.Auth.Challenge(err))
			}
			handlers.WriteError(w, r, err)
			return
		}
		handlers.EventOf(r).Caller = caller
		next.ServeHTTP(w, r)
	})
}

// limitCaller takes one request from the caller's share.
func (o Options) limitCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait, ok := o.Rate.Allow(handlers.EventOf(r).Caller.ID); !ok {
			handlers.WriteError(w, r, handlers.RateLimited(wait))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitRequests bounds the requests that are being answered, and shares them fairly between callers. Their bodies have arrived by then.
func (o Options) limitRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold, err := o.Requests.Acquire(r.Context(), handlers.EventOf(r).Caller.ID, 1, false)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		answer := &offered{ResponseWriter: w, hold: hold}
		defer answer.release()
		next.ServeHTTP(answer, r)
	})
}
