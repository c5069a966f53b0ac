package cli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"countersign/api"
	"countersign/config"
	"countersign/credentials"

	"github.com/spf13/cobra"
)

// serveOptions are the flags of serve that are not settings.
type serveOptions struct {
	config                string
	check, online, strict bool
}

func newServe(p *process) *cobra.Command {
	var o serveOptions
	c := command("serve", "Run the service.", func() error { return serve(p, o) })
	addConfig(c, &o.config)
	c.Flags().BoolVar(&o.check, "check", false, "Read and check the configuration, print what is wrong with it, and exit.")
	c.Flags().BoolVar(&o.online, "online", false, "With --check: also try every profile, and print what to change if one does not work.")
	c.Flags().BoolVar(&o.strict, "strict", false, "With --check: a warning is an error.")
	addSettings(c, p)
	return c
}

func serve(p *process, o serveOptions) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // a closing terminal sends it, too: no reason to stop signing
	defer signal.Stop(hangups)
	service, err := newReloading(p, o.config, hangups)
	if err != nil {
		return err
	}
	defer service.close()
	conf := service.current.Load().conf
	if o.check {
		return check(p, service, o)
	}
	listener, err := listen(p.ctx, conf)
	if err != nil {
		return err
	}
	service.logStart(p, listener.Addr().String())
	return service.serve(p.ctx, listener, grace{delay: conf.ShutdownDelay, drain: time.Duration(conf.DrainSeconds) * time.Second})
}

// check prints the warnings, and tries the profiles if asked to.
func check(p *process, s *service, o serveOptions) error {
	if err := api.CheckContract(p.contract); err != nil {
		return err
	}
	g := s.current.Load()
	warnings := s.warnings(p, g)
	for _, warning := range warnings {
		fmt.Fprintf(p.stdout, "warning: %s\n", warning)
	}
	if o.strict && len(warnings) > 0 {
		return fmt.Errorf("the configuration has %s", count(len(warnings), "warning"))
	}
	fmt.Fprintf(p.stdout, "Configuration OK: %s, %s.\n", count(len(g.conf.Profiles), "profile"), count(len(g.conf.APIKeys), "API key"))
	if o.online {
		return tryProfiles(p, g.conf, g.store)
	}
	return nil
}

// tryProfiles takes every step to AWS with every profile and shows which one fails.
func tryProfiles(p *process, conf config.Config, store *credentials.Store) error {
	failed := 0
	for _, profile := range conf.Profiles {
		found := store.Explain(p.ctx, profile.Name)
		fmt.Fprintf(p.stdout, "\nprofile %s\n", profile.Name)
		for _, step := range found.Steps {
			mark := "ok  "
			if !step.OK {
				mark = "FAIL"
				failed++
			}
			fmt.Fprintf(p.stdout, "  %s %s: %s\n", mark, step.Name, step.Detail)
			if step.Hint != "" {
				fmt.Fprintf(p.stdout, "       %s\n", step.Hint)
			}
		}
		if found.TrustPolicy != "" {
			fmt.Fprintf(p.stdout, "  trust policy of the role, to paste into IAM:\n%s\n", found.TrustPolicy)
		}
	}
	if failed > 0 {
		return errors.New("not every profile works")
	}
	return nil
}

// loadConfig reads the configuration file that the flag or the environment names, and applies environment and flags
// on top.
func loadConfig(p *process, file string) (config.Config, error) {
	return loadSources(p, config.Sources{FileName: configFile(p, file)})
}

// configFile returns the file that the flag names, or else the environment.
func configFile(p *process, flag string) string {
	if flag != "" {
		return flag
	}
	return strings.TrimSpace(p.getenv("COUNTERSIGN_CONFIG"))
}

func loadSources(p *process, s config.Sources) (config.Config, error) {
	s.Getenv, s.Environ, s.Flags, s.ReadFile = p.getenv, p.environ, p.flags, p.read
	var fileErr error
	if s.FileName != "" {
		if s.File, fileErr = p.read(s.FileName); fileErr != nil {
			s.FileName, s.NoProfiles = "", true // report the faults of the other sources, too
		}
	}
	conf, err := config.Load(s)
	if err == nil || !conf.Whole() {
		return conf, faultReport(conf, fileErr, err)
	}
	profiles, callers := credentials.Check(storeOptions(p, conf)), error(nil)
	if conf.HasCallers() {
		_, callers = newAuthenticator(p, conf, nil, nil)
	}
	return conf, faultReport(conf, fileErr, err, profiles, callers)
}

// faultReport lists all faults of the configuration, one per line.
func faultReport(conf config.Config, errs ...error) error {
	if err := conf.Report(errs...); err != nil {
		return usageError{err}
	}
	return nil
}
