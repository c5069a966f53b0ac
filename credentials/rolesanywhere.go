package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"countersign/endpoints"
)

const (
	rolesAnywhereService = "rolesanywhere"
	// certificateHeaders limits the size of the headers with the certificates.
	certificateHeaders = 16 << 10
	pairTries          = 3 // to read a pair that is half written when the service first starts
	pairPause          = 100 * time.Millisecond
)

// rolesAnywhere gets sessions with a certificate.
type rolesAnywhere struct {
	RolesAnywhere
	profile  string
	endpoint string // without a trailing slash
	region   string
	env      func(string) string
	client   *http.Client
	clock    *clock
	called   func(context.Context, STSCall)
	log      func(Event)

	mu   sync.Mutex
	good *pair // the last one that AWS accepted; nil at first
}

// Region is the region in which IAM Roles Anywhere is called; "" if r is nil.
func (r *RolesAnywhere) Region() string {
	if r == nil {
		return ""
	}
	region, _, _, _ := parseAnchorARN(r.TrustAnchorARN, "trust-anchor")
	return region
}

func newRolesAnywhere(p *Profile, s *Store) *rolesAnywhere {
	r := &rolesAnywhere{
		RolesAnywhere: *p.RolesAnywhere, profile: p.Name, env: s.options.Getenv, called: s.options.Called, log: s.log,
		endpoint: strings.TrimSuffix(s.options.rolesAnywhereEndpoint, "/"), clock: s.clock(s.options.rolesAnywhereEndpoint),
	}
	r.client = newClient(s.base, r.clock)
	r.region = p.RolesAnywhere.Region()
	if r.endpoint == "" {
		r.endpoint = "https://" + rolesAnywhereHost(r.region, p.FIPS, p.DualStack)
	}
	if r.Duration == 0 {
		r.Duration = defaultDuration
	}
	return r
}

func rolesAnywhereHost(region string, fips, dualStack bool) string {
	host, known := endpoints.Endpoint(rolesAnywhereService, region)
	if !known { // a partition whose suffix is not in the tables
		host = rolesAnywhereService + "." + region + ".amazonaws.com"
	}
	if fips {
		host = strings.Replace(host, rolesAnywhereService, rolesAnywhereService+"-fips", 1)
	}
	if dualStack {
		host = strings.Replace(host, ".amazonaws.com.cn", ".api.amazonwebservices.com.cn", 1)
		host = strings.Replace(host, ".amazonaws.com", ".api.aws", 1)
	}
	return host
}

// read reads the pair from its files again: certificates of servers are replaced every few weeks, or even every day.
func (r *rolesAnywhere) read(now time.Time) (*pair, error) {
	certificate, err := r.text("certificate", r.CertificateFile, r.CertificateVariable)
	if err != nil {
		return nil, err
	}
	key, err := r.text("private key", r.PrivateKeyFile, r.PrivateKeyVariable)
	if err != nil {
		return nil, err
	}
	var chain []byte
	if r.ChainFile != "" || r.ChainVariable != "" {
		if chain, err = r.text("chain", r.ChainFile, r.ChainVariable); err != nil {
			return nil, err
		}
	}
	p, err := parsePair(certificate, key, chain)
	if err != nil {
		return nil, fail(ErrConfiguration, err.Error())
	}
	if n := len(encoded(p.leaf.Raw)) + len(chainHeader(p)); n > certificateHeaders {
		return nil, fail(ErrConfiguration, fmt.Sprintf("chain is too long: its certificates take %d bytes in headers, at most %d are allowed",
			n, certificateHeaders))
	}
	if err := p.checkTime(now); err != nil {
		return nil, fail(ErrUnavailable, err.Error()) // until it is replaced
	}
	return p, nil
}

func (r *rolesAnywhere) text(what, file, variable string) ([]byte, error) {
	if file == "" {
		text := lookup(r.env, variable)
		if text == "" {
			return nil, fail(ErrConfiguration, what+": the variable "+variable+" is empty")
		}
		if !strings.Contains(text, "\n") { // templates write \n if a variable must be a single line
			text = strings.ReplaceAll(text, `\n`, "\n")
		}
		return []byte(text), nil
	}
	text, err := readFile(file)
	if err != nil {
		return nil, badFile(what+" file unreadable", err)
	}
	return text, nil
}

// current returns the pair to use: the one on disk or, if that cannot be used, the last one that AWS accepted. In the
// latter case kept is the reason why the new one cannot be used.
func (r *rolesAnywhere) current(now time.Time) (p *pair, kept, err error) {
	p, err = r.read(now)
	if err == nil {
		return p, nil, nil
	}
	if good := r.lastGood(now); good != nil {
		return good, err, nil
	}
	return nil, nil, err
}

