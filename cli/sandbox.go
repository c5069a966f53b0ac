package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"countersign/access"
	"countersign/config"
	"countersign/credentials"
	"countersign/sandbox"
	"countersign/signing"

	"github.com/spf13/cobra"
)

const sandboxRegion = "eu-west-1"

type sandboxOptions struct {
	port, stsPort, gatewayPort int
	once, open, asUser         bool
	trustAnchor                string
	origins                    []string
}

func newSandbox(p *process) *cobra.Command {
	var o sandboxOptions
	c := command("sandbox", "Run the service with a local AWS emulator, show one request end to end and keep serving.",
		func() error { return runSandbox(p, o) })
	c.Flags().IntVar(&o.port, "port", 0, "`PORT` of the service. Default: any free one.")
	c.Flags().IntVar(&o.stsPort, "sts-port", 0, "`PORT` of the STS. Default: any free one.")
	c.Flags().IntVar(&o.gatewayPort, "gateway-port", 0, "`PORT` of the gateway, which checks signatures. Default: any free one.")
	c.Flags().BoolVar(&o.once, "once", false, "Show the request and exit instead of serving until Ctrl-C.")
	c.Flags().StringVar(&o.trustAnchor, "trust-anchor", "", "`FILE` with a CA's certificates in PEM, which IAM Roles Anywhere trusts here.")
	c.Flags().BoolVar(&o.asUser, "as-user", false, "Show a user's token, and how to call with it as that user.")
	c.Flags().StringSliceVar(&o.origins, "allow-origin", nil, "`ORIGIN` of web pages that may call as users, such as http://localhost:5173; "+
		"implies --as-user.")
	c.Flags().BoolVar(&o.open, "open", false, "Open the workbench in the browser.")
	return c
}

// runSandbox starts an STS, a gateway and the service on loopback, sends one request end to end and shows it.
func runSandbox(p *process, o sandboxOptions) error {
	calls := make(chan sandbox.Exchange, 16)
	anchor, err := readCertificates(o.trustAnchor)
	if err != nil {
		return usageError{err}
	}
	emulator := sandbox.New(sandbox.Options{Now: p.now, Region: sandboxRegion, TrustAnchor: anchor, Observe: func(e sandbox.Exchange) {
		select {
		case calls <- e:
		default: // more at once than a person can read
		}
	}})
	aws, err := emulator.StartOn(o.stsPort, o.gatewayPort)
	if err != nil {
		return err
	}
	defer aws.Close()
	key, entry, err := access.NewKey(rand.Reader, "sandbox")
	if err != nil {
		return err
	}
	quiet := *p
	quiet.stdout = io.Discard
	conf, err := sandboxConfig(aws, entry)
	if err != nil {
		return err
	}
	conf.SandboxKey = key
	user := sandboxUser{emulator, aws}
	if o.asUser = o.asUser || len(o.origins) > 0; o.asUser {
		conf.AllowOrigins = o.origins
		user.addTo(&quiet, &conf)
	}
	service, err := newService(&quiet, conf)
	if err != nil {
		return err
	}
	defer service.close()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(o.port)))
	if err != nil {
		return portTaken(err, "--port")
	}
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- service.serve(ctx, listener, grace{drain: time.Second}) }()

	t := transcript{out: p.stdout, service: "http://" + listener.Addr().String(), gateway: aws.GatewayURL, key: key, calls: calls}
	if err := t.run(ctx); err != nil {
		return err
	}
	if o.asUser {
		user.print(p.stdout, t.service, o.origins)
	}
	if o.once {
		stop()
		return <-done
	}
	printRehearsal(p.stdout, aws)
	o.showWorkbench(ctx, p, t.service+"/workbench?example=sandbox")
	return showCalls(p.stdout, calls, done)
}

func (o sandboxOptions) showWorkbench(ctx context.Context, p *process, page string) {
	fmt.Fprintf(p.stdout, "\nTo see what was signed, and why, open the workbench:\n\n   %s\n", page)
	if !o.open {
		return
	}
	if err := openPage(ctx, page); err != nil {
		fmt.Fprintln(p.stderr, "countersign: cannot open a browser:", err)
	}
}

// showCalls prints the calls that reach the emulator until the service ends.
func showCalls(out io.Writer, calls <-chan sandbox.Exchange, done <-chan error) error {
	fmt.Fprintln(out, "\nServing until Ctrl-C. Each call to the emulated AWS is shown:")
	for {
		select {
		case call := <-calls:
			fmt.Fprintln(out, "  ", callLine(call))
		case err := <-done:
			return err
		}
	}
}

// printRehearsal says how to try out a configuration of one's own against the emulator.
func printRehearsal(out io.Writer, aws *sandbox.Server) {
	fmt.Fprintf(out, `
To rehearse a configuration of your own (countersign serve --config FILE), give it this STS and these keys, which work only here:

   export AWS_ENDPOINT_URL_STS=%s AWS_REGION=%s
   export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s

   roles:    %s
             %s, with the external ID %s
   gateway:  %s, which accepts requests signed for execute-api in %s; http_hosts must name it: %s
`, aws.STSURL, sandboxRegion, sandbox.AccessKeyID, sandbox.SecretAccessKey,
		sandbox.RoleARN, sandbox.PartnerRoleARN, sandbox.PartnerExternalID,
		aws.GatewayURL, sandboxRegion, strings.TrimPrefix(aws.GatewayURL, "http://"))
}

