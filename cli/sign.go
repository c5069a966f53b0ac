package cli

import (
	"bytes"
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

// Run signs by the same handler as the service, with the same configuration.
func (c signCommand) Run(p *process) error {
	document, err := c.document(p)
	if err != nil {
		return err
	}
	conf, err := loadConfig(p, c.Config)
	if err != nil {
		return err
	}
	store, storeErr := newStore(p, conf, zerolog.Nop())
	handler, err := newHandlers(p, conf, store, discardAudit{})
	if err := faultReport(conf, storeErr, err); err != nil {
		return err
	}
	defer store.Close()
	request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, "/v1/sign", bytes.NewReader(document))
	if err != nil {
		return err
	}
	answer := responseBuffer{header: http.Header{}}
	event := &handlers.Event{Call: broker.Call{RequestID: newID(), Caller: access.Caller{ID: "operator", Method: access.MethodNone}}}
	handler.SignRequest().ServeHTTP(&answer, handlers.WithEvent(request, event))
	if answer.status != http.StatusOK {
		return problemError(answer.body.Bytes(), event.Cause)
	}
	if c.Output == "curl" {
		return printCurl(p.stdout, answer.body.Bytes())
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, answer.body.Bytes(), "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, indented.String())
	return err
}

// discardAudit: who runs the command holds the credentials, and needs no record of what they do themselves.
type discardAudit struct{}

func (discardAudit) Write(context.Context, access.Record) error { return nil }

// document is what POST /v1/sign takes.
func (c signCommand) document(p *process) ([]byte, error) {
	if c.URL == "" {
		return io.ReadAll(p.stdin)
	}
	type pair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	request := map[string]any{
		"url": c.URL, "method": c.Method, "profile": c.Profile, "service": c.Service, "region": c.Region, "explain": c.Explain,
	}
	list := make([]pair, 0, len(c.Header))
	for _, line := range c.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, usageError{fmt.Errorf("--header %q: want NAME: VALUE", name)}
		}
		list = append(list, pair{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	request["headerList"] = list
	if c.Method == "" {
		request["method"] = http.MethodGet
	}
	if c.Data != "" {
		body, err := c.body(p)
		if err != nil {
			return nil, err
		}
		if utf8.Valid(body) {
			request["body"] = string(body)
		} else {
			request["bodyBase64"] = base64.StdEncoding.EncodeToString(body)
		}
		if c.Method == "" {
			request["method"] = http.MethodPost
		}
	}
	return json.Marshal(request)
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

// responseBuffer is a response that is kept rather than sent.
type responseBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *responseBuffer) Header() http.Header         { return c.header }
func (c *responseBuffer) WriteHeader(status int)      { c.status = status }
func (c *responseBuffer) Write(b []byte) (int, error) { return c.body.Write(b) }

// problemError tells the whole problem: on the command line, caller and operator are one.
func problemError(body []byte, cause error) error {
	var problem problem.Document
	if err := json.Unmarshal(body, &problem); err != nil {
		return err
	}
	text := problem.Detail
	for _, e := range problem.Errors {
		text += "\n  " + e.Pointer + ": " + e.Detail
	}
	if problem.Hint != "" {
		text += "\n  " + problem.Hint
	}
	if cause != nil {
		text += "\n  cause: " + cause.Error()
	}
	return errors.New(text)
}

func printCurl(out io.Writer, answer []byte) error {
	var signed struct {
		Method     string `json:"method"`
		URL        string `json:"url"`
		HeaderList []struct{ Name, Value string }
		Body       string `json:"body"`
		BodyBase64 string `json:"bodyBase64"`
	}
	if err := json.Unmarshal(answer, &signed); err != nil {
		return err
	}
	lines := make([]string, len(signed.HeaderList))
	for i, h := range signed.HeaderList {
		lines[i] = h.Name + ": " + h.Value
	}
	line := curlLine(signed.Method, signed.URL, lines, rawBody(signed.Body))
	if signed.BodyBase64 != "" {
		line = "printf %s " + quote(signed.BodyBase64) + " | base64 -d | " + curlLine(signed.Method, signed.URL, lines, "--data-binary @-")
	}
	_, err := fmt.Fprintln(out, line)
	return err
}
