package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestSignFromFlagsIsAcceptedByTheGateway(t *testing.T) {
	aws := startSandbox(t)
	p := program{env: sandboxEnvironment(aws)}
	if code := p.run(t.Context(), "sign", "-X", "PUT", "-H", "Content-Type: text/plain", "-H", "X-Amz-Target: a", "-d", "hello", "--service", "execute-api", "--region", "eu-west-1", aws.GatewayURL+"/a b?q=1"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	var signed exchanged
	if err := json.Unmarshal([]byte(p.out.String()), &signed); err != nil {
		t.Fatal(err)
	}
	if got := send(t, signed); got != http.StatusOK {
		t.Errorf("the gateway answered %d", got)
	}
}

func send(t *testing.T, signed exchanged) int {
	t.Helper()
	reply, err := transcript{}.send(t.Context(), signed.Method, signed.URL, signed.Headers, signed.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.status
}

func TestSignFromStandardInputAsCurl(t *testing.T) {
	aws := startSandbox(t)
	p := program{env: sandboxEnvironment(aws), stdin: fmt.Sprintf(`{"method":"POST","url":"%s/it's","service":"execute-api","region":"eu-west-1","body":{"a":"b'c"}}`, aws.GatewayURL)}
	if code := p.run(t.Context(), "sign", "-o", "curl"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &p.err)
	}
	for _, want := range []string{"curl -s --path-as-is -X POST", "-H 'Authorization: AWS4-HMAC-SHA256 ", `--data-raw '{"a":"b'\''c"}'`, `/it'\''s'`} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the line lacks %q:\n%s", want, &p.out)
		}
	}
}

func TestSignSaysWhatIsWrong(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "sign", "https://api.example.com/"); code != 1 || !strings.Contains(p.err.String(), "/service: ") {
		t.Errorf("exit code %d\n%s", code, &p.err)
	}
}
