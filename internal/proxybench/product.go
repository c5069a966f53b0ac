package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"countersign/internal/freeport"
	"countersign/internal/measure"
)

const policy = `permit (principal == Caller::"bench", action in [Action::"send", Action::"sign"], resource)
when { resource.service == "s3" };`

// startProduct runs the program with a key, a policy, limits, a log and a file of audit records, and returns when it
// responds.
func startProduct(program, folder, aws string) (*child, error) {
	at := func(name string) string { return filepath.Join(folder, name) }
	config := fmt.Sprintf(`audit_file: %s
policies: %s
spool_dir: %s
rate_per_second: 1000000
rate_burst: 1000000
allow_send: true
max_response_bytes: 78643200
http_hosts: ['%s']
profiles:
  %s: {source: environment, region: %s, hosts: {127.0.0.1: {service: s3, region: %s}}}
callers:
  api_keys:
  - {id: bench, sha256: %s}
`, at("audit.jsonl"), at("policies.cedar"), folder, aws, profile, region, region, hexSHA256([]byte(apiKey)))
	for name, text := range map[string]string{"countersign.yaml": config, "policies.cedar": policy} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(at("log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	port, err := freeport.Next()
	if err != nil {
		return nil, err
	}
	const host = "127.0.0.1"
	address := net.JoinHostPort(host, port)
	command := exec.Command(program, "serve", "--config", at("countersign.yaml"), "--address", host, "--port", port)
	command.Stdout, command.Stderr = log, log
	command.Env = []string{
		"AWS_ACCESS_KEY_ID=" + accessKeyID, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_SESSION_TOKEN=" + token, "AWS_REGION=" + region,
	}
	p, err := measure.Start(command, address)
	if err != nil {
		return nil, err
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return &child{p, withAll, newClient()}, c.Close()
		}
	}
	p.Stop()
	text, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("it does not respond: %.2000s", text)
}

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
}
