package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"countersign/access"
	"countersign/api"
	"countersign/config"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/proxy"

	"github.com/rs/zerolog"
)

// generation is what one reading of the configuration makes: everything that decides how a request is handled. A
// request has one from beginning to end, and a generation that has been replaced ends with its last request.
type generation struct {
	number   int64
	hash     string // of its files; see files.hash
	conf     config.Config
	options  api.Options
	handler  http.Handler
	handlers *handlers.Handlers
	store    *credentials.Store
	auth     *access.Authenticator
	proxy    *proxy.Proxy
	logs     logs
	// certificate is the one that callers see; nil without TLS.
	certificate *tls.Certificate

	users atomic.Int64 // requests, plus the service while this generation is current
	ended sync.Once
	stop  context.CancelFunc // stops background work; nil until that begins
}

// newGeneration makes everything that the configuration asks for, or nothing. What outlives a generation belongs to
// the service or is taken over from the generation before (nil for the first): sessions, and issuers' keys. The
// errors are meant for [faultReport].
func (s *service) newGeneration(p *process, conf config.Config, before *generation) (*generation, error) {
	level, err := zerolog.ParseLevel(conf.LogLevel)
	if err != nil {
		return nil, err
	}
	g := &generation{number: 1, conf: conf}
	if before != nil {
		g.number = before.number + 1
	}
	g.users.Store(1)
	var authErr, storeErr, handlersErr, certificateErr error
	g.certificate, certificateErr = newCertificate(p, conf)
	g.auth, authErr = newAuthenticator(p, conf, s.metrics, before)
	g.store, storeErr = s.newStore(p, conf, before)
	g.handlers, handlersErr = newHandlers(p, conf, g.store, auditSink{s, g})
	if err := errors.Join(authErr, storeErr, handlersErr, certificateErr); err != nil {
		g.end()
		return nil, err
	}
	g.handlers.Signer = s.signer
	g.handlers.AuditBroken, g.handlers.SessionsReady, g.handlers.MaxResponseBytes = s.audit.Broken, g.store.Ready, conf.MaxResponseBytes
	g.handlers.Spool = newSpool(conf, s.quota)
	if p.files != nil {
		g.hash = p.files.hash() // all files have been read by now
	}
	g.logs = newLogs(s.stdout, p.now, level, g.hash)
	o := s.limits
	o.MaxBodyBytes, o.PublicURL, o.Workbench = conf.MaxBodyBytes, strings.TrimSuffix(conf.PublicURL, "/"), newWorkbench(conf)
	o.Open, o.Handlers, o.Auth, o.Log = conf.Auth == string(access.AuthNone), g.handlers, g.auth, g.logs.request
	g.proxy = api.NewProxy(o, proxy.Options{
		Spool: newSpool(conf, s.quota), Cookies: conf.ForwardCookies, Unsigned: conf.UnsignedPayloads,
		AuthorizationAs: conf.ForwardAuthAs,
	})
	o.Proxy, o.Origins = g.proxy, conf.AllowOrigins
	g.options, g.handler = o, api.New(o)
	return g, nil
}

// auditSink is where the audit records of a generation go.
type auditSink struct {
	service    *service
	generation *generation
}

// Write writes a record to all sinks, with the hash of the configuration that decided, and passes it to metrics and
// traces.
func (a auditSink) Write(ctx context.Context, r access.Record) error {
	r.ConfigHash = a.generation.hash
	err := a.service.audit.Write(ctx, r)
	if a.service.metrics != nil {
		a.service.metrics.Record(&r, err)
	}
	if a.service.traces != nil {
		a.service.traces.Record(ctx, &r)
	}
	return err
}

func (a auditSink) NextID() string { return a.service.audit.NextID() }

// enter counts a user of the generation, unless that has ended.
func (g *generation) enter() bool {
	for {
		n := g.users.Load()
		if n == 0 {
			return false
		}
		if g.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave ends the use. The last user to leave ends the generation.
func (g *generation) leave() {
	if g.users.Add(-1) == 0 {
		g.end()
	}
}

// end stops background work and forgets what no other generation needs.
func (g *generation) end() {
	g.ended.Do(func() {
		if g.stop != nil {
			g.stop()
		}
		if g.store != nil {
			g.store.Retire()
		}
		if g.handlers != nil && g.handlers.Sender != nil {
			g.handlers.Sender.Close()
		}
	})
}

// ServeHTTP serves a request with the generation that is current when it arrives.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := s.enter()
	defer g.leave()
	g.handler.ServeHTTP(w, r)
}

func (s *service) enter() *generation {
	for {
		if g := s.current.Load(); g.enter() {
			return g
		}
	}
}

// use makes g the current generation.
func (s *service) use(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		g.run(s.running)
	}
	s.live = append(s.live, g)
	before := s.current.Swap(g)
	if err := s.limits.Rate.Set(g.conf.RatePerSecond, g.conf.RateBurst); err != nil {
		panic(err) // package config checks both
	}
	if s.metrics != nil {
		s.metrics.Use(metricNames(g))
	}
	if s.leaving.Load() {
		g.handlers.Drain()
	}
	if before != nil {
		before.leave()
	}
	s.forgetEnded()
}

// generations returns those that still serve requests.
func (s *service) generations() []*generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetEnded()
	return slices.Clone(s.live)
}

// forgetEnded removes generations that have ended. The caller holds the lock.
func (s *service) forgetEnded() {
	s.live = slices.DeleteFunc(s.live, func(g *generation) bool { return g.users.Load() == 0 })
}

// run starts the background work that a generation needs while it serves.
func (g *generation) run(ctx context.Context) {
	ctx, g.stop = context.WithCancel(ctx)
	go g.auth.Run(ctx)
}

// run starts the background work of the current generation and of those that follow.
func (s *service) run(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = ctx
	s.current.Load().run(ctx)
}
