package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"countersign/access"
	"countersign/handlers"
	"countersign/proxy"
)

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

// recoverPanic answers a fault of the program like any other fault of ours; the stack goes to the log.
func recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			stack := debug.Stack()
			if elsewhere, ok := p.(*proxy.Panic); ok {
				p, stack = elsewhere.Value, elsewhere.Stack
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			handlers.WriteError(w, r, fmt.Errorf("panic: %s\n%s", panicText(p), stack))
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
	authenticated := s.authenticateBy((*access.Authenticator).AuthenticateProxied, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.EventOf(r).Passed = true
		authenticated.ServeHTTP(w, r)
	})
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
		var response *offered
		if ctx, ok := r.Context().Value(requestKey{}).(*requestContext); ok {
			response = &ctx.offered
		} else {
			response = new(offered)
		}
		response.ResponseWriter, response.hold, response.now = w, hold, s.Now
		defer response.release()
		next.ServeHTTP(response, r)
	})
}
