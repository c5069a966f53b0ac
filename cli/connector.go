package cli

import "countersign/connector"

type connectorCommand struct {
	Out  string `required:"" placeholder:"DIR" help:"Folder to write to."`
	Host string `placeholder:"HOST" help:"Host of the service that connections offer."`
}

func (c connectorCommand) Run(p *process) error {
	return connector.Write(c.Out, p.contract, connector.Options{Host: c.Host})
}
