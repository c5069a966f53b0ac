package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"countersign/config"
)

// newRoot makes the tree of commands. parsed is set once the command line is valid and its command begins.
func newRoot(p *process, parsed *bool) *cobra.Command {
	root := group("countersign", "Signs HTTP requests for AWS on behalf of tools that cannot.",
		newServe(p), newProxy(p), newSandbox(p), newSign(p), newSend(p), newPresign(p), newVerify(p), newDiagnose(p), newWhoami(p),
		newScope(p), newKey(p), newConfig(p), newPolicy(p), newConnector(p), newHealthcheck(p), newVersion(p))
	root.Version = buildText()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetUsageFunc(usage)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) {
			if meant := nearestFlag(c, unknown.GetSpecifiedName()); meant != "" {
				return fmt.Errorf("%w; did you mean --%s?", err, meant)
			}
		}
		if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			return fmt.Errorf("--%s: %s", wrong.GetFlag().Name, allowedValues(wrong.GetFlag()))
		}
		return err
	})
	addHelp(root)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil && completion != root {
		asGroup(completion)
	}
	markParsed(root, parsed)
	return root
}

// markParsed makes each command set parsed when it runs: by then its flags and arguments are valid.
func markParsed(c *cobra.Command, parsed *bool) {
	c.Flags().SortFlags = false
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*parsed = true
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		markParsed(sub, parsed)
	}
}

// allowedValues says what the value of a flag must be.
func allowedValues(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "duration":
		return "must be a duration, such as 90s, 15m or 1h"
	case "bool":
		return "must be true or false"
	case "int", "uint16":
		return "must be a whole number"
	}
	return "is not an allowed value"
}

// addHelp makes help refuse unknown commands, as the commands do.
func addHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil || help == root {
		return
	}
	help.Run, help.RunE = nil, func(_ *cobra.Command, args []string) error {
		c, rest, err := root.Find(args)
		if err != nil {
			return usageError{err}
		}
		if len(rest) > 0 && c.HasSubCommands() {
			return usageError{unknownCommand(c, rest[0])}
		}
		c.InitDefaultHelpFlag()
		return c.Help()
	}
}

// group makes a command that does nothing without one of its subcommands.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short}
	asGroup(c)
	c.AddCommand(commands...)
	return c
}

func asGroup(c *cobra.Command) {
	c.SuggestionsMinimumDistance = 2
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownCommand(c, args[0])
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		c.SetOut(c.ErrOrStderr())
		_ = c.Help()
		return usageError{errors.New("a command is missing; the commands are listed above")}
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q for %q", name, c.CommandPath())
	if meant := c.SuggestionsFor(name); len(meant) > 0 {
		text += "; did you mean " + strings.Join(meant, " or ") + "?"
	}
	return errors.New(text)
}

// oneArgument requires exactly one argument; what names it in errors.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("the %s is missing: %s", what, c.UseLine())
		case len(args) > 1:
			return fmt.Errorf("takes one argument, the %s; found %d", what, len(args))
		}
		return nil
	}
}

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes flags only; found %q", c.CommandPath(), args[0])
	}
	return nil
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// command makes a command that takes no arguments; those that do set Args.
func command(name, short string, run func() error) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: noArguments, RunE: func(*cobra.Command, []string) error { return run() }}
}

// setting is the value of a flag that is a setting: package config parses and checks its text.
type setting struct {
	config.Flag
	texts map[string]string
}

func (s setting) String() string { return s.texts[s.Name] }

// Type is the placeholder in the help; pflag expects "bool" for flags without a value.
func (s setting) Type() string {
	if s.Switch {
		return "bool"
	}
	return s.Placeholder
}

func (s setting) Set(text string) error {
	if before, again := s.texts[s.Name]; again && s.List {
		text = before + "," + text
	}
	s.texts[s.Name] = text
	return nil
}

// addSettings gives a command a flag for each setting.
func addSettings(c *cobra.Command, p *process) {
	for _, f := range config.Flags() {
		flag := c.Flags().VarPF(setting{f, p.flags}, f.Name, "", f.Help)
		if f.Switch {
			flag.NoOptDefVal = "true"
		}
		if len(f.Values) > 0 {
			complete(c, f.Name, f.Values...)
		}
	}
}

// addConfig gives a command the flag that names the configuration file.
func addConfig(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "", "YAML `FILE` with profiles and callers. Default: COUNTERSIGN_CONFIG.")
}

// complete registers the values of a flag for shell completion.
func complete(c *cobra.Command, flag string, values ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

// nearestFlag returns the flag that a misspelt one was most likely meant to be.
func nearestFlag(c *cobra.Command, name string) string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return config.NearestFlag(name, names)
}

// usage prints how to call a command, for a terminal of 100 columns.
func usage(c *cobra.Command) error {
	out := c.OutOrStderr()
	fmt.Fprintf(out, "Usage:\n  %s\n", strings.TrimSuffix(c.UseLine(), " [flags]")+parts(c))
	if c.HasExample() {
		fmt.Fprintf(out, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprint(out, "\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(out, "  %-*s  %s\n", c.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if c.HasAvailableFlags() {
		fmt.Fprintf(out, "\nFlags:\n%s", c.Flags().FlagUsagesWrapped(100))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\nRun %s COMMAND --help for more about a command.\n", c.CommandPath())
	}
	return nil
}

// parts says what may follow the name of a command.
func parts(c *cobra.Command) string {
	text := ""
	if c.HasAvailableSubCommands() {
		text += " COMMAND"
	}
	if c.HasAvailableFlags() && !slices.Contains([]string{"help", "version"}, c.Name()) {
		text += " [FLAGS]"
	}
	return text
}
