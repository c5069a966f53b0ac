package cli

import (
	"encoding/json"
	"fmt"

	"countersign/credentials"

	"github.com/spf13/cobra"
)

func newWhoami(p *process) *cobra.Command {
	var file, profile string
	var asJSON bool
	c := command("whoami", "Print the AWS identity of a profile: its ARN and account.", func() error {
		return whoami(p, file, profile, asJSON)
	})
	c.Flags().StringVar(&profile, "profile", "", "`NAME` of the profile. Without a configuration file, one in ~/.aws.")
	c.Flags().BoolVar(&asJSON, "json", false, "Print JSON, as GET /v1/identity does.")
	addConfig(c, &file)
	return c
}

func whoami(p *process, file, profile string, asJSON bool) error {
	o, err := newOperator(p, file, profile, false)
	if err != nil {
		return err
	}
	defer o.close()
	if o.profile == "" {
		o.profile = o.options.DefaultProfile
	}
	done := p.waiting("Waiting for AWS…")
	who, err := o.store.Identity(p.ctx, credentials.SessionRequest{Profile: o.profile, Caller: newCall().Caller.ID})
	done()
	if err != nil {
		return o.problem(err)
	}
	if asJSON {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		return e.Encode(map[string]string{"profile": o.profile, "account": who.Account, "arn": who.ARN, "userId": who.UserID})
	}
	_, err = fmt.Fprintf(p.stdout, "profile  %s\naccount  %s\narn      %s\nuser id  %s\n", o.profile, who.Account, who.ARN, who.UserID)
	return err
}
