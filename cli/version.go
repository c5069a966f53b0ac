package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(p *process) *cobra.Command {
	return command("version", "Print the version, the commit and its date.", func() error {
		_, err := fmt.Fprintln(p.stdout, buildText())
		return err
	})
}

// version returns the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if commit := revision(); commit != "" {
		return "devel-" + commit
	}
	return "devel"
}

// revision returns the beginning of the commit that the program was built from; empty if the build does not know it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}

// buildText returns the version with the commit that it was built from and the commit's time, if the build knows
// them.
func buildText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version()
	}
	return describe(version(), info.Settings)
}

func describe(version string, settings []debug.BuildSetting) string {
	known := map[string]string{}
	for _, s := range settings {
		known[s.Key] = s.Value
	}
	commit, date := known["vcs.revision"], known["vcs.time"]
	if commit == "" {
		return version
	}
	return fmt.Sprintf("%s, commit %s of %s", version, commit[:min(12, len(commit))], date)
}
