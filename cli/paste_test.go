package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// pastes are requests to the sandbox's gateway, GATEWAY, in the forms that people have.
var pastes = map[string]string{
	"curl":  `curl 'GATEWAY/orders?q=1' --aws-sigv4 aws:amz:eu-west-1:execute-api -H 'X-Tenant: acme' -d '{"order":1042}'`,
	"cmd":   "curl ^\"GATEWAY/orders?q=1^\" ^\r\n  -H ^\"X-Tenant: acme^\" --data-raw ^\"{\\^\"order\\^\":1042}^\"",
	"http":  "POST /orders?q=1 HTTP/1.1\r\nHost: HOST\r\nX-Tenant: acme\r\n\r\n{\"order\":1042}",
	"fetch": `fetch("GATEWAY/orders?q=1", {"method":"POST","headers":{"x-tenant":"acme"},"body":"{\"order\":1042}"});`,
	"a workflow": `{"type":"Http","inputs":{"method":"POST","uri":"GATEWAY/orders","queries":{"q":"1"},"headers":{"X-Tenant":"acme"},` +
		`"body":{"order":1042}}}`,
	"n8n": `{"nodes":[{"type":"n8n-nodes-base.httpRequest","parameters":{"method":"POST","url":"GATEWAY/orders?q=1",` +
		`"sendHeaders":true,"headerParameters":{"parameters":[{"name":"X-Tenant","value":"acme"}]},"sendBody":true,"contentType":"raw",` +
		`"body":"{\"order\":1042}"}}],"connections":{}}`,
	"postman": `{"info":{"name":"c"},"item":[{"name":"a","request":{"method":"POST","url":{"raw":"GATEWAY/orders?q=1"},` +
		`"header":[{"key":"X-Tenant","value":"acme"}],"body":{"mode":"raw","raw":"{\"order\":1042}"}}}]}`,
	"a signed one": `curl -X POST 'GATEWAY/orders?q=1' -H 'X-Tenant: acme' -H 'X-Amz-Date: 20150830T123600Z' -H 'Authorization: ` +
		`AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00' --data-raw ` +
		`'{"order":1042}'`,
	"a document": `{"method":"POST","url":"GATEWAY/orders","query":{"q":"1"},"headers":{"X-Tenant":"acme"},"body":{"order":1042},` +
		`"service":"execute-api","region":"eu-west-1"}`,
}

func TestSignFrom_ReadsPastes(t *testing.T) {
	aws := startSandbox(t)
	in := strings.NewReplacer("GATEWAY", aws.GatewayURL, "HOST", strings.TrimPrefix(aws.GatewayURL, "http://"))
	for name, text := range pastes {
		t.Run(name, func(t *testing.T) {
			p := program{env: sandboxEnvironment(aws)}
			args := []string{"sign", "--from", writeFile(t, "paste", in.Replace(text))}
			if name != "a document" {
				args = append(args, "--service", "execute-api", "--region", "eu-west-1")
			}
			if code := p.run(t.Context(), args...); code != 0 {
				t.Fatalf("exit code %d\n%s", code, &p.err)
			}
			var signed signedRequest
			if err := json.Unmarshal([]byte(p.out.String()), &signed); err != nil {
				t.Fatal(err)
			}
			tenant := signed.Headers["X-Tenant"] + signed.Headers["x-tenant"]
			if signed.URL != aws.GatewayURL+"/orders?q=1" || signed.Body != `{"order":1042}` || tenant != "acme" {
				t.Errorf("signed was %+v", signed)
			}
			if got := send(t, signed); got != http.StatusOK {
				t.Errorf("the gateway responded with %d", got)
			}
		})
	}
}

func TestSignFrom_SaysWhatIsWrong(t *testing.T) {
	const two = "curl https://a.example/1\ncurl -X PUT https://b.example/2 -d x"
	for name, c := range map[string]struct {
		text string
		args []string
		want string
	}{
		"no request":     {"hello", nil, "holds no readable request"},
		"a response":     {`{"statusCode":403,"headers":{},"body":"no"}`, nil, "countersign diagnose"},
		"two requests":   {two, nil, "--choice:\n  0  GET https://a.example/1\n  1  PUT https://b.example/2"},
		"a third of two": {two, []string{"--choice", "2"}, "holds 2 requests"},
		"a placeholder":  {"\ncurl https://a.example/$ID", nil, "line 2, column 24: $ID has a value only when the workflow runs"},
		"a dash":         {"curl –X PUT https://a.example/", nil, "line 1, column 6: An editor or a web page has replaced the hyphens"},
		"a broken line":  {"curl https://a.example/ \\ \n  -d a=1", nil, "A space after this backslash"},
		"a value to fill": {
			"curl https://<your-api-id>.execute-api.eu-west-1.amazonaws.com/", nil, "line 1, column 14: The angle brackets stand",
		},
		"a heredoc":         {"curl -d @- https://a.example/ <<END\na=1\nEND", nil, "Redirects are not followed"},
		"a file to upload":  {"curl -T report.csv https://a.example/", nil, "line 1, column 9: The body is in a file"},
		"a login":           {"curl -u me:pass https://a.example/", nil, "the signature is the login"},
		"an unknown option": {"curl https://a.example/ --nothing", nil, "line 1, column 25: The command has no such option"},
		"arguments beside":  {two, []string{"-d", "x"}, "leave out one of the two"},
		"a document":        {`{"method":"GET","url":"https://a.example/"}`, []string{"--region", "eu-west-1"}, "set them there"},
		"an unknown form":   {two, []string{"--as", "cobol"}, `--as: must be one of curl`},
		"form and output":   {two, []string{"--as", "python", "-o", "curl"}, "cannot be combined"},
		"a choice of none":  {"", []string{"--choice", "1", "https://a.example/"}, "--choice: applies to --from"},
		"only an address":   {two, []string{"--address", "https://sign.example.com"}, "--address: needs --as"},
		"no address":        {two, []string{"--choice", "0", "--as", "n8n", "--address", "sign"}, "--address: must be an address such as"},
		"keys beside": {"", []string{
			"--as", "python", "--address", "https://sign.example.com", "-u", "a:b", "--aws-sigv4", "aws:amz", "https://a.example/",
		}, "leave out -u"},
		"another's expression": {
			pastesWithExpression, []string{"--as", "python", "--address", "https://sign.example.com"}, "@{triggerBody()} has a value only",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := program{}
			args := []string{"sign"}
			if c.text != "" {
				args = append(args, "--from", writeFile(t, "paste", c.text))
			}
			if code := p.run(t.Context(), append(args, c.args...)...); code != 2 || !strings.Contains(p.err.String(), c.want) {
				t.Errorf("exit code %d, want 2 and %q\n%s", code, c.want, &p.err)
			}
		})
	}
}

