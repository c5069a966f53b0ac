package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"countersign/access"
	"countersign/broker"
	"countersign/handlers"
	"countersign/problem"
	"countersign/signing"

	"github.com/rs/zerolog"
)

type signCommand struct {
	URL     string   `arg:"" optional:"" help:"URL to call. Without it, the request is read from standard input as JSON, as POST /v1/sign takes it."`
	Method  string   `short:"X" name:"request" placeholder:"METHOD" help:"Method. Default: GET, or POST with a body."`
	Header  []string `short:"H" name:"header" sep:"none" placeholder:"NAME:VALUE" help:"Header to send; may be repeated."`
	Data    string   `short:"d" name:"data" placeholder:"DATA" help:"Body; @FILE takes it from a file, @- from standard input."`
	Profile string   `placeholder:"NAME" help:"Profile to sign with."`
	Service string   `placeholder:"NAME" help:"Signing name of the service. Default: from the URL."`
	Region  string   `placeholder:"REGION" help:"Region to sign for. Default: from the URL."`
	Explain bool     `help:"Add the intermediate texts of the algorithm."`
	Output  string   `short:"o" enum:"json,curl" default:"json" help:"json, or curl for a command line to run."`
	Config  string   `placeholder:"FILE" help:"YAML file with profiles. Default: COUNTERSIGN_CONFIG."`
}

// Run signs as the service does, with the same configuration.
func (c signCommand) Run(p *process) error {
	sign, err := c.request(p)
	if err != nil {
		return err
	}
	conf, err := loadConfig(p, c.Config)
	if err != nil {
		return err
	}
	store, storeErr := newStore(p, conf, zerolog.Nop())
	options, err := brokerOptions(p, conf, store, discardAudit{})
	if err := faultReport(conf, storeErr, err); err != nil {
		return err
	}
	defer store.Close()
	call := &broker.Call{RequestID: newID(), Caller: access.Caller{ID: "operator", Method: access.MethodNone}}
	signed, err := sign(options, call)
	if err != nil {
		return problemError(broker.Problem(err).WithPointers(flagOf))
	}
	if c.Output == "curl" {
		return printCurl(p.stdout, signed)
	}
	return printDocument(p.stdout, signed)
}

// discardAudit: who runs the command holds the credentials, and needs no record of what they do themselves.
type discardAudit struct{}

func (discardAudit) Write(context.Context, access.Record) error { return nil }
func (discardAudit) NextID() string                             { return "" }

// request reads what to sign: the flags, or the document of POST /v1/sign on standard input.
func (c signCommand) request(p *process) (func(broker.Options, *broker.Call) (*broker.Result, error), error) {
	if c.URL == "" {
		document, err := io.ReadAll(p.stdin)
		return func(o broker.Options, call *broker.Call) (*broker.Result, error) {
			return handlers.New(handlers.Options{Options: o}).SignDocument(p.ctx, call, document)
		}, err
	}
	in, err := c.input(p)
	return func(o broker.Options, call *broker.Call) (*broker.Result, error) {
		return broker.New(o).Sign(p.ctx, call, in)
	}, err
}

func (c signCommand) input(p *process) (*broker.Input, error) {
	in := &broker.Input{
		URL: c.URL, Method: cmp.Or(c.Method, http.MethodGet), Profile: c.Profile, Service: c.Service, Region: c.Region, Explain: c.Explain,
	}
	for _, line := range c.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, usageError{fmt.Errorf("--header %q: want NAME: VALUE", name)}
		}
		in.Headers = append(in.Headers, signing.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if c.Data == "" {
		return in, nil
	}
	data, err := c.body(p)
	if err != nil {
		return nil, err
	}
	in.Method = cmp.Or(c.Method, http.MethodPost)
	body := broker.Body{Present: true, Bytes: data, MediaType: broker.MediaBinary}
	if utf8.Valid(data) {
		body.Text, body.MediaType = true, broker.MediaText
	}
	in.Body = func() (broker.Body, error) { return body, nil }
	return in, nil
}

func (c signCommand) body(p *process) ([]byte, error) {
	name, file := strings.CutPrefix(c.Data, "@")
	switch {
	case !file:
		return []byte(c.Data), nil
	case name == "-":
		return io.ReadAll(p.stdin)
	default:
		return os.ReadFile(name)
	}
}

// flagOf says where on the command line a part of the request stands.
func flagOf(f problem.Field) string {
	switch f.Part {
	case "url", "query":
		return "URL"
	case "method":
		return "--request"
	case "header", broker.AllHeaders:
		return "--header"
	case "profile", "service", "region":
		return "--" + f.Part
	}
	return f.Part
}

// problemError tells the whole problem: on the command line, caller and operator are one.
func problemError(p *problem.Error) error {
	document := p.Document("")
	text := document.Detail
	for _, e := range document.Errors {
		text += "\n  " + e.Pointer + ": " + e.Detail
	}
	if document.Hint != "" {
		text += "\n  " + document.Hint
	}
	if p.Cause != nil {
		text += "\n  cause: " + p.Cause.Error()
	}
	return errors.New(text)
}

func printDocument(out io.Writer, signed *broker.Result) error {
	document, err := handlers.SignedDocument(signed)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, document, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, indented.String())
	return err
}

func printCurl(out io.Writer, signed *broker.Result) error {
	lines := make([]string, len(signed.Headers))
	for i, h := range signed.Headers {
		lines[i] = h.Name + ": " + h.Value
	}
	line := curlLine(signed.Method, signed.URL, lines, rawBody(string(signed.Body.Bytes)))
	if signed.Body.Present && !signed.Body.Text {
		encoded := base64.StdEncoding.EncodeToString(signed.Body.Bytes)
		line = "printf %s " + quote(encoded) + " | base64 -d | " + curlLine(signed.Method, signed.URL, lines, "--data-binary @-")
	}
	_, err := fmt.Fprintln(out, line)
	return err
}
