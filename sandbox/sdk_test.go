package sandbox_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"countersign/sandbox"
	"countersign/signing"
)

// start serves a sandbox on loopback until the test ends.
func start(t *testing.T, opts sandbox.Options) *sandbox.Server {
	t.Helper()
	server, err := sandbox.New(fixed(opts)).Start()
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return server
}

// client is the AWS SDK's own STS client, pointed at the sandbox. It signs with the real clock.
func client(url string, keys aws.Credentials) *sts.Client {
	return sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
	})
}

func TestSDKAssumesRolesAndGetsItsIdentity(t *testing.T) {
	server := start(t, sandbox.Options{Now: time.Now})
	out, err := client(server.STSURL, longTerm).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(sandbox.PartnerRoleARN), RoleSessionName: aws.String("countersign"),
		ExternalId: aws.String(sandbox.PartnerExternalID), DurationSeconds: aws.Int32(900), SourceIdentity: aws.String("alice"),
	})
	if err != nil {
		t.Fatalf("AssumeRole: %v", err)
	}
	const arn = "arn:aws:sts::210987654321:assumed-role/orders/countersign"
	if got := aws.ToString(out.AssumedRoleUser.Arn); got != arn || aws.ToString(out.SourceIdentity) != "alice" {
		t.Errorf("AssumeRole = %s as %s, want %s as alice", got, aws.ToString(out.SourceIdentity), arn)
	}
	if left := time.Until(*out.Credentials.Expiration); left <= 14*time.Minute || left > 15*time.Minute {
		t.Errorf("session ends in %v, want 15m", left)
	}
	session := aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken,
	}
	who, err := client(server.STSURL, session).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatalf("GetCallerIdentity: %v", err)
	}
	if aws.ToString(who.Arn) != arn || aws.ToString(who.Account) != "210987654321" || *who.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("GetCallerIdentity = %s %s %s, want %s", *who.Arn, *who.Account, *who.UserId, arn)
	}
	if _, err := client(server.STSURL, longTerm).GetSessionToken(t.Context(), nil); err != nil {
		t.Errorf("GetSessionToken: %v", err)
	}
}

func TestSDKReadsRefusals(t *testing.T) {
	server := start(t, sandbox.Options{Now: time.Now})
	_, err := client(server.STSURL, longTerm).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(sandbox.PartnerRoleARN), RoleSessionName: aws.String("countersign"),
	})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" || !strings.Contains(api.ErrorMessage(), "sts:AssumeRole") {
		t.Errorf("AssumeRole without the external id = %v, want AccessDenied", err)
	}
}

// What Countersign signs is accepted over a real connection, however the session was obtained.
func TestCountersignSignsForTheGateway(t *testing.T) {
	server := start(t, sandbox.Options{})
	keys := assumeRole(t, sandbox.New(fixed(sandbox.Options{})), nil) // the same Rand, the same keys
	target, _, err := signing.ParseURL(server.GatewayURL+"/prod/./orders//a%3Ab?b=2&a=1+2", nil)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"id":42}`
	signed, err := new(signing.Signer).Sign(&signing.Request{
		Method: "POST", URL: target.NormalizePath(), PayloadHash: signing.PayloadHash([]byte(body)),
		Scope: signing.Scope{Service: "execute-api", Region: "us-east-1"}, Time: clock,
		Credentials: signing.NewCredentials(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", signed.URL.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range signed.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	seen := serverResponse{response.StatusCode, response.Header, text}.seen(t)
	if seen.Path != "/prod/orders/a%3Ab" || seen.Query != "b=2&a=1%202" || seen.SignedHeaders != "host;x-amz-date;x-amz-security-token" {
		t.Errorf("gateway saw %s?%s signed by %s", seen.Path, seen.Query, seen.SignedHeaders)
	}
}

func TestSandboxServesConcurrently(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{Observe: func(sandbox.Exchange) {}}))
	var all sync.Map
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			keys := assumeRole(t, s, nil)
			if _, twice := all.LoadOrStore(keys.AccessKeyID, true); twice {
				t.Errorf("key %s was issued twice", keys.AccessKeyID)
			}
			send(s.Gateway(), call{keys: keys}.request(t)).seen(t)
		})
	}
	group.Wait()
}

func TestCloseEndsEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server, err := sandbox.New(fixed(sandbox.Options{})).Start()
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	for _, url := range []string{server.STSURL, server.GatewayURL} {
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url)
		if err != nil {
			t.Fatalf("GET of %s: %v", url, err)
		}
		_ = response.Body.Close()
	}
	if err := server.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for _, url := range []string{server.STSURL, server.GatewayURL} {
		if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
			_ = conn.Close()
			t.Errorf("%s accepts connections after Close", url)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, opts := range map[string]sandbox.Options{
		"no clock":           {},
		"a user for a role":  {Now: time.Now, Roles: []sandbox.Role{{ARN: sandbox.UserARN}}},
		"an account of five": {Now: time.Now, Users: []sandbox.User{{ARN: "arn:aws:iam::12345:user/x"}}},
		"a short Rand":       {Now: time.Now, Rand: strings.NewReader("short")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New with %s does not panic", name)
				}
			}()
			sandbox.New(opts)
		}()
	}
}