// lastGood returns the last pair that AWS accepted, if it can still be used.
func (r *rolesAnywhere) lastGood(now time.Time) *pair {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.good == nil || r.good.checkTime(now) != nil {
		return nil
	}
	return r.good
}

// follow takes over the pair that before used successfully: the one on disk may be the next one, half written.
func (r *rolesAnywhere) follow(before *rolesAnywhere) {
	before.mu.Lock()
	defer before.mu.Unlock()
	r.good = before.good
}

// keys gets a session.
func (r *rolesAnywhere) keys(ctx context.Context) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	p, kept, err := r.current(r.clock.read().time)
	for range pairTries - 1 {
		if err == nil || !wait(ctx, pairPause) {
			break
		}
		p, kept, err = r.current(r.clock.read().time)
	}
	if err != nil {
		return Session{}, err
	}
	s, err := r.create(ctx, p)
	if good := r.lastGood(r.clock.read().time); errors.Is(err, ErrDenied) && good != nil && !good.equal(p) {
		// The new pair may be half written: a chain that is cut off between certificates looks like a complete one.
		kept = err
		p = good
		s, err = r.create(ctx, p)
	}
	if err != nil {
		return Session{}, err
	}
	r.mu.Lock()
	r.good = p
	r.mu.Unlock()
	r.report(p, kept)
	return s, nil
}

// report logs what the operator should know about the certificate.
func (r *rolesAnywhere) report(p *pair, kept error) {
	event := Event{Kind: EventCertificate, Profile: r.profile, Expires: p.end()}
	switch {
	case kept != nil:
		event.Err, event.Detail = kept, "the current certificate cannot be used; the previous one is still in use"
		event.Hint = "check that the certificate, private key and chain belong together"
	case p.endsSoon(r.clock.read().time):
		event.Err = fail(ErrConfiguration, "certificate ends soon")
		event.Hint = "less than a third of its lifetime is left: check that it is renewed"
	default:
		return
	}
	r.log(event)
}

// wait waits for d and reports whether it passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// explain reports which certificate is used, and what the role must trust.
func (r *rolesAnywhere) explain(d *Diagnosis, step string) bool {
	p, kept, err := r.current(r.clock.read().time)
	if err != nil {
		d.failed(step, err, sourceHint(SourceRolesAnywhere))
		return false
	}
	if kept != nil {
		d.passed(step, "note: %v; the previous certificate is still in use", kept)
	}
	d.passed(step, "certificate %q, serial number %s, until %s, with %d more up to the trust anchor",
		p.leaf.Subject.String(), p.leaf.SerialNumber, p.end().UTC().Format(time.RFC3339), len(p.chain))
	d.TrustPolicy = trustCertificate(p, r.TrustAnchorARN)
	return true
}

// certificates returns the profiles' usable certificates, as their files are now.
func (s *Store) certificates() map[string]*pair {
	found := map[string]*pair{}
	for name, p := range s.profiles {
		if p.certificate == nil {
			continue
		}
		if now, _, err := p.certificate.current(p.certificate.clock.read().time); err == nil {
			found[name] = now
		}
	}
	return found
}

// CertificateWarnings returns what is wrong with the profiles' certificates now, or will be soon, as *[ConfigError]s.
func (s *Store) CertificateWarnings() []error {
	var all []error
	for i := range s.options.Profiles {
		p := s.profiles[s.options.Profiles[i].Name]
		if p.certificate == nil {
			continue
		}
		f := &faults{profile: p.Name}
		f.certificate(p.certificate)
		all = append(all, f.found...)
	}
	return all
}

func (f *faults) certificate(r *rolesAnywhere) {
	now := r.clock.read().time
	var unusable *Error
	switch p, err := r.read(now); {
	case errors.As(err, &unusable):
		f.add("roles_anywhere", "%s", unusable.Code)
	case p.endsSoon(now):
		f.add("roles_anywhere", "the certificate ends on %s, and less than a third of its lifetime is left", p.end().UTC().Format(time.RFC3339))
	}
	if info, err := os.Stat(r.PrivateKeyFile); r.PrivateKeyFile != "" && err == nil && info.Mode().Perm()&0o007 != 0 {
		f.add("roles_anywhere.private_key_file", "can be read by every user of this machine: use mode 0600, or 0640 with a group of its own")
	}
}
