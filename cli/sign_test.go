package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSignFromFlagsIsAcceptedByTheGateway(t *testing.T) {
	aws := startSandbox(t)
	p := program{env: sandboxEnvironment(aws)}
	if code := p.run(t.Context(), "sign", "-X", "PUT", "-H", "Content-Type: text/"+
		"plain", "-H", "X-Amz-Target: a", "-d", "hello", "--service", "execute-api", "--region", "eu-west-1",
		aws.GatewayURL+"/a%20b?q=1"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	var signed signedRequest
	if err := json.Unmarshal([]byte(p.out.String()), &signed); err != nil {
		t.Fatal(err)
	}
	if got := send(t, signed); got != http.StatusOK {
		t.Errorf("the gateway responded with %d", got)
	}
}

func send(t *testing.T, signed signedRequest) int {
	t.Helper()
	reply, err := transcript{}.send(t.Context(), signed.Method, signed.URL, signed.Headers, signed.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.status
}

func TestSignFromStandardInputAsCurl(t *testing.T) {
	aws := startSandbox(t)
	p := program{
		env:   sandboxEnvironment(aws),
		stdin: fmt.Sprintf(`{"method":"POST","url":"%s/it's","service":"execute-api","region":"eu-west-1","body":{"a":"b'c"}}`, aws.GatewayURL),
	}
	if code := p.run(t.Context(), "sign", "-o", "curl"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	for _, want := range []string{
		"curl -s --path-as-is -X POST", "-H 'Authorization: AWS4-HMAC-SHA256 ", `--data-raw '{"a":"b'\''c"}'`, `/it'\''s'`,
	} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the line lacks %q:\n%s", want, &p.out)
		}
	}
}

func TestSignSaysWhatIsWrong(t *testing.T) {
	env := sandboxEnvironment(startSandbox(t))
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"the service is missing":    {"", []string{"https://api.example.com/"}, "--service: "},
		"a header that is not text": {"", []string{"-H", "A: \xff", "https://sqs.eu-west-1.amazonaws.com/"}, `--header "A": `},
		"a URL of another kind":     {"", []string{"ftp://sqs.eu-west-1.amazonaws.com/"}, "URL: "},
		"no such profile":           {"", []string{"--profile", "x", "https://sqs.eu-west-1.amazonaws.com/"}, "~/.aws"},
		"a document":                {`{"method":"GET","url":"https://api.example.com/"}`, nil, "/service: "},
		"a document of bad JSON":    {`{"method":"GET"`, nil, "ends before its JSON document does"},
	} {
		t.Run(name, func(t *testing.T) {
			p := program{env: env, stdin: c.stdin}
			if code := p.run(t.Context(), append([]string{"sign"}, c.args...)...); code == 0 || !strings.Contains(p.err.String(), c.want) {
				t.Errorf("exit code %d, want a failure and %q\n%s", code, c.want, &p.err)
			}
		})
	}
}

func TestSignAsCurl_WritesBytesAsBase64(t *testing.T) {
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, []byte{0xff, 0x00}, 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "sign", "-o", "curl", "--data-binary", "@"+file, "https://sqs.eu-west-1.amazonaws.com/"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	for _, want := range []string{"printf %s '/wA=' | base64 -d | curl", "-X POST", "--data-binary @-"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the line lacks %q:\n%s", want, &p.out)
		}
	}
}
