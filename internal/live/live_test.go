package live_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"countersign/sending"
)

var live = flag.Bool("live", false, "send requests to AWS, with the keys in the environment")

// Without AWS_ACCESS_KEY_ID it is skipped, and says so. If LIVE_OUT is set, it writes what AWS responded into that
// folder, without ids, names and tokens.
func TestLive_TheStatusTable(t *testing.T) {
	if !*live {
		t.Skip("NOT RUN: it sends requests to AWS; make live runs it")
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		t.Skip("NO REQUEST WAS SENT TO AWS: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a session, AWS_SESSION_TOKEN")
	}
	region := os.Getenv("AWS_REGION")
	if region == "" {
		region = "us-east-1"
	}
	responses := run(t, region, os.Getenv, sending.Options{})
	folder := os.Getenv("LIVE_OUT")
	if folder == "" {
		return
	}
	text, err := json.MarshalIndent(responses, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "responses.json"), append(text, '\n'), 0o600); err != nil {
		t.Error(err)
	}
}
