package cli

import (
	"strings"
	"testing"

	"countersign/sandbox"
)

func TestSandboxShowsTheWholeWay(t *testing.T) {
	var p program
	if code := p.run(t.Context(), "sandbox", "--once"); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
	for _, want := range []string{
		"1. The request to sign", "2. A session from STS", "AssumeRole by arn:aws:iam::123456789012:user/sandbox: 200",
		"ASIASANDBOX", "3. The signed request", "X-Amz-Security-Token: ", "4. The gateway checks", "200 OK",
		"5. All of it in one step", "/v1/send\n", `{"status":200,"headers":{`, `"body":{"method":"POST","path":"/orders"`,
		"gateway: POST /orders by arn:aws:sts::210987654321:assumed-role/orders/countersign-sandbox: 200",
		"curl -s http://127.0.0.1:",
	} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the transcript lacks %q:\n%s", want, &p.out)
		}
	}
	if strings.Contains(p.out.String(), sandbox.SecretAccessKey) {
		t.Error("the transcript shows a secret")
	}
}
