package cli

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"countersign/access"
	"countersign/config"
	"countersign/handlers"
)

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
		return h.PolicyRequest(c.Action, c.Request)
	})
	if err == nil && failed > 0 {
		err = errors.New("cases failed")
	}
	return err
}

type explainPolicyCommand struct {
	Caller string        `required:"" help:"Who is asking."`
	Roles  []string      `help:"App roles of the caller."`
	Action access.Action `default:"sign" enum:"sign,presign,verify,post-policy,send" help:"sign, presign, verify, post-policy or send."`
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
	request, err := h.PolicyRequest(c.Action, json.RawMessage(document))
	if err != nil {
		return err
	}
	caller := access.Caller{ID: c.Caller, Method: access.MethodAPIKey, Roles: c.Roles}
	return h.Policy.Explain(p.stdout, access.Question{Caller: caller, Action: c.Action, Request: request})
}

// decider is the service as far as it decides: it reads requests as the service does, and signs none. So it needs
// neither keys nor profiles.
func decider(p *process, file string) (*handlers.Handlers, error) {
	conf, err := loadSources(p, config.Sources{FileName: configFile(p, file), NoProfiles: true})
	if err != nil {
		return nil, err
	}
	h, err := newHandlers(p, conf, nil, discardAudit{})
	return h, faultReport(conf, err)
}
