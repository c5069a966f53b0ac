//go:build peers

package credentials_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// helper is AWS's own IAM Roles Anywhere client.
const helper = "github.com/aws/rolesanywhere-credential-helper@v1.4.0"

// The imitation of IAM Roles Anywhere accepts requests from AWS's own helper, so it expects what AWS expects.
func TestPeers_RolesAnywhereAcceptsAWSsHelper(t *testing.T) {
	folder := t.TempDir()
	install := exec.Command("go", "install", helper)
	install.Dir = folder
	install.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=-trimpath")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", helper, err, out)
	}
	for name, key := range keyKinds {
		for length := range 4 {
			for _, trusted := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, chain of %d, trusted %v", name, length, trusted), func(t *testing.T) {
					root := newRoot(time.Now())
					issuer, between := chainOf(root, length, time.Now())
					f := newFiles(t)
					put(t, f.certificate, pemOf(issuer.issue(server(time.Now()), key().Public(), nil)))
					put(t, f.key, pkcs8(key()))
					anchor := root
					if !trusted {
						anchor = (*authority)(nil).subWith(ecOther(), "root", time.Now())
					}
					aws := httptest.NewServer(standIn(anchor, time.Now))
					defer aws.Close()
					arguments := []string{
						"credential-process", "--certificate", f.certificate, "--private-key", f.key, "--endpoint", aws.URL, "--region", "eu-west-1",
						"--trust-anchor-arn", anchorARN, "--profile-arn", profileARN, "--role-arn", "arn:aws:iam::123456789012:role/sandbox-caller",
					}
					if length > 0 {
						put(t, f.chain, pemOf(between...))
						arguments = append(arguments, "--intermediates", f.chain)
					}
					out, err := exec.Command(filepath.Join(folder, "rolesanywhere-credential-helper"), arguments...).Output()
					var got struct{ AccessKeyID, SessionToken string }
					if (err == nil) != trusted || trusted && (json.Unmarshal(out, &got) != nil || got.SessionToken == "") {
						t.Errorf("the helper says %v %s", err, out)
					}
				})
			}
		}
	}
}
