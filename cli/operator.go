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

// operator is the service as far as a command of its operator needs it: without callers, limits and audit records, since who
// runs the command holds the credentials.
type operator struct {
	options broker.Options
	store   *credentials.Store
	profile string // the one to sign with, "" for the default one
	region  string // where the host of a request says none; "" where a configuration file decides
	shared  bool   // the keys come from ~/.aws
}

// newOperator reads the configuration as serve does. Without a file, profile is one of ~/.aws, and so are the keys where the environment
// has none. With keys of the caller's own it needs no profile.
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
	conf.AllowSend = true // it is the operator's own request
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

// sharedProfile is a profile of ~/.aws, with its region where the environment names none.
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

// complete adds to a request what the operator's environment says.
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

// discardAudit: who runs the command holds the credentials, and needs no record of what they do themselves.
type discardAudit struct{}

func (discardAudit) Write(context.Context, access.Record) error { return nil }
func (discardAudit) NextID() string                             { return "" }

// slow is how long a command may take before it says on a terminal what it waits for.
const slow = time.Second

// waiting says on a terminal what takes long. The caller ends it.
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

// document reads a request as JSON from standard input, which on a terminal waits for the user.
func (p *process) document(command string) ([]byte, error) {
	if p.terminal {
		fmt.Fprintf(p.stderr, "Reading a request as JSON; Ctrl-D ends it. countersign %s --help shows how to give it as arguments.\n", command)
	}
	return io.ReadAll(p.stdin)
}

// flagOf says where on the command line a part of the request stands.
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

// problem is what an operation failed with, and what to do about it on the command line.
func (o *operator) problem(err error) error {
	p := broker.Problem(err).WithPointers(flagOf)
	text := problemError(p)
	if e := new(credentials.Error); errors.As(p.Cause, &e) && e.Detail != "" { // the operator may read what is in the log elsewhere
		text = fmt.Errorf("%w: %s", text, e.Detail)
	}
	if o.shared && strings.HasPrefix(p.Code, "session_") {
		return fmt.Errorf("%w\n  The keys come from ~/.aws: try aws sts get-caller-identity, or aws sso login; --profile names another profile, "+
			"and AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY come first", text)
	}
	return text
}

// problemError tells the whole problem: on the command line, caller and operator are one.
func problemError(p *problem.Error) error {
	document := p.Document("")
	var lines []string
	if p.Detail != "" && !slices.ContainsFunc(document.Errors, func(e problem.Field) bool { return e.Detail == p.Detail }) {
		lines = append(lines, p.Detail)
	}
	for _, e := range document.Errors {
		lines = append(lines, e.Pointer+": "+e.Detail)
	}
	elsewhere := []string{"that detail names", "Retry-After", "in the log"} // what the command line does not have
	if document.Hint != "" && !slices.ContainsFunc(elsewhere, func(s string) bool { return strings.Contains(document.Hint, s) }) {
		lines = append(lines, document.Hint)
	}
	text := strings.Join(lines, "\n  ")
	if p.Cause != nil {
		text += "\n  cause: " + p.Cause.Error()
	}
	return errors.New(text)
}
