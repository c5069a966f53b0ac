package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"countersign/access"
	"countersign/config"
)

// reloader watches the configuration files and puts their changes into force.
//
// It polls: file system events miss it when Kubernetes swaps the folder of a mounted volume for the second time. And
// half of a file that is being written can be a valid configuration, even one that lets everybody in. So a change
// counts only when two polls in a row see the same.
type reloader struct {
	service  *service
	process  *process
	file     string        // from the flag
	interval time.Duration // between polls; 0: only after a signal
	signals  <-chan os.Signal

	taken      sums  // of the files that were read last, whether or not they are in force
	pending    sums  // of changed files, until another poll agrees
	forced     bool  // by a signal: reload even if the files are the same
	fault      error // of the latest reading; nil if it is in force
	complained time.Time
	streams    map[string]content
}

const (
	// recheckDelay is the time between two polls after a signal.
	recheckDelay = 100 * time.Millisecond
	// reminderInterval is how often a configuration that cannot be loaded is reported.
	reminderInterval = 10 * time.Minute
)

// newReloading makes a service that reloads its files when they change, and at once after a signal.
func newReloading(p *process, file string, signals <-chan os.Signal) (*service, error) {
	limitMemory(startMemoryLimit)
	defer limitMemory(softMemoryLimit)
	first := newFiles(nil)
	reading := *p
	reading.files = first
	conf, err := loadConfig(&reading, file)
	if err != nil {
		return nil, err
	}
	s, err := newService(&reading, conf)
	if err != nil {
		return nil, err
	}
	s.reloader = &reloader{
		service: s, process: p, file: file, signals: signals, interval: time.Duration(conf.ReloadSeconds) * time.Second,
		taken: first.sums(), streams: first.streams,
	}
	return s, nil
}

// run polls until ctx ends: at intervals, and at once after a signal.
func (r *reloader) run(ctx context.Context) {
	timer := time.NewTimer(r.interval)
	defer timer.Stop()
	if r.interval == 0 {
		timer.Stop()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.signals:
			r.forced, r.pending = true, nil
			r.service.notify(reloadingLines()...)
		case <-timer.C:
		}
		if ctx.Err() != nil { // both may have been ready
			return
		}
		if again := r.poll(); again > 0 {
			timer.Reset(again)
		}
	}
}

// poll reads the files, puts into force what two polls agree on, and returns when to poll again; 0 for not by itself.
func (r *reloader) poll() time.Duration {
	if !r.forced && r.pending == nil && r.taken.now().equal(r.taken) {
		r.remind()
		return r.interval
	}
	next := r.read()
	switch seen := next.files.sums(); {
	case !r.forced && seen.equal(r.taken): // changed back
		r.pending = nil
	case r.pending == nil || !seen.equal(r.pending):
		r.pending = seen
		if r.forced {
			return recheckDelay
		}
	default:
		why := "file"
		if r.forced {
			why = "signal"
		}
		r.pending, r.forced, r.taken = nil, false, seen
		r.take(next, why)
	}
	return r.interval
}

// candidate is a configuration that has been read and is not yet in force.
type candidate struct {
	process *process
	files   *files
	conf    config.Config
	kept    []string // settings that keep their values from before
	err     error
}

// read reads all files that the new configuration names, so that what is compared is what is used.
func (r *reloader) read() candidate {
	next := candidate{files: newFiles(r.streams)}
	p := *r.process
	p.files = next.files
	next.process = &p
	next.conf, next.err = loadConfig(&p, r.file)
	c := &next.conf
	next.kept = c.Keep(&r.service.current.Load().conf)
	for _, name := range []string{c.Policies, c.TLSCertFile, c.TLSKeyFile, strings.TrimSpace(p.getenv("AWS_CA_BUNDLE"))} {
		if name != "" {
			_, _ = p.read(name) // errors are reported where the file is used
		}
	}
	return next
}

// take puts a candidate into force, or reports why it cannot.
func (r *reloader) take(next candidate, why string) {
	before := r.service.current.Load()
	var g *generation
	r.fault = next.err
	if r.fault == nil {
		var err error
		g, err = r.service.newGeneration(next.process, next.conf, before)
		r.fault = faultReport(next.conf, err)
	}
	if r.service.metrics != nil {
		r.service.metrics.Reloaded(r.fault)
	}
	if r.fault != nil {
		r.complain()
		r.service.notify("READY=1", stateLine("configuration not reloaded: "+r.fault.Error()))
		return
	}
	changes := r.service.record(g, before, why)
	r.service.use(g)
	r.service.logReload(g, next.process, changes, next.kept)
	r.service.notify("READY=1", stateLine("configuration "+g.hash+" is in force"))
}

// complain logs that the configuration is bad and that the one before stays in force.
func (r *reloader) complain() {
	r.complained = r.process.now()
	g := r.service.current.Load()
	g.logs.config.Error().AnErr("cause", r.fault).Int64("generation", g.number).
		Msg("configuration not reloaded: the previous one stays in force")
}

// remind logs it again, for operators who look later.
func (r *reloader) remind() {
	if r.fault != nil && r.process.now().Sub(r.complained) >= reminderInterval {
		r.complain()
	}
}

// logReload logs what differs from the generation before, and then the warnings.
func (s *service) logReload(g *generation, p *process, c access.Configuration, kept []string) {
	line := g.logs.config.Info().Int64("generation", g.number)
	if g.conf.FileName != "" {
		line.Str("config", g.conf.FileName).Str("config_sha256", c.ConfigSHA256)
	}
	for name, list := range map[string][]string{
		"callers_added": c.CallersAdded, "callers_removed": c.CallersRemoved, "callers_changed": c.CallersChanged,
		"profiles_added": c.ProfilesAdded, "profiles_removed": c.ProfilesRemoved, "profiles_changed": c.ProfilesChanged,
		"settings_changed": c.SettingsChanged,
	} {
		if len(list) > 0 {
			line.Strs(name, list)
		}
	}
	if c.PoliciesSHA256 != "" {
		line.Str("policies", g.conf.Policies).Str("policies_sha256", c.PoliciesSHA256)
	}
	line.Int("api_keys", len(g.conf.APIKeys)).Msg("configuration reloaded")
	if len(kept) > 0 {
		g.logs.config.Warn().Strs("settings", kept).
			Msg("settings have changed that need a restart: their previous values stay in force")
	}
	g.logWarnings(s.warnings(p, g))
}
