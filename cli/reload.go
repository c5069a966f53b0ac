package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"countersign/access"
	"countersign/config"
)

// reloader looks at the files of the configuration, and has the service go on with what they say.
//
// Files are polled: what the system tells about changes misses that Kubernetes swaps the folder of a mounted volume for the
// second time, and half of a file that is being written can be a valid configuration, and an open one. So a change counts
// when two looks in a row see the same.
type reloader struct {
	service  *service
	process  *process
	file     string        // that the flag names
	interval time.Duration // between looks; 0: only when asked
	signals  <-chan os.Signal

	taken   sums  // of the files that were read last, whatever came of it
	pending sums  // of files that have changed, until another look agrees
	asked   bool  // by a signal: the files count although they are the same
	fault   error // of the latest reading; nil where it was taken
	told    time.Time
	streams map[string]content
}

const (
	// agree is the time between two looks after a signal.
	agree = 100 * time.Millisecond
	// remind is how often a configuration is complained of that cannot be taken.
	remind = 10 * time.Minute
)

// newReloading makes a service that looks at its files while it serves, and at once after a signal.
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

// run looks until ctx ends: now and then, and at once when asked.
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
			r.asked, r.pending = true, nil
			r.service.notify(reloadingLines()...)
		case <-timer.C:
		}
		if ctx.Err() != nil { // both may have been there
			return
		}
		if again := r.look(); again > 0 {
			timer.Reset(again)
		}
	}
}

// look reads the files, takes what two looks agree on, and returns when to look again; 0 for not by itself.
func (r *reloader) look() time.Duration {
	if !r.asked && r.pending == nil && r.taken.now().equal(r.taken) {
		r.remind()
		return r.interval
	}
	next := r.read()
	switch seen := next.files.sums(); {
	case !r.asked && seen.equal(r.taken): // changed back
		r.pending = nil
	case r.pending == nil || !seen.equal(r.pending):
		r.pending = seen
		if r.asked {
			return agree
		}
	default:
		why := "file"
		if r.asked {
			why = "signal"
		}
		r.pending, r.asked, r.taken = nil, false, seen
		r.take(next, why)
	}
	return r.interval
}

// candidate is what the files say.
type candidate struct {
	process *process
	files   *files
	conf    config.Config
	kept    []string // settings that keep their values from before
	err     error
}

// read reads all files that the configuration to take names, so that what is compared is what is taken.
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
			_, _ = p.read(name) // whoever uses it tells what is wrong with it
		}
	}
	return next
}

// take has the service go on with what was read, or says why it does not.
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

// complain says that the configuration is bad, and that the one before is in force.
func (r *reloader) complain() {
	r.told = r.process.now()
	g := r.service.current.Load()
	g.logs.config.Error().AnErr("cause", r.fault).Int64("generation", g.number).
		Msg("configuration not reloaded: the one before stays in force")
}

// remind repeats that, so that it is seen also by who looks later.
func (r *reloader) remind() {
	if r.fault != nil && r.process.now().Sub(r.told) >= remind {
		r.complain()
	}
}

// logReload says what is different from the generation before, and then what the operator should look at.
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
			Msg("settings have changed that need a restart: their values from before stay in force")
	}
	g.logWarnings(s.warnings(p, g))
}
