package cli

import (
	"crypto/rand"
	"fmt"

	"countersign/access"
)

type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Make a key for a caller and print it with the line for the configuration."`
}

type newKeyCommand struct {
	ID string `arg:"" help:"Name of the caller: letters, digits, - and _."`
}

// Run prints the key once; what is kept is its hash.
func (c newKeyCommand) Run(p *process) error {
	key, entry, err := access.NewKey(rand.Reader, c.ID)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(p.stdout, "key, for the caller: %s\n\n"+
		"for the file, under callers.api_keys:\n  - {id: %s, sha256: %s}\n\n"+
		"or, for the one caller of a start without a file:\n  COUNTERSIGN_API_KEY_SHA256=%s\n",
		key, entry.ID, entry.SHA256, entry.SHA256)
	return err
}
