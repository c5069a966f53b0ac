//go:build linux && amd64

// Package chain_test follows a request end to end, as in production: a workflow definition from connector/workflows,
// run by an imitation of Logic Apps, calls the packaged program, run by an imitation of the Azure Functions host. The
// program gets its sessions from the sandbox's STS, and what the workflow then sends is verified as AWS would. The
// package is for linux/amd64, and so are these tests.
package chain_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/functionshost"
	"countersign/internal/logicapps"
	"countersign/internal/testbuild"
	"countersign/sandbox"
)

const apiKey = "flow.EXAMPLE-key-that-opens-nothing"

// packed is the zip that is deployed, built once by the same command.
var packed string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "countersign-chain-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	packed, err = testbuild.Package(context.Background(), "../..", dir)
	if err != nil {
		fmt.Println("packaging:", err)
		return 1
	}
	return m.Run()
}

// service is the packaged program behind a host, reached under its public name.
type service struct {
	*functionshost.Host
	url string
}

func startService(t *testing.T, a *aws, o functionshost.Options) *service {
	t.Helper()
	return startServiceWith(t, o, map[string]string{
		"AWS_ACCESS_KEY_ID": sandbox.AccessKeyID, "AWS_SECRET_ACCESS_KEY": sandbox.SecretAccessKey, "AWS_REGION": region,
		"COUNTERSIGN_ROLE_ARN": sandbox.PartnerRoleARN, "COUNTERSIGN_EXTERNAL_ID": sandbox.PartnerExternalID,
		"COUNTERSIGN_STS_ENDPOINT": a.stsURL, "COUNTERSIGN_API_KEY_SHA256": keyHash(),
	})
}

func keyHash() string {
	sum := sha256.Sum256([]byte(apiKey))
	return hex.EncodeToString(sum[:])
}

func startServiceWith(t *testing.T, o functionshost.Options, settings map[string]string) *service {
	t.Helper()
	if o.Package == "" {
		o.Package = packed
	}
	o.Dir, o.Now, o.Settings = t.TempDir(), time.Now, settings
	h, err := functionshost.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		h.Close()
		for _, line := range h.Alarms() {
			t.Errorf("on stderr, which the host logs as %s: %s", line.Level, line.Text)
		}
	})
	return &service{h, server.URL}
}

// chain is an imitation of AWS and a service that uses it.
type chain struct {
	aws     *aws
	service *service
	older   bool
}

// Everything must work behind both kinds of host: those that proxy and those that can only forward.
func TestBehindBothKindsOfHost(t *testing.T) {
	var accepted atomic.Int64
	t.Run("hosts", func(t *testing.T) {
		for _, older := range []bool{false, true} {
			t.Run(map[bool]string{false: "proxying", true: "forwarding"}[older], func(t *testing.T) {
				t.Parallel()
				c := startChain(t, older)
				t.Run("what arrives is what was signed", c.matrix)
				t.Run("what the definitions avoid is refused", c.premise)
				t.Run("a signed Content-Type arrives", c.signedContentType)
				t.Run("spellings of addresses", c.spellings)
				t.Run("keys and routes", c.keysAndRoutes)
				t.Run("chunked bodies", c.chunkedBodies)
				t.Run("the description names the public host", c.publicHost)
				t.Run("killed under load", c.killedUnderLoad)
				accepted.Add(int64(c.aws.count()))
			})
		}
	})
	t.Logf("%d requests accepted in all", accepted.Load())
}

// startChain measures the time from a clean folder to the first response. The aim is less than half a second. It is
// only printed, since it depends on how busy the machine is.
func startChain(t *testing.T, older bool) *chain {
	t.Helper()
	c := &chain{aws: startAWS(t), older: older}
	began := time.Now()
	c.service = startService(t, c.aws, functionshost.Options{Older: older})
	unpacked := time.Since(began)
	if err := c.service.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	up := time.Since(began)
	if status, text := c.service.ask(t, "POST", "/v1/sign", aGet, "X-API-Key", apiKey); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	t.Logf("zip unpacked after %v; from then on: GET / answered after %v, first signature, with a session from STS, after %v",
		unpacked.Round(time.Millisecond), (up - unpacked).Round(time.Millisecond), (time.Since(began) - unpacked).Round(time.Millisecond))
	return c
}

const connectionID = "/subscriptions/YOUR-SUBSCRIPTION/resourceGroups/YOUR-GROUP/providers/Microsoft.Web/connections/countersign"

// engine returns an engine that runs workflows without waiting.
func (c *chain) engine() *logicapps.Engine {
	return &logicapps.Engine{
		Transport:   c.aws.transport,
		Sleep:       func(context.Context, time.Duration) error { return nil },
		Connections: map[string]logicapps.Connection{connectionID: {URL: c.service.url, Header: http.Header{"X-Api-Key": {apiKey}}}},
	}
}
