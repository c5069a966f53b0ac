package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/sandbox"
)

// serveUntil runs serve while do uses it, and returns its log.
func serveUntil(t *testing.T, p *program, do func(base string), args ...string) []map[string]any {
	t.Helper()
	p.env["PORT"] = freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- p.run(ctx, append([]string{"serve"}, args...)...) }()
	base := "http://127.0.0.1:" + p.env["PORT"]
	waitFor(t, base+"/")
	do(base)
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d\n%s", code, &p.err)
	}
	var lines []map[string]any
	for line := range strings.Lines(p.out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("not a JSON line: %s", line)
		}
		lines = append(lines, fields)
	}
	return lines
}

func TestStart_OneLineSaysWhatIsInForce(t *testing.T) {
	const policies = "permit (principal, action, resource);\n"
	hash := sha256.Sum256([]byte(policies))
	file := writeFile(t, "countersign.yaml", "profiles:\n  orders: {region: eu-west-1, source: environment, "+
		"assume_role: {role_arn: 'arn:aws:iam::123456789012:role/orders'}}\n  base: {region: "+
		"eu-west-1, source: aws-default}\nhttp_hosts: [minio.example.com:9000]\npolicies: "+
		writeFile(t, "p.cedar", policies)+"\nmax_requests: 7\ncallers:\n  api_keys: [{id: b, sha256: "+rightHash+"}]\n"+
		"  entra: {tenant: 22222222-1111-1111-1111-111111111111, audience: a, roles: [r], "+
		"callers: {33333333-1111-1111-1111-111111111111: a}}\n")
	p := &program{
		env: map[string]string{
			"AWS_ACCESS_KEY_ID": "AKIDTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "EXAMPLEKEY", "COUNTERSIGN_CONFIG": file,
			"COUNTERSIGN_AUDIT_FILE": t.TempDir() + "/audit.log", "COUNTERSIGN_AUDIT_STDOUT": "true",
			"HTTPS_PROXY": "http://user:hidden@proxy.example.com:3128",
		},
	}
	lines := serveUntil(t, p, func(string) {})
	for i, line := range lines {
		if line["message"] != "listening" {
			continue
		}
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`"version":"`, `"address":"`, `"config":"` + file, `"config_sha256":"`, `"auth":["api-key","entra"]`, `"api_keys":1`,
			`"callers":["a","b"]`, `"profiles":2`,
			`"sources":{"base":"aws-default","orders":"environment"}`, `"policies":"`, `"policies_sha256":"` + hex.EncodeToString(hash[:]) + `"`,
			`"audit":["stdout","`, `"max_requests":7`, `"rate_per_second":500`, `"roles":{"orders":"arn:aws:iam::123456789012:role/orders"}`,
			`"http_hosts":["minio.example.com:9000"]`, `"send":false`, `"https_proxy":"proxy.example.com:3128"`,
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the line lacks %s:\n%s", want, text)
			}
		}
		if i != 0 {
			t.Errorf("it is line %d", i)
		}
		return
	}
	t.Errorf("there is no such line:\n%s", &p.out)
}

func TestStart_AuthNoneIsAWarning(t *testing.T) {
	p := &program{
		env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIDTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "EXAMPLEKEY", "AWS_REGION": "eu-west-1"},
	}
	lines := serveUntil(t, p, func(string) {}, "--auth=none")
	for _, line := range lines {
		if line["level"] == "warn" && strings.HasPrefix(line["message"].(string), "--auth: every caller is admitted") {
			return
		}
	}
	t.Errorf("there is no warning:\n%s", &p.out)
}

func TestKeyNew_ItsNameIsInTheAuditRecordWithoutAFile(t *testing.T) {
	var made program
	if code := made.run(t.Context(), "key", "new", "my-flow"); code != 0 {
		t.Fatal(&made.err)
	}
	key := strings.TrimSpace(made.out.String())
	_, hash, _ := strings.Cut(made.err.String(), "COUNTERSIGN_API_KEY_SHA256=")
	p := &program{env: sandboxEnvironment(startSandbox(t))}
	p.env["COUNTERSIGN_API_KEY_SHA256"] = strings.Fields(hash)[0]
	lines := serveUntil(t, p, func(base string) {
		request, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, base+"/v1/sign",
			strings.NewReader(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`),
		)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%d %s %v", response.StatusCode, text, err)
		}
	})
	for _, line := range lines {
		if line["caller_id"] == "my-flow" {
			return
		}
	}
	t.Errorf("no record names the caller:\n%s", &p.out)
}

func TestServe_ReadsTheKeysOfAWSFromFiles(t *testing.T) {
	p := &program{env: sandboxEnvironment(startSandbox(t))}
	for name, secret := range map[string]string{
		"AWS_SECRET_ACCESS_KEY": sandbox.SecretAccessKey, "COUNTERSIGN_EXTERNAL_ID": sandbox.PartnerExternalID,
	} {
		delete(p.env, name)
		p.env[name+"_FILE"] = writeFile(t, "secret", secret+"\n")
	}
	if code := p.run(t.Context(), "serve", "--check", "--online", "--auth=none"); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestPolicyCommands_NeedNoKeys(t *testing.T) {
	policies := writeFile(t, "p.cedar", "permit (principal == Caller::\"crm\", action, resource);\n")
	cases := writeFile(
		t, "cases.json",
		`[{"name":"a","caller":"crm","action":"sign","request":{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"},"expect":"allow"}]`,
	)
	for name, env := range map[string]map[string]string{
		"variables": {"COUNTERSIGN_POLICIES": policies},
		"a file": {
			"COUNTERSIGN_CONFIG": writeFile(t, "c.yaml", "policies: "+policies+"\nprofiles: {a: {region: eu-west-1, source: environment}}\n"),
		},
	} {
		for _, args := range [][]string{{"policy", "test", cases}, {"policy", "explain", "--caller=crm"}} {
			p := program{env: env, stdin: `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`}
			if code := p.run(t.Context(), args...); code != 0 {
				t.Errorf("%v with %s: exit code %d\n%s%s", args, name, code, &p.out, &p.err)
			}
		}
	}
}

func TestConfigCommands(t *testing.T) {
	p := program{env: map[string]string{"COUNTERSIGN_MAX_REQUESTS": "5", "COUNTERSIGN_POLICY": "x"}}
	if code := p.run(t.Context(), "config", "print", "--auth=none"); code != 2 ||
		!hasLine(p.out.String(), "max_requests: 5", "# COUNTERSIGN_MAX_REQUESTS") || !hasLine(p.out.String(), "auth: none", "# --auth") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
	var schema program
	if code := schema.run(t.Context(), "config", "schema"); code != 0 || !json.Valid([]byte(schema.out.String())) {
		t.Errorf("exit code %d\n%s", code, &schema.err)
	}
}
