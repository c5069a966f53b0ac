package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"countersign/api"
	"countersign/connector"
	"countersign/converter"
	"countersign/credentials"
	"countersign/endpoints"

	"github.com/spf13/cobra"
)

// connectorOptions are the flags of the connector command.
type connectorOptions struct {
	out, config, from, mcp, host string
	convert                      converter.Options
	samples, any                 []string
}

func newConnector(p *process) *cobra.Command {
	var o connectorOptions
	c := command("connector", "Write the files of a Power Platform connector, for Countersign itself or for an API on AWS.",
		func() error { return o.run(p) })
	c.Long = c.Short + "\n\nWithout --from, it writes the connector of Countersign itself, and the workflow templates.\n\n" +
		"With --from, it makes a connector from the definition of an API on AWS: Swagger 2.0, OpenAPI 3.0 or 3.1,\n" +
		"or an API Gateway export. Its actions call Countersign at /call, which signs them. report.json says\n" +
		"what was left out and what is a guess.\n\n" +
		"With --mcp, it makes one from the address of an MCP server on AWS, for Copilot Studio. It calls Countersign at\n" +
		"/proxy, which Azure Functions does not serve."
	c.Example = "  countersign connector --out lowcode --host sign.example.com\n" +
		"  countersign connector --out orders --host sign.example.com --from orders.json --profile orders\n" +
		"  countersign connector --out tools --host sign.example.com --profile agents \\\n" +
		"    --mcp https://orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp"
	f := c.Flags()
	f.StringVar(&o.out, "out", "", "`FOLDER` to write to (required).")
	f.StringVar(&o.host, "host", "", "`HOST` of the service, the connector's default.")
	f.StringVar(&o.from, "from", "", "`FILE` with the definition of an API, in JSON or YAML; - for standard input.")
	f.StringVar(&o.mcp, "mcp", "", "`URL` of an MCP server on AWS: https://HOST/PATH, as Copilot Studio expects it.")
	f.StringVar(&o.convert.Profile, "profile", "", "`NAME` of the profile that signs the calls (required with --from and --mcp).")
	f.StringVar(&o.convert.Upstream, "upstream", "", "`URL` of the API, if the definition does not give it: https://HOST/PATH.")
	f.StringArrayVar(&o.convert.Include, "include", nil, "`OPERATION` to keep, such as 'GET /orders*'; may be repeated. Default: all.")
	f.StringArrayVar(&o.convert.Exclude, "exclude", nil, "`OPERATION` to leave out; may be repeated.")
	f.StringArrayVar(&o.samples, "sample", nil,
		"Recorded response that gives an operation its `SHAPE`: 'GET /orders/{id}=order.json'; may be repeated.")
	f.StringSliceVar(&o.any, "any", nil, "`METHODS` that stand for ANY, such as get,post. Default: such routes are left out.")
	f.BoolVar(&o.convert.Greedy, "greedy", false, "Keep paths such as /{proxy+}.")
	f.BoolVar(&o.convert.Strict, "strict", false, "Fail if anything would be left out.")
	addConfig(c, &o.config)
	_ = c.MarkFlagRequired("out")
	_ = c.MarkFlagDirname("out")
	c.AddCommand(newConnectorCheck(p))
	return c
}

func (o *connectorOptions) run(p *process) error {
	c := o.convert
	only := c.Upstream != "" || c.Greedy || c.Strict || len(c.Include)+len(c.Exclude)+len(o.samples)+len(o.any) > 0
	switch {
	case o.mcp != "" && (o.from != "" || only):
		return usageError{errors.New("--mcp can be combined only with --profile, --host and --config")}
	case o.mcp != "":
		return o.makeMCP(p)
	case o.from == "":
		if c.Profile != "" || only {
			return usageError{errors.New("--profile, --upstream, --include, --exclude, --sample, --any, --greedy and --strict need --from")}
		}
		return connector.Write(o.out, api.OpenAPI, api.Swagger, connector.Options{Host: o.host})
	}
	if err := o.prepare(p); err != nil {
		return err
	}
	definition, err := o.read(p)
	if err != nil {
		return err
	}
	made, err := converter.Convert(definition, o.convert)
	if err != nil {
		return refusedDefinition(o.from, err)
	}
	return o.write(p, made)
}

