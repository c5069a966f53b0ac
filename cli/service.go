package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/config"
	"countersign/endpoints"
	"countersign/handlers"
	"countersign/sending"
	"countersign/signing"
	"countersign/telemetry"

	"github.com/rs/zerolog"
)

// service is what serves for the life of the process, in serve, proxy and sandbox. What the configuration decides is
// in a [generation], one of which is current.
type service struct {
	handler       http.Handler // serves with the current generation
	current       atomic.Pointer[generation]
	audit         *access.Auditor
	signer        *signing.Signer // with the keys that it has derived
	limits        api.Options     // limits for all requests, whatever their generation
	quota         *sending.Quota  // of the files in spool_dir
	stdout        *stdoutWriter
	first         logs                  // until there is a configuration
	metrics       *telemetry.Metrics    // nil without an address for them
	traces        *telemetry.Traces     // nil unless the environment asks for spans
	reloader      *reloader             // nil if the first generation stays
	notify        func(lines ...string) // to the supervisor
	traceSettings telemetry.TraceSettings

	leaving atomic.Bool // the process is about to stop

	openConnections, mostConnections atomic.Int64

	mu      sync.Mutex
	live    []*generation   // those that serve requests
	running context.Context // of background work; nil until that begins
}

// close stops background work; by then all requests have ended.
func (s *service) close() {
	last := s.current.Load()
	for _, g := range s.generations() {
		g.end()
	}
	last.store.Close()
	if err := s.audit.Close(); err != nil {
		last.logs.lifecycle.Error().AnErr("cause", err).Msg("closing the audit file")
	}
	s.flush(context.Background(), time.Second)
	s.stdout.close()
}

// newService makes a service with its first generation.
func newService(p *process, conf config.Config) (*service, error) {
	stdout := newStdoutWriter(p.stdout, p.now)
	s := &service{
		stdout: stdout, first: newLogs(stdout, p.now, zerolog.DebugLevel, ""), signer: new(signing.Signer),
		quota: sending.NewQuota(conf.MaxSpoolBytes),
	}
	s.notify = newNotifier(p, func(err error) { s.logger().Warn().AnErr("cause", err).Msg("cannot write to NOTIFY_SOCKET") })
	var limitsErr, auditErr error
	s.limits, limitsErr = newLimits(p, conf)
	s.limits.Contract = p.contract
	s.audit, auditErr = newAuditor(p, conf, auditLines{stdout})
	s.traces = s.newTraces(p)
	if s.metrics = newMetrics(p, conf, s); s.metrics != nil {
		s.limits.Served = s.served
	}
	if s.traces != nil {
		s.limits.Began, s.limits.Served = s.traces.Began, s.served
	}
	first, firstErr := s.newGeneration(p, conf, nil)
	if err := faultReport(conf, firstErr, limitsErr, auditErr); err != nil {
		s.flush(context.Background(), time.Second)
		stdout.close()
		return nil, err
	}
	s.use(first)
	s.handler = s
	return s, nil
}

// newLimits makes the limits of what requests may take.
func newLimits(p *process, conf config.Config) (api.Options, error) {
	rate, rateErr := access.NewRate(access.RateOptions{PerSecond: conf.RatePerSecond, Burst: conf.RateBurst, Now: p.now})
	guests, guestsErr := access.NewRate(access.RateOptions{PerSecond: guestRate, Burst: guestBurst, Now: p.now})
	requests, requestsErr := access.NewLimiter(int64(conf.MaxRequests), conf.MaxRequests, queueWait)
	sends, sendsErr := access.NewLimiter(int64(conf.MaxRequests), conf.MaxRequests, queueWait)
	memory, memoryErr := access.NewLimiter(conf.MaxBytes, conf.MaxRequests, queueWait)
	hashes, hashesErr := access.NewLimiter(int64(max(1, conf.MaxRequests/4)), conf.MaxRequests, queueWait)
	return api.Options{
		Rate: rate, Guests: guests, Requests: requests, Memory: memory, Hashes: hashes, Sends: sends,
		Senders: api.NewHalves(int64(conf.MaxRequests)), Bodies: api.NewHalves(conf.MaxBytes),
		Now: p.now, NewID: newID, BehindFunctions: p.getenv("FUNCTIONS_CUSTOMHANDLER_PORT") != "",
	}, errors.Join(rateErr, guestsErr, requestsErr, sendsErr, memoryErr, hashesErr)
}

// Limits for guests from one address: requests per second, and at once.
const guestRate, guestBurst = 5, 20

