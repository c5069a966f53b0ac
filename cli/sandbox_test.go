package cli

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/sandbox"
)

// serveSandbox runs countersign sandbox until the test ends, and returns when it has printed everything.
func serveSandbox(t *testing.T, args ...string) *program {
	t.Helper()
	p := new(program)
	done := make(chan int, 1)
	go func() { done <- p.run(t.Context(), append([]string{"sandbox"}, args...)...) }()
	for !strings.Contains(p.out.String(), "Serving until") {
		select {
		case code := <-done:
			t.Fatalf("exit code %d\n%s%s", code, &p.out, &p.err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Cleanup(func() { // the context has ended
		if code := <-done; code != 0 {
			t.Errorf("exit code %d\n%s", code, &p.err)
		}
	})
	return p
}

// The test does what the transcript suggests.
func TestSandbox_AsUser(t *testing.T) {
	p := serveSandbox(t, "--as-user")
	line := regexp.MustCompile(`TOKEN=(\S+)\n   curl -s (\S+) -H "Authorization: Bearer \$TOKEN" [^\n]*\n     -d '([^\n]*)'`)
	found := line.FindStringSubmatch(p.out.String())
	if found == nil {
		t.Fatalf("the transcript shows no token and no call:\n%s", &p.out)
	}
	for profile, arn := range map[string]string{
		"as-user":      "assumed-role/sandbox-user/sandbox-anna-",
		"as-user-pool": "assumed-role/Cognito_sandboxAuth_Role/CognitoIdentityCredentials",
	} {
		body := strings.Replace(found[3], `"profile":"as-user"`, `"profile":"`+profile+`"`, 1)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, found[2], strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+found[1])
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.Contains(string(text), arn) {
			t.Errorf("%s: %d %s, want a response to %s", profile, response.StatusCode, text, arn)
		}
	}
}

func TestSandbox_ShowsAllSteps(t *testing.T) {
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

func TestSandbox_ShowsLaterCalls(t *testing.T) {
	p := serveSandbox(t)
	gateway := regexp.MustCompile(`gateway:  (\S+), which accepts`).FindStringSubmatch(p.out.String())
	if gateway == nil {
		t.Fatalf("the transcript does not name the gateway:\n%s", &p.out)
	}
	for _, path := range []string{"/first", "/second"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway[1]+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		for want := "gateway: GET " + path + " by nobody known: 403 "; !strings.Contains(p.out.String(), want); {
			time.Sleep(time.Millisecond) // until the test's own time limit
		}
	}
}
