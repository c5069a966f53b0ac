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
	"github.com/spf13/cobra"
)

type signOptions struct {
	url, method, data, profile, service, region, output, config string
	headers                                                     []string
	explain                                                     bool
}

func newSign(p *process) *cobra.Command {
	var o signOptions
	c := &cobra.Command{
		Use:   "sign [URL]",
		Short: "Sign one request and print it.",
		Long:  "Without a URL, the request is read from standard input as JSON, as POST /v1/sign takes it.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.url = args[0]
			}
			return o.sign(p)
		},
	}
	o.addTo(c)
	f := c.Flags()
	f.BoolVar(&o.explain, "explain", false, "Add the intermediate texts of the algorithm.")
	f.StringVarP(&o.output, "output", "o", "json", "`FORM`: json, or curl for a command line to run.")
	complete(c, "output", "json", "curl")
	addConfig(c, &o.config)
	return c
}

// addTo gives a command the flags that describe a request.
func (c *signOptions) addTo(to *cobra.Command) {
	f := to.Flags()
	f.StringVarP(&c.method, "request", "X", "", "`METHOD`. Default: GET, or POST with a body.")
	f.StringArrayVarP(&c.headers, "header", "H", nil, "Header to send, as `NAME:VALUE`; may be repeated.")
	f.StringVarP(&c.data, "data", "d", "", "`BODY`; @FILE takes it from a file, @- from standard input.")
	f.StringVar(&c.profile, "profile", "", "`NAME` of the profile to sign with.")
	f.StringVar(&c.service, "service", "", "Signing `NAME` of the service. Default: from the URL.")
	f.StringVar(&c.region, "region", "", "`REGION` to sign for. Default: from the URL.")
}

// sign signs as the service does, with the same configuration.
func (c signOptions) sign(p *process) error {
	if c.output != "json" && c.output != "curl" {
		return usageError{errors.New("--output: must be json or curl")}
	}
	sign, err := c.request(p)
	if err != nil {
		return err
	}
	options, closeStore, err := localBroker(p, c.config)
	if err != nil {
		return err
	}
	defer closeStore()
	call := &broker.Call{RequestID: newID(), Caller: access.Caller{ID: "operator", Method: access.MethodNone}}
	signed, err := sign(options, call)
	if err != nil {
		return problemError(broker.Problem(err).WithPointers(flagOf))
	}
	if c.output == "curl" {
		return printCurl(p.stdout, signed)
	}
	return printDocument(p.stdout, signed)
}

// localBroker is what a broker needs, as the configuration says, for whoever runs a command.
func localBroker(p *process, file string) (broker.Options, func(), error) {
	conf, err := loadConfig(p, file)
	if err != nil {
		return broker.Options{}, nil, err
	}
	store, storeErr := newStore(p, conf, zerolog.Nop())
	options, err := brokerOptions(p, conf, store, discardAudit{})
	if err := faultReport(conf, storeErr, err); err != nil {
		return broker.Options{}, nil, err
	}
	return options, store.Close, nil
}

// discardAudit: who runs the command holds the credentials, and needs no record of what they do themselves.
type discardAudit struct{}

func (discardAudit) Write(context.Context, access.Record) error { return nil }
func (discardAudit) NextID() string                             { return "" }

// request reads what to sign: the flags, or the document of POST /v1/sign on standard input.
func (c signOptions) request(p *process) (func(broker.Options, *broker.Call) (*broker.Result, error), error) {
	if c.url == "" {
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

func (c signOptions) input(p *process) (*broker.Input, error) {
	in := &broker.Input{
		URL: c.url, Method: cmp.Or(c.method, http.MethodGet), Profile: c.profile, Service: c.service, Region: c.region, Explain: c.explain,
	}
	for _, line := range c.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, usageError{fmt.Errorf("--header %q: want NAME: VALUE", name)}
		}
		in.Headers = append(in.Headers, signing.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if c.data == "" {
		return in, nil
	}
	data, err := c.body(p)
	if err != nil {
		return nil, err
	}
	in.Method = cmp.Or(c.method, http.MethodPost)
	body := broker.Body{Present: true, Bytes: data, MediaType: broker.MediaBinary}
	if utf8.Valid(data) {
		body.Text, body.MediaType = true, broker.MediaText
	}
	in.Body = func() (broker.Body, error) { return body, nil }
	return in, nil
}

func (c signOptions) body(p *process) ([]byte, error) {
	name, file := strings.CutPrefix(c.data, "@")
	switch {
	case !file:
		return []byte(c.data), nil
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
