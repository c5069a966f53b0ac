package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/config"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/handlers"
	"countersign/proxy"
	"countersign/sending"
	"countersign/signing"
	"countersign/telemetry"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"
)

// service is everything that serves: made from a checked configuration, used by serve and sandbox alike.
type service struct {
	handler        http.Handler
	handlers       *handlers.Handlers
	store          *credentials.Store
	auth           *access.Authenticator
	audit          *access.Auditor
	contract       *api.Contract
	proxy          *proxy.Proxy
	options        api.Options
	stdout         *outlet
	log            zerolog.Logger
	metrics        *telemetry.Metrics // nil where nobody reads them, at
	metricsAddress string
	traces         *telemetry.Traces // nil where nobody wants spans
	traceSettings  telemetry.TraceSettings

	maxConnections int
	leaving        atomic.Bool // the process is going to stop

	openConnections, mostConnections atomic.Int64
}

// close ends background work; every request is over by then.
func (s *service) close() {
	s.store.Close()
	if s.handlers.Sender != nil {
		s.handlers.Sender.Close()
	}
	if err := s.audit.Close(); err != nil {
		s.log.Error().AnErr("cause", err).Msg("closing the audit file")
	}
	s.flush(context.Background(), time.Second)
	s.stdout.close()
}

func newService(p *process, conf config.Config) (*service, error) {
	level, err := zerolog.ParseLevel(conf.LogLevel)
	if err != nil {
		return nil, usageError{err}
	}
	stdout := newOutlet(p.stdout, p.now)
	log := zerolog.New(stdout).Level(level).With().Timestamp().Logger()
	s := &service{
		stdout: stdout, log: log, contract: api.NewContract(p.contract),
		maxConnections: conf.MaxConnections, metricsAddress: conf.MetricsAddress,
	}
	limits, limitsErr := newLimits(p, conf)
	s.traces = s.newTraces(p)
	s.metrics = newMetrics(conf, s, limits)
	var authErr, storeErr, auditErr, handlersErr error
	s.auth, authErr = newAuthenticator(p, conf, s.metrics)
	s.store, storeErr = newStore(p, conf, log, s.metrics, s.traces)
	s.audit, auditErr = newAuditor(p, conf, records{stdout})
	audit := broker.Audit(s.audit)
	if s.metrics != nil {
		audit, limits.Served = s.metrics.Audited(audit), s.served
	}
	if s.traces != nil {
		audit, limits.Began, limits.Served = s.traces.Audited(audit), s.traces.Began, s.served
	}
	s.handlers, handlersErr = newHandlers(p, conf, s.store, audit)
	if err := faultReport(conf, authErr, storeErr, limitsErr, auditErr, handlersErr); err != nil {
		s.flush(context.Background(), time.Second)
		stdout.close()
		return nil, err
	}
	s.handlers.AuditBroken, s.handlers.SessionsReady, s.handlers.MaxResponseBytes = s.audit.Broken, s.store.Ready, conf.MaxResponseBytes
	limits.Handlers, limits.Contract, limits.Auth, limits.Log, limits.Now, limits.NewID = s.handlers, s.contract, s.auth, log, p.now, newID
	s.proxy = api.NewProxy(limits, proxy.Options{
		Spool: sending.Spool{Dir: conf.SpoolDir, MaxBytes: conf.MaxProxyBody}, Cookies: conf.ForwardCookies,
	})
	limits.Proxy = s.proxy
	s.options, s.handler = limits, api.New(limits)
	if conf.Sandbox {
		s.handler, err = s.contract.Enforce(s.handler, func(err error) { fmt.Fprintln(p.stderr, "countersign: breach of the contract:", err) })
	}
	return s, err
}

// newLimits bounds what requests may take.
func newLimits(p *process, conf config.Config) (api.Options, error) {
	rate, rateErr := access.NewRate(access.RateOptions{PerSecond: conf.RatePerSecond, Burst: conf.RateBurst, Now: p.now})
	requests, requestsErr := access.NewLimiter(int64(conf.MaxRequests), conf.MaxRequests, queueWait)
	sends, sendsErr := access.NewLimiter(int64(conf.MaxRequests), conf.MaxRequests, queueWait)
	memory, memoryErr := access.NewLimiter(conf.MaxBytes, conf.MaxRequests, queueWait)
	hashes, hashesErr := access.NewLimiter(int64(max(1, conf.MaxRequests/4)), conf.MaxRequests, queueWait)
	return api.Options{
		Rate: rate, Requests: requests, Memory: memory, Hashes: hashes, Sends: sends, MaxSends: conf.MaxRequests, MaxBodyBytes: conf.MaxBodyBytes,
		PublicURL:       strings.TrimSuffix(conf.PublicURL, "/"),
		Workbench:       newWorkbench(conf),
		Open:            conf.Auth == string(access.AuthNone),
		BehindFunctions: p.getenv("FUNCTIONS_CUSTOMHANDLER_PORT") != "",
	}, errors.Join(rateErr, requestsErr, sendsErr, memoryErr, hashesErr)
}

