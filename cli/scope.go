package cli

import (
	"strings"

	"countersign/endpoints"

	"github.com/spf13/cobra"
)

func newScope(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "scope [HOST…]",
		Short: "Print the service and region of hosts and URLs.",
		Long: "Print a line for each host: the host, its service, region and algorithm, and a note, separated by tabs.\n" +
			"Without hosts, or with -, read them from standard input, one per line.",
		RunE: func(_ *cobra.Command, hosts []string) error {
			if len(hosts) == 0 || len(hosts) == 1 && hosts[0] == "-" {
				return endpoints.WriteScopes(p.stdout, p.stdin)
			}
			return endpoints.WriteScopes(p.stdout, strings.NewReader(strings.Join(hosts, "\n")))
		},
	}
}
