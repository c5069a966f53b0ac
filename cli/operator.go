package cli

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"countersign/access"
	"countersign/connector"
	"countersign/handlers"

	"github.com/rs/zerolog"
)

type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Make a key for a caller and print it with the line for the configuration."`
}

type newKeyCommand struct {
	ID string `arg:"" help:"Name of the caller: letters, digits, - and _."`
}

// Run prints the key once; what is kept is its hash.
func (c newKeyCommand) Run(p *process) error {
	key, entry, err := access.NewKey(rand.Reader, c.ID)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(p.stdout, "key, for the caller: %s\n\nfor the file, under callers.api_keys:\n  - {id: %s, sha256: %s}\n\nor, for the one caller of a start without a file:\n  COUNTERSIGN_API_KEY_SHA256=%s\n", key, entry.ID, entry.SHA256, entry.SHA256)
	return err
}

type policyCommand struct {
	Show    showPolicyCommand    `cmd:"" default:"1" help:"Print the guardrails that hold whatever a policy file permits."`
	Schema  schemaCommand        `cmd:"" help:"Print the Cedar schema of policy files."`
	Test    testPolicyCommand    `cmd:"" help:"Decide a table of cases and say which came out otherwise than expected."`
	Explain explainPolicyCommand `cmd:"" help:"Decide the request on standard input and say which policy decided."`
}

type showPolicyCommand struct{}

func (showPolicyCommand) Run(p *process) error {
	_, err := io.WriteString(p.stdout, access.Guardrails())
	return err
}

type schemaCommand struct{}

func (schemaCommand) Run(p *process) error {
	_, err := io.WriteString(p.stdout, access.Schema())
	return err
}

type testPolicyCommand struct {
	File   string `arg:"" help:"Table of cases: a JSON array of {name, caller, roles, action, request, expect, policy}."`
	Config string `placeholder:"FILE" help:"YAML file that names the policies. Default: COUNTERSIGN_CONFIG."`
}

func (c testPolicyCommand) Run(p *process) error {
	h, err := decider(p, c.Config)
	if err != nil {
		return err
	}
	table, err := os.ReadFile(c.File)
	if err != nil {
		return usageError{err}
	}
	cases, err := access.ReadCases(table)
	if err != nil {
		return usageError{err}
	}
	failed, err := h.Policy.Test(p.stdout, cases, func(c access.Case) (access.Request, error) {
		return h.Asked(c.Action, c.Request)
	})
	if err == nil && failed > 0 {
		err = errors.New("cases failed")
	}
	return err
}

type explainPolicyCommand struct {
	Caller string        `required:"" help:"Who is asking."`
	Roles  []string      `help:"App roles of the caller."`
	Action access.Action `default:"sign" enum:"sign,presign,verify,post-policy" help:"sign, presign, verify or post-policy."`
	Config string        `placeholder:"FILE" help:"YAML file that names the policies. Default: COUNTERSIGN_CONFIG."`
}

func (c explainPolicyCommand) Run(p *process) error {
	h, err := decider(p, c.Config)
	if err != nil {
		return err
	}
	document, err := io.ReadAll(p.stdin)
	if err != nil {
		return err
	}
	asked, err := h.Asked(c.Action, json.RawMessage(document))
	if err != nil {
		return err
	}
	return h.Policy.Explain(p.stdout, access.Question{Caller: access.Caller{ID: c.Caller, Method: access.MethodAPIKey, Roles: c.Roles}, Action: c.Action, Request: asked})
}

// decider is the service as far as it decides: it reads requests as the service does, and signs none.
func decider(p *process, file string) (*handlers.Handlers, error) {
	conf, err := loadConfig(p, file)
	if err != nil {
		return nil, err
	}
	store, storeErr := newStore(p, conf, zerolog.Nop())
	h, err := newHandlers(p, conf, store, operator{})
	return h, faultReport(conf, storeErr, err)
}

type connectorCommand struct {
	Out  string `required:"" placeholder:"DIR" help:"Folder to write to."`
	Host string `placeholder:"HOST" help:"Host of the service that connections offer."`
}

func (c connectorCommand) Run(p *process) error {
	return connector.Write(c.Out, p.contract, connector.Options{Host: c.Host})
}