// makeMCP makes the connector of an MCP server.
func (o *connectorOptions) makeMCP(p *process) error {
	if err := o.prepare(p); err != nil {
		return err
	}
	o.convert.Earlier = nil // its only action always has the same id
	made, err := converter.MCP(o.mcp, o.convert)
	if err != nil {
		return err
	}
	if err := o.write(p, made); err != nil {
		return err
	}
	fmt.Fprintln(p.stderr, "The connector calls /proxy, which the container and the binary serve, but Azure Functions does not.")
	return nil
}

// write writes the connector and prints a summary.
func (o *connectorOptions) write(p *process, made *converter.Result) error {
	if err := connector.WriteFiles(o.out, made.Files); err != nil {
		return err
	}
	r := made.Report
	fmt.Fprintf(p.stdout, "%s: %s, %d with a typed response, %d with a typed body; %d left out\n",
		o.out, count(len(r.Actions), "action"), r.TypedResponses, r.TypedBodies, len(r.LeftOut))
	for _, text := range r.Warnings {
		fmt.Fprintln(p.stderr, "warning: "+text)
	}
	for _, text := range r.Changes {
		fmt.Fprintln(p.stderr, "breaking change: "+text)
	}
	return nil
}

// read reads the definition, up to one byte more than can be converted.
func (o *connectorOptions) read(p *process) ([]byte, error) {
	in := p.stdin
	if o.from != "-" {
		file, err := os.Open(o.from)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, converter.MaxBytes+1))
}

// prepare checks the flags and reads the files that they name.
func (o *connectorOptions) prepare(p *process) error {
	c := &o.convert
	if c.Profile == "" {
		return usageError{errors.New("--profile: name the profile that signs the calls")}
	}
	for _, method := range o.any {
		method = strings.ToLower(strings.TrimSpace(method))
		if !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) {
			return usageError{errors.New("--any: methods are get, post, put, patch and delete")}
		}
		c.Any = append(c.Any, method)
	}
	c.Samples = map[string][]byte{}
	for _, text := range o.samples {
		at := strings.LastIndexByte(text, '=')
		if at < 0 || !strings.Contains(text[:at], " ") {
			return usageError{errors.New("--sample: must be an operation and a file, such as 'GET /orders/{id}=order.json'")}
		}
		sample, err := os.ReadFile(text[at+1:])
		if err != nil {
			return fmt.Errorf("--sample: %w", err)
		}
		c.Samples[text[:at]] = sample
	}
	var err error
	if c.Frame, err = connector.NewFrame(api.Swagger, o.host); err != nil {
		return err
	}
	earlier, err := os.ReadFile(filepath.Join(o.out, "apiDefinition.swagger.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.Earlier = earlier
	return o.readHosts(p)
}

// readHosts reads the profile's hosts, if there is a configuration file.
func (o *connectorOptions) readHosts(p *process) error {
	name := configFile(p, o.config)
	if name == "" {
		return nil
	}
	conf, err := loadConfig(p, name)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(conf.Profiles, func(profile credentials.Profile) bool { return profile.Name == o.convert.Profile })
	if !known {
		return usageError{fmt.Errorf("--profile: %s has no such profile", name)}
	}
	o.convert.Hosts, err = endpoints.NewHosts(conf.Hosts[o.convert.Profile])
	return err
}

// refusedDefinition lists the faults of a definition after the name of its file.
func refusedDefinition(file string, err error) error {
	joined, several := err.(interface{ Unwrap() []error })
	if !several {
		return fmt.Errorf("%s: %w", file, err)
	}
	lines := []string{file + " cannot become a connector:"}
	for _, fault := range joined.Unwrap() {
		lines = append(lines, "  "+fault.Error())
	}
	return errors.New(strings.Join(lines, "\n"))
}

// newConnectorCheck checks any connector against the rules.
func newConnectorCheck(p *process) *cobra.Command {
	c := &cobra.Command{
		Use: "check FOLDER", Args: oneArgument("FOLDER of the connector"),
		Short: "Check a connector's files against the rules of Microsoft's documentation and validator.",
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		files := map[string][]byte{}
		for _, name := range []string{"apiDefinition.swagger.json", "apiProperties.json"} {
			text, err := os.ReadFile(filepath.Join(args[0], name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			files[name] = text
		}
		faults := connector.Check(files)
		for _, fault := range faults {
			fmt.Fprintln(p.stdout, fault)
		}
		if n := len(connector.Errors(faults)); n > 0 {
			return fmt.Errorf("%s breaks the rules: %s", args[0], count(n, "error"))
		}
		if len(faults) == 0 {
			fmt.Fprintln(p.stdout, args[0]+" follows all rules")
		}
		return nil
	}
	return c
}
