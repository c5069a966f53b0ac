package cli

import (
	"os"
	"strings"
	"testing"
)

// A file that is named by mistake is not read whole, whichever command reads it.
func TestFiles_AreBounded(t *testing.T) {
	name := writeFile(t, "disk", "")
	if err := os.Truncate(name, fileLimit+1); err != nil {
		t.Fatal(err)
	}
	for what, p := range map[string]*process{"a command": {}, "the service": {files: newFiles(nil)}} {
		if _, err := p.read(name); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
