package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"countersign/broker"
	"countersign/handlers"
	"countersign/signing"

	"github.com/spf13/cobra"
)

const withoutArguments = "Without arguments, the request is read from standard input as JSON, as POST /v1/%s takes it."

func newSign(p *process) *cobra.Command {
	var r curlRequest
	var output string
	var as snippetFlags
	c := curlCommand("sign", "Sign one request and print it.", fmt.Sprintf(withoutArguments, "sign"), &r,
		func() error { return sign(p, &r, output, as) })
	c.Flags().BoolVar(&r.explain, "explain", false, "Add the intermediate strings of the algorithm.")
	c.Flags().StringVarP(&output, "output", "o", "json", "`FORM`: json, or curl for a command line to run.")
	complete(c, "output", "json", "curl")
	as.add(c)
	c.Example = `  countersign sign https://sqs.eu-west-1.amazonaws.com/ -d Action=ListQueues -o curl | sh
  countersign sign --profile work --region eu-west-1 -X PUT https://examplebucket.s3.amazonaws.com/key -T file.txt
  countersign sign --from action.json --profile orders
  countersign sign --from line.txt --as python > request.py
  countersign sign --from action.json --as logic-apps --address https://sign.example.com
  countersign sign < request.json`
	return c
}

// sign signs as the service does, with the same configuration.
func sign(p *process, r *curlRequest, output string, as snippetFlags) error {
	switch {
	case as.form != "" && (output != "json" || r.explain):
		return usageError{errors.New("--as: cannot be combined with --output or --explain")}
	case as.form == "" && as.address != "":
		return usageError{errors.New("--address: needs --as, which says for which tool")}
	case as.form != "":
		return as.print(p, r)
	}
	if output != "json" && output != "curl" {
		return usageError{errors.New("--output: must be json or curl; curl's -o FILE has no meaning here, since nothing is sent")}
	}
	signed, err := signOne(p, r)
	if err != nil {
		return err
	}
	if output == "curl" {
		warn(p.stderr, signed.Warnings)
		return printCurl(p.stdout, signed)
	}
	document, err := handlers.SignedDocument(signed)
	return printJSON(p.stdout, document, err)
}

func signOne(p *process, r *curlRequest) (*broker.Result, error) {
	return perform(p, r, "sign", (*handlers.Handlers).SignDocument, (*broker.Broker).Sign)
}

func printJSON(out io.Writer, document []byte, err error) error {
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

// warn prints the warnings that the document would have.
func warn(out io.Writer, warnings []signing.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(out, "warning: %s: %s\n", w.Code, w.Message)
	}
}

func printCurl(out io.Writer, signed *broker.Result) error {
	lines := make([]string, len(signed.Headers))
	for i, h := range signed.Headers {
		lines[i] = h.Name + ": " + h.Value
	}
	body := string(signed.Body.Bytes)
	data := rawBody(body)
	if data == "" && (signed.Method == "POST" || signed.Method == "PUT" || signed.Method == "PATCH") {
		data = "--data-raw ''" // otherwise curl would send no Content-Length, which some servers refuse
	}
	line := curlLine(signed.Method, signed.URL, lines, data)
	if signed.Body.Present && !signed.Body.Text || strings.Contains(body, "\x00") {
		encoded := base64.StdEncoding.EncodeToString(signed.Body.Bytes)
		line = "printf %s " + quote(encoded) + " | base64 -d | " + curlLine(signed.Method, signed.URL, lines, "--data-binary @-")
	}
	_, err := fmt.Fprintln(out, line)
	return err
}
