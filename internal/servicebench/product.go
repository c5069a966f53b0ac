package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/freeport"
	"countersign/internal/measure"
)

const (
	apiKey                 = "bench.EXAMPLE-key-that-opens-nothing"
	accessKeyID, secretKey = "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// token is as long as those from STS.
var token = strings.Repeat("sessiontoken/EXAMPLE", 45)

// setup describes what the product's configuration has beyond the minimum.
type setup struct {
	policies, profiles, keys int
	metrics                  string // address of the metrics listener
}

// startProduct runs the product with a key, a policy and a file of audit records, and returns when it responds.
func (o *options) startProduct(folder string, s setup) (*measure.Process, error) {
	folder, err := os.MkdirTemp(folder, "")
	if err != nil {
		return nil, err
	}
	config, policies := filepath.Join(folder, "countersign.yaml"), filepath.Join(folder, "policies.cedar")
	if err := os.WriteFile(config, s.config(folder, policies), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(policies, s.cedar(), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
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
	command := exec.Command(o.product, "serve", "--config", config, "--address", host, "--port", port)
	command.Stdout, command.Stderr = log, log
	command.Env = []string{
		"AWS_ACCESS_KEY_ID=" + accessKeyID, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_SESSION_TOKEN=" + token, "AWS_REGION=eu-west-1",
	}
	p, err := measure.Start(command, address)
	if err != nil {
		return nil, err
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return p, c.Close()
		}
	}
	p.Stop()
	text, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("it does not respond: %.2000s", text)
}

func (s *setup) config(folder, policies string) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "audit_file: %s\npolicies: %s\nrate_per_second: 1000000\nrate_burst: 1000000\ndefault_profile: orders\n",
		filepath.Join(folder, "audit.jsonl"), policies)
	if s.metrics != "" {
		fmt.Fprintf(&text, "metrics_address: %s\n", s.metrics)
	}
	fmt.Fprintf(&text, "profiles:\n  orders: {source: environment, region: eu-west-1}\n")
	for i := range s.profiles {
		fmt.Fprintf(&text, "  orders-%d: {source: environment, assume_role: {role_arn: 'arn:aws:iam::123456789012:role/orders-%d'}}\n", i, i)
	}
	fmt.Fprintf(&text, "callers:\n  api_keys:\n  - {id: bench, sha256: %s}\n", sha256Of(apiKey))
	for i := range s.keys {
		fmt.Fprintf(&text, "  - {id: caller-%d, sha256: %s}\n", i, sha256Of(fmt.Sprint(i)))
	}
	return text.Bytes()
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// cedar returns one policy that permits the requests, and more about the same caller and the same profile or service,
// as in files that were written request by request.
func (s *setup) cedar() []byte {
	var text bytes.Buffer
	const permit = `permit (principal == Caller::"bench", action == Action::"sign", resource) when { `
	fmt.Fprintln(&text, permit+`resource.service == "execute-api" };`)
	for i := range s.policies {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&text, `permit (principal == Caller::"bench", action, resource) when { resource.profile == "orders-%d" };`, i)
		case 1:
			fmt.Fprintf(&text, permit+`resource.service == "service-%d" };`, i)
		case 2:
			fmt.Fprintf(&text, permit+`resource.profile == "orders" && resource.service == "s3" && resource.path like "/folder-%d/*" };`, i)
		case 3:
			fmt.Fprintf(&text, `forbid (principal, action, resource)
when { resource.service == "execute-api" && resource.host == "api-%d.example.com" };`, i)
		}
		fmt.Fprintln(&text)
	}
	return text.Bytes()
}

// signRequest returns a request to sign a POST with a text body of the given size, and with more fields by name.
func signRequest(size int, more ...string) []byte {
	const line = `The order "1042" is open, and waits for the goods that were said to come on Monday.` + "\n"
	in := map[string]any{
		"method":  "POST",
		"url":     "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders?status=open&limit=50",
		"headers": map[string]string{"Content-Type": "text/plain", "X-Correlation-Id": "2b1f0a52-5f63-4c0e-9a41-6d7f1f3c2e11"},
		"body":    strings.Repeat(line, 1+size/len(line))[:size],
	}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	document, err := json.Marshal(in)
	if err != nil {
		panic(err) // maps of strings can always be marshalled
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "POST /v1/sign HTTP/1.1\r\nHost: signer.example.com\r\nX-Api-Key: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", apiKey, len(document))
	return append(text.Bytes(), document...)
}
