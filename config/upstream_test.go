package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/config"
)

// A header's value comes from a file, a variable or the configuration itself, and is not printed.
func TestUpstreamHeaders_AreReadAndNotPrinted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"value_file: " + file: "from-a-file", "value_variable: USAGE_KEY": "from-a-variable", "value: from-the-text": "from-the-text",
	} {
		text := "profiles:\n  orders:\n    source: environment\n    upstream_headers:\n      x-api-key:\n        " + value +
			"\n        hosts: [api.example.com]\n"
		getenv := func(name string) string {
			return map[string]string{"USAGE_KEY": "from-a-variable", "AWS_REGION": "eu-west-1"}[name]
		}
		c, err := config.Load(config.Sources{FileName: "c.yaml", File: []byte(text), Getenv: getenv})
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if h := c.UpstreamHeaders; len(h) != 1 || h[0].Value != want || h[0].Name != "x-api-key" || h[0].Profile != "orders" ||
			len(h[0].Hosts) != 1 {
			t.Errorf("%s: %+v", value, h)
		}
		var printed strings.Builder
		if err := c.Print(&printed, getenv); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(printed.String(), want) || !strings.Contains(printed.String(), "api.example.com") {
			t.Errorf("%s: printed %s", value, printed.String())
		}
	}
}
