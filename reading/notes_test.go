package reading

import (
	"os"
	"strings"
	"testing"
)

func TestNotes_AreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, says := range noteTexts {
		if row := "| `" + code + "` | " + strings.ReplaceAll(says, "|", `\|`) + " |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/errors.md lacks\n%s", row)
		}
	}
}
