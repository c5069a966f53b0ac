package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/config"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
)

// operator is as much of the service as its operator's commands need: no callers, limits or audit records, since
// whoever runs the command already holds the credentials.
type operator struct {
	options broker.Options
	store   *credentials.Store
	profile string // the profile to sign with, "" for the default
	region  string // for requests whose host gives none; "" if a configuration file decides
	shared  bool   // the keys come from ~/.aws
}

// newOperator reads the configuration as serve does. Without a file, profile is one in ~/.aws, and so are the keys
// unless the environment has some. With the caller's own keys it needs no profile.
func newOperator(p *process, file, profile string, ownKeys bool) (*operator, error) {
	file = configFile(p, file)
	conf, err := loadSources(p, config.Sources{FileName: file, NoProfiles: true})
	if err != nil {
		return nil, err
	}
	named := slices.ContainsFunc(conf.Profiles, func(known credentials.Profile) bool { return known.Name == profile })
	switch {
	case ownKeys:
		conf.AllowCredentials = true
	case file == "" && (len(conf.Profiles) == 0 || profile != "" && !named):
		shared, err := sharedProfile(p.ctx, conf, profile)
		if err != nil {
			return nil, usageError{err}
		}
		conf.Profiles, conf.Region, profile = []credentials.Profile{shared}, shared.Region, ""
	}
	conf.AllowSend = true // the request is the operator's own
	store, storeErr := credentials.New(storeOptions(p, conf))
	options, err := brokerOptions(p, conf, store, discardAudit{})
	if err := faultReport(conf, storeErr, err); err != nil {
		return nil, err
	}
	o := &operator{options: options, store: store, profile: profile}
	o.shared = len(conf.Profiles) == 1 && conf.Profiles[0].Source == credentials.SourceAWSDefault
	if file == "" {
		o.region = conf.Region
	}
	return o, nil
}

// sharedProfile returns a profile in ~/.aws, with its region unless the environment sets one.
func sharedProfile(ctx context.Context, conf config.Config, name string) (credentials.Profile, error) {
	region, err := credentials.SharedRegion(ctx, name)
	if err != nil {
		return credentials.Profile{}, fmt.Errorf("--profile: %w", err)
	}
	if conf.Region != "" {
		region = conf.Region
	}
	return credentials.Profile{Name: "default", Source: credentials.SourceAWSDefault, SharedProfile: name, Region: region}, nil
}

// complete adds what the operator's environment says to a request.
func (o *operator) complete(in *broker.Input) {
	in.Profile = o.profile
	if u, err := url.Parse(in.URL); err == nil && in.Region == "" {
		if _, unknown := endpoints.Infer(u.Host, u.Path); unknown != nil {
			in.Region = o.region
		}
	}
}

func (o *operator) close() {
	o.store.Close()
	if o.options.Sender != nil {
		o.options.Sender.Close()
	}
}

func newCall() *broker.Call {
	return &broker.Call{RequestID: newID(), Caller: access.Caller{ID: "operator", Method: access.MethodNone}}
}

// discardAudit discards records: whoever runs the command holds the credentials, and needs no record of their own
// requests.
type discardAudit struct{}

func (discardAudit) Write(context.Context, access.Record) error { return nil }
func (discardAudit) NextID() string                             { return "" }

// slow is how long a command may take before it says on a terminal what it is waiting for.
const slow = time.Second

// waiting prints text on a terminal if something takes long. The caller ends it.
func (p *process) waiting(text string) (done func()) {
	if !p.terminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(p.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
		case <-time.After(slow):
			fmt.Fprintln(p.stderr, text)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// document reads a request as JSON from standard input, and says so on a terminal.
func (p *process) document(command string) ([]byte, error) {
	if p.terminal {
		fmt.Fprintf(p.stderr, "Reading a request as JSON; end it with Ctrl-D. "+
			"countersign %s --help shows how to give it as arguments.\n", command)
	}
	return io.ReadAll(p.stdin)
}

// flagOf names the argument that a part of the request comes from.
func flagOf(f problem.Field) string {
	switch f.Part {
	case "url", "query":
		return "URL"
	case "method":
		return "--request"
	case "header", broker.AllHeaders:
		if f.Name != "" {
			return fmt.Sprintf("--header %.64q", f.Name)
		}
		return "--header"
	case "expiresInSeconds":
		return "--expires"
	case "profile", "service", "region":
		return "--" + f.Part
	}
	return f.Part
}

// problem says why an operation failed, and what to do about it on the command line.
func (o *operator) problem(err error) error {
	p := broker.Problem(err).WithPointers(flagOf)
	text := problemError(p)
	if e := new(credentials.Error); errors.As(p.Cause, &e) && e.Detail != "" { // the operator may see what the service only logs
		text = fmt.Errorf("%w: %s", text, e.Detail)
	}
	if o.shared && strings.HasPrefix(p.Code, "session_") {
		return fmt.Errorf("%w\n  The keys come from ~/.aws: try aws sts get-caller-identity, or aws sso login; --profile names another profile, "+
			"and AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY come first", text)
	}
	return text
}

// problemError says the whole problem: on the command line, caller and operator are the same.
func problemError(p *problem.Error) error {
	document := p.Document("")
	var lines []string
	if p.Detail != "" && !slices.ContainsFunc(document.Errors, func(e problem.Field) bool { return e.Detail == p.Detail }) {
		lines = append(lines, p.Detail)
	}
	for _, e := range document.Errors {
		lines = append(lines, e.Pointer+": "+e.Detail)
	}
	elsewhere := []string{"that detail names", "Retry-After", "in the log"} // what the command line lacks
	if document.Hint != "" && !slices.ContainsFunc(elsewhere, func(s string) bool { return strings.Contains(document.Hint, s) }) {
		lines = append(lines, document.Hint)
	}
	text := strings.Join(lines, "\n  ")
	if p.Cause != nil {
		text += "\n  cause: " + p.Cause.Error()
	}
	return errors.New(text)
}
