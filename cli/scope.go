package cli

import (
	"strings"

	"countersign/endpoints"
)

type scopeCommand struct {
	Hosts []string `arg:"" optional:"" name:"host" help:"Hosts or URLs; - reads them from standard input, one a line."`
}

// Run writes a line for each host: input, service, region, algorithm and a note, divided by tabs.
func (c scopeCommand) Run(p *process) error {
	if len(c.Hosts) == 0 || len(c.Hosts) == 1 && c.Hosts[0] == "-" {
		return endpoints.WriteScopes(p.stdout, p.stdin)
	}
	return endpoints.WriteScopes(p.stdout, strings.NewReader(strings.Join(c.Hosts, "\n")))
}
