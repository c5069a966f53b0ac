//go:build peers

// Package proxy_test tests the proxy with third-party clients and servers: AWS's SDKs for Go, JavaScript and Python and
// minio-go send what they send to any endpoint, and versitygw and MinIO check the signatures that arrive.
package proxy_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/internal/peers"
	"countersign/internal/upstream"
	"countersign/proxy"
	"countersign/sending"
	"countersign/signing"
)

const (
	versity = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
	minio   = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
	sdkOfJS = "@aws-sdk/lib-storage@3.1175.0" // npm installs client-s3 along with it

	region  = "eu-west-1"
	host    = "s3.eu-west-1.amazonaws.com"
	apiKey  = "crm-sync.EXAMPLE-key-that-opens-nothing"
	profile = "orders"
)

// The credentials that the servers accept.
var root = signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")

// startVersity starts a server without buckets and returns its address.
func startVersity(t *testing.T) string {
	t.Helper()
	address := peers.Address(t)
	server := exec.Command(peers.Command(t, versity),
		"--quiet", "--health", "/healthz", "--port", address, "--access", root.AccessKeyID, "--secret", root.SecretAccessKey(),
		"--region", region,
		"posix", "--sidecar", t.TempDir(), t.TempDir())
	peers.Start(t, server, "http://"+address+"/healthz")
	return address
}

func startMinIO(t *testing.T) string {
	t.Helper()
	address := peers.Address(t)
	server := exec.Command(peers.Command(t, minio), "server", "--quiet", "--address", address, t.TempDir())
	server.Env = append(
		os.Environ(), "MINIO_ROOT_USER="+root.AccessKeyID, "MINIO_ROOT_PASSWORD="+root.SecretAccessKey(), "MINIO_REGION="+region,
	)
	peers.Start(t, server, "http://"+address+"/minio/health/live")
	return address
}

type sessions struct{}

func (sessions) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	return credentials.Session{Credentials: root, Profile: profile}, nil
}

func (sessions) SessionFromRequest(context.Context, credentials.RequestCredentials) (credentials.Session, error) {
	return credentials.Session{}, credentials.ErrConfiguration
}

func (sessions) Identity(context.Context, credentials.SessionRequest) (credentials.Identity, error) {
	return credentials.Identity{}, nil
}
func (sessions) Profiles() []credentials.Profile { return nil }
func (sessions) Drop(credentials.Session) bool   { return false }

type unrecorded struct{}

func (unrecorded) Write(context.Context, access.Record) error { return nil }
func (unrecorded) NextID() string                             { return "event" }

// startProxy starts a proxy in front of a server, which it calls over https under an AWS host name, and returns its
// address and, if it serves https, the file with its certificate.
func startProxy(t *testing.T, server string, secure bool) (address, certificate string) {
	t.Helper()
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{DisableCompression: true, ExpectContinueTimeout: time.Second},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	aws, err := upstream.Start(forward)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	client, err := sending.New(sending.Options{Now: time.Now, ExtraCAs: aws.CA, Proxy: aws.Proxy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	policy, err := access.NewPolicy("", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(apiKey))
	auth, err := access.NewAuthenticator(access.Options{
		APIKeys: []access.APIKey{{ID: "crm-sync", SHA256: hex.EncodeToString(sum[:])}}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := broker.New(broker.Options{
		Signer: new(signing.Signer), Sessions: sessions{}, Now: time.Now, Policy: policy, Audit: unrecorded{}, Sender: client,
	})
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) {
		p := broker.Problem(err)
		t.Logf("refused: %v", err)
		http.Error(w, p.Code+": "+p.Detail, p.Status())
	}
	type caller struct{}
	p := proxy.New(proxy.Options{
		Broker: b, Spool: sending.Spool{Dir: t.TempDir()}, WriteError: refuse,
		Call: func(r *http.Request) *broker.Call {
			return &broker.Call{Caller: r.Context().Value(caller{}).(access.Caller)}
		},
		Reserve: func(context.Context, string, int64) (func(), error) { return func() {}, nil },
	})
	pass := p.Handler(proxy.Mode{Target: proxy.PathTarget("/proxy", b.MayBeHTTP)})
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := auth.AuthenticateProxied(r)
		if err != nil {
			refuse(w, r, err)
			return
		}
		pass.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), caller{}, who)))
	}))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() { p.Stop(); front.Close() })
	if !secure {
		front.Start()
		return front.URL, ""
	}
	front.StartTLS()
	certificate = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return front.URL, certificate
}