// queueWait is how long a request may wait for others to end.
const queueWait = 2 * time.Second

func newAuditor(p *process, conf config.Config, stdout io.Writer) (*access.Auditor, error) {
	o := access.AuditOptions{File: conf.AuditFile, HashPaths: conf.AuditHashPaths, Now: p.now, Random: rand.Reader}
	if conf.AuditFile == "" || conf.AuditStdout {
		o.Stdout = stdout
	}
	return access.NewAuditor(o)
}

func newAuthenticator(p *process, conf config.Config, metrics *telemetry.Metrics) (*access.Authenticator, error) {
	o := access.Options{
		Auth: access.Auth(conf.Auth), APIKeys: conf.APIKeys, Entra: conf.Entra, TrustedHeader: conf.TrustedHeader, Now: p.now,
	}
	if metrics != nil {
		o.KeysFetched = metrics.KeysFetched
	}
	auth, err := access.NewAuthenticator(o)
	if err != nil {
		err = errors.Join(err, noCallersHint(conf))
	}
	return auth, err
}

func noCallersHint(conf config.Config) error {
	if conf.Auth != "" || len(conf.APIKeys) > 0 || conf.Entra != nil || conf.TrustedHeader != nil {
		return nil
	}
	return errors.New("  set COUNTERSIGN_API_KEY_SHA256 to the SHA-256 of a key (printf %s \"$KEY\" | sha256sum), list callers in the file, " +
		"or say --auth=none to let every caller in")
}

func newHandlers(p *process, conf config.Config, store broker.Sessions, audit broker.Audit) (*handlers.Handlers, error) {
	o, err := brokerOptions(p, conf, store, audit)
	return handlers.New(handlers.Options{Version: version(), Options: o}), err
}

func brokerOptions(p *process, conf config.Config, store broker.Sessions, audit broker.Audit) (broker.Options, error) {
	httpHosts := make([]string, len(conf.HTTPHosts))
	for i, host := range conf.HTTPHosts {
		httpHosts[i] = strings.TrimSuffix(strings.ToLower(host), ":80") // as the Host header is sent
	}
	var faults []error
	hosts := map[string]*endpoints.Hosts{}
	for profile, rules := range conf.Hosts {
		var err error
		if hosts[profile], err = endpoints.NewHosts(rules); err != nil {
			faults = append(faults, fmt.Errorf("profiles.%s.hosts: %w", profile, err))
		}
	}
	policy, err := loadPolicy(conf.Policies)
	sender, senderErr := newSender(p, conf)
	defaultProfile := conf.DefaultProfile
	if defaultProfile == "" && len(conf.Profiles) == 1 {
		defaultProfile = conf.Profiles[0].Name
	}
	return broker.Options{
		Signer: new(signing.Signer), Sessions: store, Now: p.now, Policy: policy, Audit: audit,
		DefaultProfile: defaultProfile, Hosts: hosts, HTTPHosts: httpHosts, LoopbackHTTP: conf.Sandbox,
		AllowSigningTime: conf.AllowSigningTime, AllowCredentials: conf.AllowCredentials,
		Sender: sender,
	}, errors.Join(append(faults, err, senderErr)...)
}

// loadPolicy reads the operator's policies; without a file, those that everybody has.
func loadPolicy(file string) (*access.Policy, error) {
	if file == "" {
		return access.NewPolicy("", nil)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	return access.NewPolicy(file, text)
}

// connections is how many may be open at once. When file descriptors run out,
// nobody is let in any more, health checks neither, and no file or STS can be
// reached: so some are left.
func (s *service) connections(descriptors int) int {
	const spare = 256
	if descriptors == 0 || s.maxConnections <= descriptors-spare {
		return s.maxConnections
	}
	n := max(descriptors-spare, descriptors/2)
	s.log.Warn().Int("max_connections", s.maxConnections).Int("descriptors", descriptors).Int("used", n).
		Msg("fewer connections than configured: too few file descriptors")
	return n
}

// serve answers until ctx ends, and then as long as g grants.
func (s *service) serve(ctx context.Context, listener net.Listener, g grace) error {
	if s.metrics != nil {
		stop, err := s.startMetrics()
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer stop()
		s.handler = s.metrics.Count(s.handler)
	}
	server := &http.Server{
		Handler:           closeWhen(&s.leaving, s.handler),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          stdlog.New(s.log, "", 0),
		ConnState:         s.countConnections,
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // callers come until the end
	defer stop()
	go s.auth.Run(running)
	failed := make(chan error, 2)
	go func() {
		// The host's first poll need not wait for this. What it leaves behind is large, and not needed again.
		if err := s.contract.Check(); err != nil {
			failed <- err
		}
		debug.FreeOSMemory()
	}()
	most := s.connections(descriptors())
	s.mostConnections.Store(int64(most))
	go func() { failed <- server.Serve(netutil.LimitListener(listener, most)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.shutdown(ctx, server, failed, g)
}
