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

// generation is what one reading of the configuration makes: all that decides how a request is answered. A request has
// one from its beginning to its end, and a generation that another follows ends with its last request.
type generation struct {
	number   int64
	hash     string // of the files that it was read from; see files.hash
	conf     config.Config
	options  api.Options
	handler  http.Handler
	handlers *handlers.Handlers
	store    *credentials.Store
	auth     *access.Authenticator
	proxy    *proxy.Proxy
	logs     logs
	// certificate is what callers see; nil without TLS.
	certificate *tls.Certificate

	users atomic.Int64 // requests, and the service while this is the current one
	ended sync.Once
	stop  context.CancelFunc // of what runs in the background; nil until that begins
}

// newGeneration makes what the configuration says, whole or not at all. What outlives a generation is the service's and
// what it takes over from the generation before, nil for the first: sessions, and keys of issuers. The faults are for
// [faultReport].
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
	g.handlers, handlersErr = newHandlers(p, conf, g.store, trail{s, g})
	if err := errors.Join(authErr, storeErr, handlersErr, certificateErr); err != nil {
		g.end()
		return nil, err
	}
	g.handlers.Signer = s.signer
	g.handlers.AuditBroken, g.handlers.SessionsReady, g.handlers.MaxResponseBytes = s.audit.Broken, g.store.Ready, conf.MaxResponseBytes
	g.handlers.Spool = newSpool(conf)
	if p.files != nil {
		g.hash = p.files.hash() // all have been read
	}
	g.logs = newLogs(s.stdout, p.now, level, g.hash)
	o := s.limits
	o.MaxBodyBytes, o.PublicURL, o.Workbench = conf.MaxBodyBytes, strings.TrimSuffix(conf.PublicURL, "/"), newWorkbench(conf)
	o.Open, o.Handlers, o.Auth, o.Log = conf.Auth == string(access.AuthNone), g.handlers, g.auth, g.logs.request
	g.proxy = api.NewProxy(o, proxy.Options{
		Spool: newSpool(conf), Cookies: conf.ForwardCookies, Unsigned: conf.UnsignedPayloads,
		AuthorizationAs: conf.ForwardAuthAs,
	})
	o.Proxy, o.Origins = g.proxy, conf.AllowOrigins
	g.options, g.handler = o, api.New(o)
	return g, nil
}

// trail is where the audit records of a generation go.
type trail struct {
	service    *service
	generation *generation
}

// Write puts a record on all sinks, with the configuration that decided, and tells those who count.
func (a trail) Write(ctx context.Context, r access.Record) error {
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

func (a trail) NextID() string { return a.service.audit.NextID() }

// enter takes a place in the generation, unless that has ended.
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

// leave gives the place back. Who leaves last ends the generation.
func (g *generation) leave() {
	if g.users.Add(-1) == 0 {
		g.end()
	}
}

// end ends background work, and forgets what no other generation needs.
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

// ServeHTTP answers a request with the generation that is current when it comes.
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
		panic(err) // package config has bounds for both
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

// generations are those that answer requests.
func (s *service) generations() []*generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetEnded()
	return slices.Clone(s.live)
}

// forgetEnded is called with the lock held.
func (s *service) forgetEnded() {
	s.live = slices.DeleteFunc(s.live, func(g *generation) bool { return g.users.Load() == 0 })
}

// run does in the background what a generation needs while it serves.
func (g *generation) run(ctx context.Context) {
	ctx, g.stop = context.WithCancel(ctx)
	go g.auth.Run(ctx)
}

// run begins what the current generation and those that follow do in the background.
func (s *service) run(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = ctx
	s.current.Load().run(ctx)
}
