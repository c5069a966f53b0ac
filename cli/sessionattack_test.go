package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/sandbox"
)

// slowSTS is the sandbox's STS, but takes a tenth of a second per call, as AWS's may. calls counts them.
func slowSTS(t *testing.T) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	aws, err := sandbox.New(sandbox.Options{Now: time.Now, Region: sandboxRegion, Fault: func(r *http.Request) http.Handler {
		calls.Add(1)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
		}
		return nil
	}}).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = aws.Close() })
	return aws.STSURL, calls
}

// serveWithSTS runs the program for two callers: with a profile that callers share, one with a session for each
// caller, one with a session for each host and caller, and with keys in requests.
func serveWithSTS(t *testing.T, stsURL string) *server {
	t.Helper()
	text := fmt.Sprintf("allow_request_credentials: true\ndefault_profile: shared\ncallers:\n  api_keys:\n"+
		"    - {id: good, sha256: %s}\n    - {id: hostile, sha256: %s}\nprofiles:\n", sha256Hex(dosKey), sha256Hex(attackerKey))
	for name, session := range map[string]string{"shared": "countersign", "callers": "{caller}", "hosts": "{caller}-{host}"} {
		text += fmt.Sprintf(
			"  %s:\n    source: environment\n    assume_role: {role_arn: '%s', session_name: '%s'}\n", name, sandbox.RoleARN, session,
		)
	}
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serveApart(t, "COUNTERSIGN_API_KEY_SHA256=", "COUNTERSIGN_CONFIG="+file, "AWS_ENDPOINT_URL_STS="+stsURL,
		"AWS_ACCESS_KEY_ID="+sandbox.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+sandbox.SecretAccessKey)
}

// attackers is the number of connections of the hostile caller: twice as many as fetches may wait. More would only
// take processor time, which this test's client shares with the service.
const attackers = 64

// demandSessions sends requests of the hostile caller that each need a new session, as fast as responses arrive,
// until ctx ends. It counts the responses by status.
func (s *server) demandSessions(ctx context.Context, request func(n int64) string) (responses func() string, done *sync.WaitGroup) {
	done = new(sync.WaitGroup)
	var n atomic.Int64
	var mu sync.Mutex
	counts := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: attackers}}
	for range attackers {
		done.Go(func() {
			for ctx.Err() == nil {
				status, _, err := s.ask(client, strings.NewReader(request(n.Add(1))), "X-API-Key", attackerKey)
				if err != nil {
					status = 0
				}
				mu.Lock()
				counts[status]++
				mu.Unlock()
			}
		})
	}
	return func() string {
		client.CloseIdleConnections()
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprint(counts)
	}, done
}

// One caller needs a new STS session with each request, and sends as fast as it gets responses. The requests of
// another caller, by profiles whose sessions it does not have yet, are signed.
func TestHostileCallerWhoNeedsSessionsKeepsNobodyWaiting(t *testing.T) {
	given := func(n int64) string {
		return fmt.Sprintf(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","credentials":{"accessKeyId":"%s","secretAccessKey":`+
			`"%s","roleArn":"%s","sessionName":"s%d"}}`,
			sandbox.AccessKeyID, sandbox.SecretAccessKey, sandbox.RoleARN, n)
	}
	hosts := func(n int64) string {
		return fmt.Sprintf(`{"method":"GET","url":"https://a%d.execute-api.eu-west-1.amazonaws.com/","profile":"hosts"}`, n)
	}
	for _, attack := range []struct {
		name    string
		request func(n int64) string
	}{
		{"a host in the session's name", hosts},
		{"keys in requests", given},
		{"both", func(n int64) string {
			if n%2 == 0 {
				return hosts(n)
			}
			return given(n)
		}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			stsURL, calls := slowSTS(t)
			s := serveWithSTS(t, stsURL)
			ctx, stop := context.WithCancel(t.Context())
			responses, done := s.demandSessions(ctx, attack.request)
			time.Sleep(2 * time.Second) // the burst of fetches is used up, and the queue is full
			before := calls.Load()
			var took times
			var both sync.WaitGroup
			both.Go(func() { took = s.measure(300, 100, s.client) })
			both.Go(func() {
				for _, profile := range []string{"callers", "hosts"} {
					status, p, err := s.ask(s.client, strings.NewReader(strings.Replace(dosRequest, "{", `{"profile":"`+profile+`",`, 1)))
					if status != http.StatusOK {
						t.Errorf("profile %s: %d %+v %v", profile, status, p, err)
					}
				}
			})
			both.Wait()
			stop()
			done.Wait()
			t.Logf("requests of another caller: p50 %v, p99 %v, longest %v; STS called %d times, %d of them in these 3 s; responses to the "+
				"hostile caller by status %s; memory %.0f MiB",
				took.at(50), took.at(99), took.at(100), calls.Load(), calls.Load()-before, responses(), s.memory())
		})
	}
}
