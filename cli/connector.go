package cli

import (
	"countersign/connector"

	"github.com/spf13/cobra"
)

func newConnector(p *process) *cobra.Command {
	var out, host string
	c := command("connector", "Write the files of the Power Platform connector and the workflow templates.", func() error {
		return connector.Write(out, p.contract, connector.Options{Host: host})
	})
	c.Flags().StringVar(&out, "out", "", "`FOLDER` to write to (required).")
	c.Flags().StringVar(&host, "host", "", "`HOST` of the service, which the connector then has as a default.")
	_ = c.MarkFlagRequired("out")
	_ = c.MarkFlagDirname("out")
	return c
}
