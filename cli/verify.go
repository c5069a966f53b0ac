package cli

import (
	"context"
	"errors"
	"fmt"

	"countersign/broker"
	"countersign/handlers"

	"github.com/spf13/cobra"
)

func newVerify(p *process) *cobra.Command {
	r := curlRequest{signed: true}
	c := curlCommand("verify", "Check the signature of a request, with the keys of a profile, and print what is wrong with it.",
		fmt.Sprintf(withoutArguments, "verify")+" The exit code is 0 if the signature is valid.", &r,
		func() error { return verify(p, &r) })
	c.Example = `  countersign verify -H 'Authorization: AWS4-HMAC-SHA256 …' -H 'X-Amz-Date: …' https://sqs.eu-west-1.amazonaws.com/`
	return c
}

func verify(p *process, r *curlRequest) error {
	v, err := perform(p, r, "verify", (*handlers.Handlers).VerifyDocument,
		func(b *broker.Broker, ctx context.Context, call *broker.Call, in *broker.Input) (*broker.Verdict, error) {
			return b.Verify(ctx, call, &broker.VerifyInput{Input: *in})
		})
	if err != nil {
		return err
	}
	document, err := handlers.VerdictDocument(v)
	if err := printJSON(p.stdout, document, err); err != nil {
		return err
	}
	if !v.Valid() {
		return errors.New("the signature is not valid")
	}
	return nil
}
