package cli

import (
	"countersign/config"

	"github.com/spf13/cobra"
)

func newConfig(p *process) *cobra.Command {
	var file string
	show := command("print", "Print the effective configuration and the source of each value, without secrets.", func() error {
		conf, err := loadConfig(p, file)
		if printErr := conf.Print(p.stdout, p.getenv); printErr != nil { // even if it has faults: that is when people look
			return printErr
		}
		return err
	})
	addConfig(show, &file)
	addSettings(show, p)
	return group("config", "Show the effective configuration, and the JSON Schema of its file.", show,
		command("schema", "Print a JSON Schema of the configuration file, for editors.", func() error {
			_, err := p.stdout.Write(config.Schema())
			return err
		}))
}
