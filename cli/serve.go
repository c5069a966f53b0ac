package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"countersign/access"
	"countersign/config"
	"countersign/credentials"
)

type serveCommand struct {
	Config string `placeholder:"FILE" help:"YAML file with profiles and callers. Default: COUNTERSIGN_CONFIG."`
	Check  bool   `help:"Read and check the configuration, say what is wrong with it, and exit."`
	Online bool   `help:"With --check: also try every profile, and say what to change where one does not work."`
	config.Settings
}

func (c *serveCommand) Run(p *process) error {
	conf, err := loadConfig(p, c.Config)
	if err != nil {
		return err
	}
	service, err := newService(p, conf)
	if err != nil {
		return err
	}
	defer service.close()
	if c.Check {
		if err := service.contract.Check(); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "The configuration is right: %d profiles, %d API keys.\n", len(conf.Profiles), len(conf.APIKeys))
		for _, warning := range service.handlers.Policy.Warnings() {
			fmt.Fprintf(p.stdout, "warning: %s\n", warning)
		}
		if c.Online {
			return tryProfiles(p, conf, service.store)
		}
		return nil
	}
	listener, err := net.Listen("tcp", listenAddress(p, conf))
	if err != nil {
		return err
	}
	service.log.Info().Str("address", listener.Addr().String()).Str("version", version()).Int("profiles", len(conf.Profiles)).Msg("listening")
	for _, warning := range service.handlers.Policy.Warnings() {
		service.log.Warn().Msg(warning)
	}
	return service.serve(p.ctx, listener, time.Duration(conf.DrainSeconds)*time.Second)
}

// tryProfiles goes the way to AWS with every profile and shows where it ends.
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

// loadConfig reads the configuration file that flag or environment name, and lays environment and flags over it.
func loadConfig(p *process, file string) (config.Config, error) {
	if file == "" {
		file = p.getenv("COUNTERSIGN_CONFIG")
	}
	var data []byte
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return config.Config{}, usageError{err}
		}
	}
	conf, err := config.Load(config.Sources{FileName: file, File: data, Getenv: p.getenv, Flags: p.flags})
	if err != nil {
		return conf, faultReport(conf, err)
	}
	return conf, nil
}

// faultReport lists all faults of the configuration, one a line, with the line of the file where it is known.
func faultReport(conf config.Config, errs ...error) error {
	var lines []string
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		line := err.Error()
		var fault *credentials.Fault
		if errors.As(err, &fault) && fault.Profile != "" {
			if where := conf.Where(fault.Profile, fault.Field); where != "" {
				line = where + ": " + line
			}
		}
		lines = append(lines, "  "+line)
	}
	for _, err := range errs {
		if err != nil {
			walk(err)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return usageError{errors.New("the configuration has faults:\n" + strings.Join(lines, "\n"))}
}

// listenAddress: the Functions host tells its port and reaches the handler over loopback, where nobody else should.
func listenAddress(p *process, conf config.Config) string {
	host, port := conf.Address, strconv.Itoa(conf.Port)
	functions := p.getenv("FUNCTIONS_CUSTOMHANDLER_PORT")
	switch {
	case functions != "":
		host, port = "127.0.0.1", functions
	case conf.Port != 0:
	case p.getenv("PORT") != "":
		port = p.getenv("PORT")
	default:
		port = "8080"
	}
	if host == "" && conf.Auth == string(access.AuthNone) {
		host = "127.0.0.1" // who serves everybody has to say where
	}
	return net.JoinHostPort(host, port)
}