// clients returns the commands that run the operations. Their arguments are an endpoint, a bucket and how many odd keys
// to try. A command is nil if this machine does not have the client.
func clients(t *testing.T) map[string]func() *exec.Cmd {
	t.Helper()
	program := buildModule(t, "testdata/go")
	modules := filepath.Join(peers.Package(t, sdkOfJS), "node_modules")
	return map[string]func() *exec.Cmd{
		"aws-sdk-go-v2": func() *exec.Cmd { return exec.Command(program, "sdk") },
		"minio-go":      func() *exec.Cmd { return exec.Command(program, "minio") },
		"aws-sdk-js-v3": func() *exec.Cmd {
			command := exec.Command("node", "testdata/sdk.mjs")
			command.Env = []string{"NODE_MODULES=" + modules}
			return command
		},
		"boto3": boto3(t),
	}
}

// buildModule builds the program in a separate module.
func buildModule(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-p", "2", "-o", program, ".")
	build.Dir = folder
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", folder, err, out)
	}
	return program
}

func boto3(t *testing.T) func() *exec.Cmd {
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		t.Logf("NOT TESTED: boto3, which this machine does not have: %s", out)
		return nil
	}
	return func() *exec.Cmd { return exec.Command("python3", "testdata/boto.py") }
}

// oddKeys is how many random keys each client stores and reads back, instead of a few; for the full test use -args
// -keys 2000.
var oddKeys = flag.Int("keys", 0, "how many random keys each client tries")

// Each client does all operations through the proxy, with nothing but an endpoint and, in place of its session token, a
// key.
func TestProxy_ServesSDKs(t *testing.T) {
	all := clients(t)
	for server, start := range map[string]func(*testing.T) string{"versitygw": startVersity, "MinIO": startMinIO} {
		t.Run(server, func(t *testing.T) {
			address := start(t)
			for _, secure := range []bool{false, true} {
				front, certificate := startProxy(t, address, secure)
				scheme, _, _ := strings.Cut(front, ":")
				for name, client := range all {
					if client == nil {
						continue
					}
					t.Run(name+" by "+scheme, func(t *testing.T) {
						command := client()
						bucket := strings.ToLower(strings.NewReplacer("+", "-", " ", "-").Replace(name + "-" + scheme))
						keys := "60"
						switch {
						case *oddKeys > 0:
							keys = strconv.Itoa(*oddKeys)
						case name == "aws-sdk-go-v2": // the fastest, 2,000 in all
							keys = "500"
						}
						command.Args = append(command.Args, front+"/proxy/"+profile+"/"+host, bucket, keys)
						command.Env = append(append(os.Environ(), command.Env...), "AWS_ACCESS_KEY_ID=anything", "AWS_SECRET_ACCESS_KEY=anything",
							"AWS_SESSION_TOKEN="+apiKey, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true")
						if certificate != "" {
							command.Env = append(command.Env, "AWS_CA_BUNDLE="+certificate, "NODE_EXTRA_CA_CERTS="+certificate)
						}
						said, err := command.CombinedOutput()
						done := strings.Count("\n"+string(said), "\nok ")
						t.Logf("%d of 14 operations, %s odd keys", done, keys)
						if err != nil || done != 14 {
							t.Errorf("%v\n%s", err, said)
						}
					})
				}
			}
		})
	}
}

// A client without the key gets no access.
func TestProxy_RequiresAKey(t *testing.T) {
	front, _ := startProxy(t, peers.Address(t), false)
	response, err := http.Get(front + "/proxy/" + profile + "/" + host + "/bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Error(response.Status)
	}
}
