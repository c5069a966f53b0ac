package cli

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"

	"countersign/config"
	"countersign/workbench"
)

// newWorkbench returns the settings of the page; nil if it is off.
func newWorkbench(conf config.Config) *workbench.Settings {
	if !conf.Workbench {
		return nil
	}
	s := &workbench.Settings{Version: version(), Examples: workbench.Examples}
	if conf.Sandbox {
		s.Key, s.Gateway = conf.SandboxKey, conf.HTTPHosts[0]
		s.Examples = append([]workbench.Example{{Name: "sandbox", Title: "Sandbox", Text: conf.SandboxExample}}, s.Examples...)
	}
	return s
}

// exampleRequest is a request to the sandbox's gateway, as a user may have it.
func exampleRequest(gateway string) string {
	return fmt.Sprintf("curl '%s/orders?dryRun=false&note=a+b' --aws-sigv4 aws:amz:%s:execute-api \\\n"+
		"  -H 'Content-Type: application/json' -H 'X-Amz-Meta-Source:  web   shop ' -d '{\"order\":1042}'", gateway, sandboxRegion)
}

// openPage opens an address in the user's browser.
func openPage(ctx context.Context, address string) error {
	program, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	return exec.CommandContext(ctx, program, args...).Start() //nolint:gosec // one of three programs, with our own address
}
