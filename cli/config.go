package cli

import "countersign/config"

type configCommand struct {
	Print  printConfigCommand  `cmd:"" help:"Print the configuration that is in force, where each value comes from, and no secret."`
	Schema configSchemaCommand `cmd:"" help:"Print a JSON Schema of the configuration file, for editors."`
}

type printConfigCommand struct {
	Config string `placeholder:"FILE" help:"YAML file with profiles and callers. Default: COUNTERSIGN_CONFIG."`
	config.Settings
}

// Run prints what could be read even where it has faults: that is when one looks.
func (c printConfigCommand) Run(p *process) error {
	conf, err := loadConfig(p, c.Config)
	if printErr := conf.Print(p.stdout, p.getenv); printErr != nil {
		return printErr
	}
	return err
}

type configSchemaCommand struct{}

func (configSchemaCommand) Run(p *process) error {
	_, err := p.stdout.Write(config.Schema())
	return err
}
