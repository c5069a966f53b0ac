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

// acquire takes a place for a request, and records how long the request minLoggedWait for it.
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

// recoverPanic responds to a panic as to any other internal error; the stack goes to the log.
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

// panicText returns what may be logged of a panic: the text of runtime errors, and only the type of other values,
// since they may be or contain a secret.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// authenticate accepts requests with valid credentials.
func (s *server) authenticate(next http.Handler) http.Handler {
	return s.authenticateBy((*access.Authenticator).Authenticate, next)
}

// authenticateProxied is authenticate for requests that are forwarded.
func (s *server) authenticateProxied(next http.Handler) http.Handler {
	authenticated := s.authenticateBy((*access.Authenticator).AuthenticateProxied, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.EventOf(r).Passed = true
		authenticated.ServeHTTP(w, r)
	})
}

// authenticateFunc finds out who calls.
type authenticateFunc func(*access.Authenticator, *http.Request) (access.Caller, error)

func (s *server) authenticateBy(how authenticateFunc, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.admits(how, w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// admits responds to requests that are refused. It is a separate function so that the stack it needs is free again
// while the request is handled, which may take hours.
func (s *server) admits(how authenticateFunc, w http.ResponseWriter, r *http.Request) bool {
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

// refusalDelay is how long a connection that exceeds its caller's share waits for the refusal: refusals are cheap,
// but not free.
const refusalDelay = 100 * time.Millisecond

// limitCaller takes one request from the caller's share.
func (s *server) limitCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait, ok := s.Rate.Allow(handlers.EventOf(r).Caller.ID); !ok {
			select {
			case <-time.After(min(wait, refusalDelay)):
			case <-r.Context().Done():
			}
			handlers.WriteError(w, r, handlers.RateLimited(wait))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitRequests limits the requests in progress, and shares that limit fairly between callers. Their bodies have
// arrived by then.
func (s *server) limitRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold, err := s.acquire(s.Requests, r, 1, false)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		var response *offeredResponse
		if ctx, ok := r.Context().Value(requestKey{}).(*requestContext); ok {
			response = &ctx.offered
		} else {
			response = new(offeredResponse)
		}
		response.ResponseWriter, response.hold, response.now = w, hold, s.Now
		defer response.release()
		next.ServeHTTP(response, r)
	})
}
