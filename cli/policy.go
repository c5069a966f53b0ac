package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"countersign/access"
	"countersign/config"
	"countersign/handlers"

	"github.com/spf13/cobra"
)

func newPolicy(p *process) *cobra.Command {
	c := group("policy", "Show, test and explain the policies that decide what callers may sign.")
	show := func() error {
		_, err := io.WriteString(p.stdout, access.Guardrails())
		return err
	}
	c.RunE = func(*cobra.Command, []string) error { return show() }
	c.AddCommand(command("show", "Print the guardrails, which apply whatever a policy file permits.", show),
		command("schema", "Print the Cedar schema of policy files.", func() error {
			_, err := io.WriteString(p.stdout, access.Schema())
			return err
		}), newPolicyTest(p), newPolicyExplain(p))
	return c
}

func newPolicyTest(p *process) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "test TABLE",
		Short: "Decide a table of cases and print the decisions that differ from the expected ones.",
		Long: "Decide a table of cases and print the decisions that differ from the expected ones.\n\n" +
			"TABLE is a file with a JSON array of {name, caller, roles, action, request, expect, policy}.",
		Args: oneArgument("TABLE of cases"),
		RunE: func(_ *cobra.Command, args []string) error { return testPolicies(p, file, args[0]) },
	}
	addConfig(c, &file)
	return c
}

func testPolicies(p *process, file, tableFile string) error {
	h, err := decider(p, file)
	if err != nil {
		return err
	}
	table, err := os.ReadFile(tableFile)
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

// decidedActions are the actions that explain can decide for a request to sign.
var decidedActions = []string{"sign", "presign", "verify", "post-policy"}

func newPolicyExplain(p *process) *cobra.Command {
	var file, id, action string
	var roles []string
	c := command("explain", "Decide the request on standard input and print which policy decided.", func() error {
		if !slices.Contains(decidedActions, action) {
			return usageError{fmt.Errorf("--action: must be %s", strings.Join(decidedActions, ", "))}
		}
		caller := access.Caller{ID: id, Method: access.MethodAPIKey, Roles: roles}
		return explainPolicies(p, file, caller, access.Action(action))
	})
	c.Flags().StringVar(&id, "caller", "", "`NAME` of the caller (required).")
	c.Flags().StringSliceVar(&roles, "roles", nil, "App `ROLES` of the caller, separated by commas.")
	c.Flags().StringVar(&action, "action", "sign", "`ACTION`: "+strings.Join(decidedActions, ", ")+".")
	_ = c.MarkFlagRequired("caller")
	complete(c, "action", decidedActions...)
	addConfig(c, &file)
	return c
}

func explainPolicies(p *process, file string, caller access.Caller, action access.Action) error {
	h, err := decider(p, file)
	if err != nil {
		return err
	}
	document, err := io.ReadAll(p.stdin)
	if err != nil {
		return err
	}
	request, err := h.PolicyRequest(action, json.RawMessage(document))
	if err != nil {
		return err
	}
	return h.Policy.Explain(p.stdout, access.Question{Caller: caller, Action: action, Request: request})
}

// decider returns handlers that only decide: they read requests as the service does and sign none, so they need
// neither keys nor profiles.
func decider(p *process, file string) (*handlers.Handlers, error) {
	conf, err := loadSources(p, config.Sources{FileName: configFile(p, file), NoProfiles: true})
	if err != nil {
		return nil, err
	}
	h, err := newHandlers(p, conf, nil, discardAudit{})
	return h, faultReport(conf, err)
}