func sandboxConfig(aws *sandbox.Server, key access.APIKey) (config.Config, error) {
	settings, err := config.Defaults()
	if err != nil {
		return config.Config{}, err
	}
	settings.AllowSend, settings.HTTPHosts = true, []string{strings.TrimPrefix(aws.GatewayURL, "http://")}
	settings.Workbench = true
	return config.Config{
		Settings: settings,
		Sandbox:  true, SandboxExample: exampleRequest(aws.GatewayURL),
		APIKeys: []access.APIKey{key},
		Profiles: []credentials.Profile{{
			Name: "sandbox", Description: "A role in the sandbox's own AWS", Region: sandboxRegion, Source: credentials.SourceStatic,
			Keys: signing.NewCredentials(sandbox.AccessKeyID, sandbox.SecretAccessKey, ""),
			AssumeRole: &credentials.AssumeRole{
				RoleARN: sandbox.PartnerRoleARN, ExternalID: sandbox.PartnerExternalID, SessionName: "countersign-{caller}",
			},
			STSEndpoint: aws.STSURL,
		}},
	}, nil
}

// transcript is one exchange, shown as it happens.
type transcript struct {
	out                   io.Writer
	calls                 <-chan sandbox.Exchange
	service, gateway, key string
}

type signedRequest struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	Headers     map[string]string `json:"headers"`
	Body        string            `json:"body"`
	AccessKeyID string            `json:"accessKeyId"`
	Service     string            `json:"service"`
	Region      string            `json:"region"`
	SignedAt    string            `json:"signedAt"`
	ExpiresAt   string            `json:"expiresAt"`
}

func (t transcript) run(ctx context.Context) error {
	ask := fmt.Sprintf(`{"method":"POST","url":"%s/orders?dryRun=false","headers":{"Content-Type":"application/json"},"body":{"order":1042},`+
		`"service":"execute-api","region":"%s"}`, t.gateway, sandboxRegion)
	fmt.Fprintf(t.out, "1. The request to sign, as a workflow posts it\n\n   POST %s/v1/sign\n   %s\n", t.service, ask)
	headers := map[string]string{"Content-Type": "application/json", "X-API-Key": t.key}
	response, err := t.send(ctx, http.MethodPost, t.service+"/v1/sign", headers, ask)
	if err != nil {
		return err
	}
	if response.status != http.StatusOK {
		return fmt.Errorf("signing: %d %s", response.status, response.body)
	}
	var signed signedRequest
	if err := json.Unmarshal(response.body, &signed); err != nil {
		return fmt.Errorf("reading the signed request: %w", err)
	}
	sts := <-t.calls
	fmt.Fprintf(t.out, "\n2. A session from STS signs it\n\n   %s by %s: %d\n   %s for %s in %s, at %s, good until %s\n",
		sts.Action, sts.CallerARN, sts.Status, signed.AccessKeyID, signed.Service, signed.Region, signed.SignedAt, signed.ExpiresAt)
	fmt.Fprintf(t.out, "\n3. The signed request, as the workflow sends it on\n\n   %s %s\n", signed.Method, signed.URL)
	for _, name := range []string{"Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "Authorization"} {
		fmt.Fprintf(t.out, "   %s: %s\n", name, shorten(signed.Headers[name]))
	}
	fmt.Fprintf(t.out, "\n   %s\n", signed.Body)
	got, err := t.send(ctx, signed.Method, signed.URL, signed.Headers, signed.Body)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\n4. The gateway checks the signature as AWS does\n\n   %d %s\n   %s\n",
		got.status, http.StatusText(got.status), bytes.TrimSpace(got.body))
	if got.status != http.StatusOK {
		return fmt.Errorf("the gateway responded with %d", got.status)
	}
	<-t.calls // the gateway's
	if err := t.callAWS(ctx, headers, ask); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\nTo repeat it:\n\n   curl -s %s/v1/send -H 'Content-Type: application/json' -H 'X-API-Key: %s' \\\n     -d '%s'\n",
		t.service, t.key, ask)
	fmt.Fprintf(t.out, "\nand, within five minutes, the request that was signed in step 3:\n\n   %s\n",
		curlLine(signed.Method, signed.URL, headerLines(signed.Headers), rawBody(signed.Body)))
	return nil
}

// callAWS does all of it in one step.
func (t transcript) callAWS(ctx context.Context, headers map[string]string, ask string) error {
	fmt.Fprintf(t.out, "\n5. All of it in one step: the same request, sent by the service\n\n   POST %s/v1/send\n   %s\n", t.service, ask)
	response, err := t.send(ctx, http.MethodPost, t.service+"/v1/send", headers, ask)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\n   %d %s\n   %s\n", response.status, http.StatusText(response.status), response.body)
	if response.status != http.StatusOK {
		return fmt.Errorf("calling AWS: %d %s", response.status, response.body)
	}
	fmt.Fprintf(t.out, "\n   %s\n", callLine(<-t.calls))
	return nil
}

// callLine describes a call that arrived, in one line.
func callLine(e sandbox.Exchange) string {
	what := e.Action
	if what == "" {
		what = e.Method + " " + e.Path
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %s by %s: %d %s", e.Server, what, cmp.Or(e.CallerARN, "nobody known"), e.Status, e.Code))
}

type reply struct {
	status int
	body   []byte
}

func (t transcript) send(ctx context.Context, method, url string, headers map[string]string, body string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, text}, err
}

// shorten keeps the beginning and the end of a long value, such as a session token.
func shorten(text string) string {
	if len(text) <= 120 || strings.HasPrefix(text, "AWS4-") {
		return text
	}
	return text[:60] + "…" + text[len(text)-12:]
}