// curl options in a file have the same effect as on the command line.
func TestSignFrom_AppliesCurlOptions(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t)), stdin: "A=1 curl -r 0-9 -b a=1 -e https://b.example/ -A mine --json '{}' " +
		"https://sqs.eu-west-1.amazonaws.com/"}
	if code := p.run(t.Context(), "sign", "--from", "-"); code != 0 {
		t.Fatalf("exit code %d: %s", code, &p.err)
	}
	got := signedToSend(t, p.out.String()).headers
	for name, want := range map[string]string{
		"Range": "bytes=0-9", "Cookie": "a=1", "Referer": "https://b.example/", "User-Agent": "mine", "Accept": "application/json",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

const pastesWithExpression = `{"type":"Http","inputs":{"method":"POST","uri":"https://abc.execute-api.eu-west-1.amazonaws.com/prod",` +
	`"body":"@{triggerBody()}"}}`

// A fault in one request of a file does not refuse another.
func TestSignFrom_TakesTheChosenRequest(t *testing.T) {
	const two = "curl https://a.example/ -F a=b\ncurl https://sqs.eu-west-1.amazonaws.com/ -d x=1"
	p := program{env: sandboxEnvironment(startSandbox(t)), stdin: two}
	code := p.run(t.Context(), "sign", "--from", "-", "--choice", "1", "-o", "curl")
	if code != 0 || !strings.Contains(p.out.String(), "--data-raw 'x=1'") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestSignAs_ProgramsAreAcceptedByTheGateway(t *testing.T) {
	aws := startSandbox(t)
	for form, command := range map[string][]string{
		"python": {"python3", "-"}, "curl": {"sh"}, "javascript": {"node", "--input-type=module", "-"},
	} {
		t.Run(form, func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("CI must run the form %s: %v", form, err)
				}
				t.Skipf("NOT CHECKED, the form %s: %v", form, err)
			}
			p := program{env: sandboxEnvironment(aws)}
			args := []string{"sign", "--as", form, "--service", "execute-api", "-d", `{"it's":"\"$x"}`, aws.GatewayURL + "/a?b=c%20d"}
			if code := p.run(t.Context(), args...); code != 0 {
				t.Fatalf("exit code %d\n%s", code, &p.err)
			}
			run := exec.CommandContext(t.Context(), command[0], command[1:]...)
			run.Stdin = strings.NewReader(p.out.String())
			if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "200 OK") {
				t.Errorf("%v\n%s\n%s", err, out, &p.out)
			}
		})
	}
}

// Snippets that call the service need no keys here, and keep the expressions of their tool.
func TestSignAs_CallsTheService(t *testing.T) {
	for form, want := range map[string]string{
		"logic-apps": "@{triggerBody()}", "power-automate": "@{triggerBody()}", "curl": "X-API-Key: $COUNTERSIGN_KEY",
		"n8n":    "$env.COUNTERSIGN_KEY",
		"csharp": "X-API-Key", "powershell": "$env:COUNTERSIGN_KEY", "curl-cmd": "%COUNTERSIGN_KEY%",
	} {
		t.Run(form, func(t *testing.T) {
			text := "curl https://sqs.eu-west-1.amazonaws.com/ -d x=1"
			if strings.Contains(want, "@") {
				text = pastesWithExpression
			}
			p := program{}
			code := p.run(t.Context(), "sign", "--from", writeFile(t, "paste", text), "--as", form,
				"--address", "https://sign.example.com/", "--profile", "orders")
			if out := p.out.String(); code != 0 || !strings.Contains(out, want) || !strings.Contains(out, "https://sign.example.com/v1/sign") ||
				!strings.Contains(out, "orders") || strings.Contains(out, "Signature=") {
				t.Errorf("exit code %d\n%s%s", code, out, &p.err)
			}
		})
	}
}

// The signature in a text is checked as it is.
func TestVerifyFrom_KeepsTheSignature(t *testing.T) {
	p := program{env: map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET",
	}}
	if code := p.run(t.Context(), "sign", "-o", "curl", "-d", "x=1", "https://sqs.eu-west-1.amazonaws.com/"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	line := p.out.String()
	for text, want := range map[string]bool{line: true, strings.Replace(line, "x=1", "x=2", 1): false} {
		p := program{env: p.env}
		code := p.run(t.Context(), "verify", "--from", writeFile(t, "paste", text))
		if valid := strings.Contains(p.out.String(), `"valid": true`); valid != want || (code == 0) != want {
			t.Errorf("exit code %d, want valid %t\n%s%s", code, want, &p.out, &p.err)
		}
	}
}