// queueWait is how long a request may wait for others to end.
const queueWait = 2 * time.Second

func newAuditor(p *process, conf config.Config, stdout io.Writer) (*access.Auditor, error) {
	o := access.AuditOptions{File: conf.AuditFile, HashPaths: conf.AuditHashPaths, Now: p.now, Random: rand.Reader}
	if conf.AuditFile == "" || conf.AuditStdout {
		o.Stdout = stdout
	}
	return access.NewAuditor(o)
}

func newAuthenticator(p *process, conf config.Config, metrics *telemetry.Metrics, before *generation) (*access.Authenticator, error) {
	o := access.Options{
		Auth: access.Auth(conf.Auth), APIKeys: conf.APIKeys, OIDC: conf.OIDC, Entra: conf.Entra, TrustedHeader: conf.TrustedHeader,
		Guest: conf.Guest, Now: p.now, PassesAuthorization: conf.ForwardAuthAs != "",
	}
	if metrics != nil {
		o.KeysFetched = metrics.KeysFetched
	}
	if before != nil {
		o.Before = before.auth
	}
	auth, err := access.NewAuthenticator(o)
	if err != nil {
		err = errors.Join(err, noCallersHint(conf))
	}
	return auth, err
}

func noCallersHint(conf config.Config) error {
	if conf.Auth != "" || conf.HasCallers() {
		return nil
	}
	return errors.New("  set COUNTERSIGN_API_KEY_SHA256 to the SHA-256 of a key (printf %s \"$KEY\" | sha256sum), list callers in the file, " +
		"or set --auth=none to accept every caller")
}

func newHandlers(p *process, conf config.Config, store broker.Sessions, audit broker.Audit) (*handlers.Handlers, error) {
	o, err := brokerOptions(p, conf, store, audit)
	return handlers.New(handlers.Options{Version: version(), Options: o}), err
}

func brokerOptions(p *process, conf config.Config, store broker.Sessions, audit broker.Audit) (broker.Options, error) {
	httpHosts := make([]string, len(conf.HTTPHosts))
	for i, host := range conf.HTTPHosts {
		httpHosts[i] = strings.TrimSuffix(strings.ToLower(host), ":80") // as in the Host header
	}
	var faults []error
	hosts := map[string]*endpoints.Hosts{}
	for profile, rules := range conf.Hosts {
		var err error
		if hosts[profile], err = endpoints.NewHosts(rules); err != nil {
			faults = append(faults, fmt.Errorf("profiles.%s.hosts: %w", profile, err))
		}
	}
	upstream, err := upstreamHeaders(conf.UpstreamHeaders)
	faults = append(faults, err)
	if name := conf.ForwardAuthAs; name != "" {
		if err := broker.CheckUpstreamName(name); err != nil {
			faults = append(faults, fmt.Errorf("forward_authorization_as: %w", err))
		}
	}
	policy, err := loadPolicy(p, conf.Policies)
	sender, senderErr := newSender(p, conf)
	defaultProfile := conf.DefaultProfile
	if defaultProfile == "" && len(conf.Profiles) == 1 {
		defaultProfile = conf.Profiles[0].Name
	}
	return broker.Options{
		Signer: new(signing.Signer), Sessions: store, Now: p.now, Policy: policy, Audit: audit,
		DefaultProfile: defaultProfile, Hosts: hosts, UpstreamHeaders: upstream, HTTPHosts: httpHosts, LoopbackHTTP: conf.Sandbox,
		AllowSigningTime: conf.AllowSigningTime, AllowCredentials: conf.AllowCredentials,
		Sender: sender,
	}, errors.Join(append(faults, err, senderErr)...)
}

// upstreamHeaders groups the upstream headers by profile.
func upstreamHeaders(list []config.UpstreamHeader) (map[string][]broker.UpstreamHeader, error) {
	var faults []error
	byProfile := map[string][]broker.UpstreamHeader{}
	for _, in := range list {
		h, err := broker.NewUpstreamHeader(in.Name, in.Value, in.Hosts)
		if err != nil {
			faults = append(faults, fmt.Errorf("profiles.%s.upstream_headers.%s: %w", in.Profile, in.Name, err))
		}
		byProfile[in.Profile] = append(byProfile[in.Profile], h)
	}
	return byProfile, errors.Join(faults...)
}

// loadPolicy reads the operator's policies; without a file, it returns the default ones.
func loadPolicy(p *process, file string) (*access.Policy, error) {
	if file == "" {
		return access.NewPolicy("", nil)
	}
	text, err := p.read(file)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	return access.NewPolicy(file, text)
}
