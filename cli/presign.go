package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/broker"
	"countersign/handlers"

	"github.com/spf13/cobra"
)

func newPresign(p *process) *cobra.Command {
	var r curlRequest
	var asJSON bool
	expires := broker.DefaultExpiry
	c := curlCommand("presign", "Put a signature into a URL and print the URL.", fmt.Sprintf(withoutArguments, "presign"), &r,
		func() error { return presign(p, &r, expires, asJSON) })
	c.Flags().DurationVar(&expires, "expires", expires, "`DURATION` for which the URL is valid, such as 15m; at most 168h.")
	c.Flags().BoolVar(&asJSON, "json", false, "Print the whole response of POST /v1/presign.")
	c.Example = "  countersign presign --expires 1h https://examplebucket.s3.eu-west-1.amazonaws.com/report.pdf"
	return c
}

func presign(p *process, r *curlRequest, expires time.Duration, asJSON bool) error {
	if expires < time.Second || expires != expires.Truncate(time.Second) {
		return usageError{errors.New("--expires: must be whole seconds, such as 90s or 15m")}
	}
	s, err := perform(p, r, "presign", (*handlers.Handlers).PresignDocument,
		func(b *broker.Broker, ctx context.Context, call *broker.Call, in *broker.Input) (*broker.Result, error) {
			in.Expires = expires
			return b.Presign(ctx, call, in)
		})
	if err != nil {
		return err
	}
	if asJSON {
		document, err := handlers.SignedDocument(s)
		return printJSON(p.stdout, document, err)
	}
	warn(p.stderr, s.Warnings)
	for _, h := range s.Headers {
		if !strings.EqualFold(h.Name, "host") {
			fmt.Fprintf(p.stderr, "send with header: %s: %s\n", h.Name, h.Value)
		}
	}
	_, err = fmt.Fprintln(p.stdout, s.URL)
	return err
}
