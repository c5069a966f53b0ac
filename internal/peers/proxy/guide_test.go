//go:build peers

package proxy_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/peers"
	"countersign/internal/upstream"
)

// startCommand starts `countersign` with arguments, in front of an imitation of AWS whose S3 is a real server and whose
// other services respond with what was requested.
func startCommand(t *testing.T, program, server, ready string, environment []string, args ...string) {
	t.Helper()
	s3 := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DisableCompression: true}, ErrorLog: log.New(io.Discard, "", 0),
	}
	startBefore(t, program, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.Host, "s3."):
			s3.ServeHTTP(w, r)
		case !strings.Contains(r.Header.Get("Authorization"), "Credential="+root.AccessKeyID+"/"):
			w.WriteHeader(http.StatusForbidden)
		case r.Header.Get("X-Amz-Target") == "secretsmanager.ListSecrets":
			_, _ = io.WriteString(w, `{"SecretList":[{"Name":"orders"}]}`)
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListTables"):
			_, _ = io.WriteString(w, `{"TableNames":["orders"]}`)
		default:
			_, _ = io.WriteString(w, r.Host+r.URL.RequestURI())
		}
	}), ready, environment, args...)
}

// startBefore starts `countersign` with arguments, in front of an imitation of AWS that is a handler.
func startBefore(t *testing.T, program string, handler http.Handler, ready string, environment []string, args ...string) {
	t.Helper()
	aws, err := upstream.Start(handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, aws.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, args...)
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=" + aws.ProxyURL.String(), "AWS_CA_BUNDLE=" + ca, "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + root.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + root.SecretAccessKey(), "COUNTERSIGN_ALLOW_SEND=true",
	}, environment...)
	peers.Start(t, command, ready)
}

// shell runs a command line and returns its output.
func shell(t *testing.T, line string, environment ...string) string {
	t.Helper()
	command := exec.Command("sh", "-c", line)
	command.Dir = t.TempDir()
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + command.Dir, "AWS_EC2_METADATA_DISABLED=true"}, environment...)
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		command.Env = append(command.Env, "PYENV_ROOT="+root)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "countersign")
	if out, err := exec.Command("go", "build", "-p", "2", "-o", program, "countersign").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// TestGuide_OnThisMachine runs the commands in docs/proxy.md for the AWS CLI and curl on one machine.
func TestGuide_OnThisMachine(t *testing.T) {
	program, server, address := build(t), startVersity(t), peers.Address(t)
	_, port, _ := strings.Cut(address, ":")
	startCommand(
		t, program, server, "http://"+address+"/-?X-Amz-Credential=a/20150830/"+region+"/sns/aws4_request&X-Amz-Signature=0", nil,
		"proxy", "--port", port,
	)
	if _, err := exec.LookPath("aws"); err != nil {
		t.Log("NOT TESTED: the AWS CLI, which this machine does not have")
	} else {
		sdk := []string{
			"AWS_ENDPOINT_URL=http://" + address, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_DEFAULT_REGION=" + region,
		}
		for line, want := range map[string]string{
			"aws secretsmanager list-secrets": "orders",
			"aws configure set default.s3.addressing_style path && aws s3 mb s3://inbox && echo hello > a && aws s3 cp a s3://inbox/ && " +
				"aws s3 ls s3://inbox && aws s3 cp s3://inbox/a -": "hello",
		} {
			if out := shell(t, line, sdk...); !strings.Contains(out, want) {
				t.Errorf("%s:\n%s", line, out)
			}
		}
		command := exec.Command("aws", "dynamodb", "list-tables")
		command.Env = append(os.Environ(), sdk...)
		if out, err := command.CombinedOutput(); err == nil {
			t.Errorf("dynamodb, whose endpoints are two: %s", out)
		}
		other := peers.Address(t)
		_, port, _ := strings.Cut(other, ":")
		startCommand(t, program, server, "http://"+other+"/", nil, "proxy", "--port", port, "--upstream", "dynamodb."+region+".amazonaws.com")
		if out := shell(t, "aws dynamodb list-tables", append(sdk[1:], "AWS_ENDPOINT_URL_DYNAMODB=http:/"+
			"/"+other)...); !strings.Contains(out, "orders") {
			t.Errorf("dynamodb: %s", out)
		}
	}
	if out := shell(t, "curl -s -H 'Host: sns."+region+".amazonaws.com' "+
		"'http://"+address+"/?Action=ListTopics'"); out != "sns."+region+".amazonaws.com/?Action=ListTopics" {
		t.Errorf("by the Host header: %s", out)
	}
}

// TestGuide_OneForAll runs the commands in docs/proxy.md for clients of a central service.
func TestGuide_OneForAll(t *testing.T) {
	program, server, address := build(t), startVersity(t), peers.Address(t)
	_, port, _ := strings.Cut(address, ":")
	made, err := exec.Command(program, "key", "new", "grafana").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, made)
	}
	var key, hash string
	for word := range strings.FieldsSeq(string(made)) {
		word = strings.Trim(word, `"',{}`)
		switch {
		case strings.HasPrefix(word, "grafana."):
			key = word
		case len(word) == 64:
			hash = word
		}
	}
	startCommand(t, program, server, "http://"+address+"/livez", []string{"COUNTERSIGN_API_KEY_SHA256=" + hash}, "serve", "--port", port)
	base := "http://" + address + "/proxy/default/"
	api := "a1b2c3d4e5.execute-api." + region + ".amazonaws.com/prod/orders"
	for _, test := range []struct{ line, want string }{
		{"curl -s -u any:" + key + " " + base + api, api},
		{"curl -s -H 'X-API-Key: " + key + "' " + base + api, api},
		{"curl -s -H 'Authorization: Bearer " + key + "' " + base + api, api},
		{"curl -s -H 'X-API-Key: " + key + "' http://" + address + "/call/default/" + api, api},
		{"curl -s -o /dev/null -w '%{http_code}' " + base + api, "401"},
		{"curl -s -o /dev/null -w '%{http_code}' -X PUT -u any:" + key + " " + base + "s3." + region + ".amazonaws.com/inbox", "200"},
		{"head -c 3000000 /dev/zero > a && curl -s -o /dev/null -w '%{http_code}' -H 'X-API-Key: " + key + "' -T a " +
			base + "s3." + region + ".amazonaws.com/inbox/a", "200"},
		{"curl -s -o /dev/null -w '%{http_code}' -H 'X-API-Key: " + key + "' " + base + "s3." + region + ".amazonaws.com/other/a", "404"},
	} {
		if out := shell(t, test.line); out != test.want {
			t.Errorf("%s: %q, want %q", test.line, out, test.want)
		}
	}
	if _, err := exec.LookPath("aws"); err == nil {
		out := shell(
			t, "aws secretsmanager list-secrets", "AWS_ENDPOINT_URL_SECRETS_MANAGER="+base+"secretsmanager."+region+".amazonaws.com",
			"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_SESSION_TOKEN="+key, "AWS_DEFAULT_REGION="+region,
		)
		if !strings.Contains(out, "orders") {
			t.Errorf("the AWS CLI: %s", out)
		}
	}
}
