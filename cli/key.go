package cli

import (
	"crypto/rand"
	"fmt"

	"countersign/access"

	"github.com/spf13/cobra"
)

func newKey(p *process) *cobra.Command {
	return group("key", "Make API keys for callers.", &cobra.Command{
		Use:   "new NAME",
		Short: "Make a key for a caller and print it with the line for the configuration.",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return printNewKey(p, args[0]) },
	})
}

// printNewKey prints the key once; what is kept is its hash.
func printNewKey(p *process, id string) error {
	key, entry, err := access.NewKey(rand.Reader, id)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(p.stdout, "key, for the caller: %s\n\n"+
		"for the file, under callers.api_keys:\n  - {id: %s, sha256: %s}\n\n"+
		"or, for the one caller of a start without a file:\n  COUNTERSIGN_API_KEY_SHA256=%s\n",
		key, entry.ID, entry.SHA256, entry.SHA256)
	return err
}
