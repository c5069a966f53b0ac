package cli

import (
	"crypto/rand"
	"encoding/json"
	"fmt"

	"countersign/access"

	"github.com/spf13/cobra"
)

func newKey(p *process) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a key for a caller and print it, with the lines for the configuration on standard error.",
		Long: "Make a key for a caller. Only the key goes to standard output; the lines for the configuration, which holds\n" +
			"only its hash, go to standard error. The key is not stored: put it where the caller keeps its secrets.",
		Example: "  KEY=$(countersign key new orders)",
		Args:    oneArgument("NAME of the caller"),
		RunE:    func(_ *cobra.Command, args []string) error { return printNewKey(p, args[0], asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "Print key, name and hash as JSON.")
	return group("key", "Make API keys for callers.", c)
}

func printNewKey(p *process, id string, asJSON bool) error {
	key, entry, err := access.NewKey(rand.Reader, id)
	if err != nil {
		return usageError{err}
	}
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(map[string]string{"key": key, "id": entry.ID, "sha256": entry.SHA256})
	}
	fmt.Fprintf(p.stderr, "For the configuration file, under callers.api_keys:\n  - {id: %s, sha256: %s}\n"+
		"or, to start without a file, with only this caller:\n  COUNTERSIGN_API_KEY_SHA256=%s\nThe key, for the caller:\n",
		entry.ID, entry.SHA256, entry.SHA256)
	_, err = fmt.Fprintln(p.stdout, key)
	return err
}
