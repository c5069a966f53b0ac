package credentials_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/credentials"
)

// TestProxy_NeverSeesPlatformEndpoints runs in its own process, since the proxy of the environment is read only once.
func TestProxy_NeverSeesPlatformEndpoints(t *testing.T) {
	if os.Getenv("PROXY_TEST") != "" {
		askPlatforms(t)
		return
	}
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Method+" "+r.Host)
		panic(http.ErrAbortHandler)
	}))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy_NeverSeesPlatformEndpoints$", "-test.v")
	child.Env = append(os.Environ(), "PROXY_TEST=1", "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://metadata.invalid", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	other := false
	for _, request := range seen {
		if request == "CONNECT sts.eu-west-1.amazonaws.com:443" {
			other = true
			continue
		}
		t.Errorf("the proxy got %s", request)
	}
	if !other {
		t.Error("the proxy did not get what is for it: calls to STS")
	}
}

func askPlatforms(t *testing.T) {
	for name, test := range map[string]struct {
		source, container string
		env               map[string]string
	}{
		"Functions": {
			credentials.SourceAzureIdentity, "",
			map[string]string{"IDENTITY_ENDPOINT": "http://identity.invalid/msi/token", "IDENTITY_HEADER": "EXAMPLE"},
		},
		"Functions, link-local": {
			credentials.SourceAzureIdentity, "",
			map[string]string{"IDENTITY_ENDPOINT": "http://169.254.255.2:1/msi/token", "IDENTITY_HEADER": "EXAMPLE"},
		},
		"ECS": {credentials.SourceContainer, "", map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"}},
		"EKS": {
			credentials.SourceContainer, "",
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"},
		},
		"a container's https endpoint": {credentials.SourceContainer, "https://keys.invalid/x", nil},
		"EC2": {
			credentials.SourceAWSDefault, "", map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://metadata.invalid"},
		},
		"EC2, with certificates": {
			credentials.SourceAWSDefault, "",
			map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://metadata.invalid", "AWS_CA_BUNDLE": certificates(t)},
		},
		"what a proxy is there for: STS": {credentials.SourceStatic, "", nil},
	} {
		for variable, value := range test.env {
			t.Setenv(variable, value) // the libraries of Azure and AWS read the process's own
		}
		p := orders()
		p.Source, p.STSEndpoint = test.source, ""
		if test.source == credentials.SourceAzureIdentity {
			p.Azure = &credentials.AzureIdentity{Audience: "api://a"}
			p.AssumeRole = &credentials.AssumeRole{RoleARN: p.AssumeRole.RoleARN}
		}
		if test.container != "" {
			p.Container = &credentials.Container{Endpoint: test.container}
		}
		if test.source != credentials.SourceStatic {
			p.Keys = credentials.Profile{}.Keys
		}
		s, err := credentials.New(credentials.Options{
			Profiles: []credentials.Profile{p}, Now: time.Now, Getenv: func(name string) string { return test.env[name] },
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		long := 2 * time.Second
		if test.source == credentials.SourceStatic {
			long = time.Minute // this one must have reached the proxy
		}
		ctx, cancel := context.WithTimeout(t.Context(), long)
		if _, err := s.Session(ctx, credentials.SessionRequest{}); err == nil {
			t.Errorf("%s: an unexpected session", name)
		}
		cancel()
		s.Close()
		for variable := range test.env {
			_ = os.Unsetenv(variable)
		}
	}
}

// certificates returns a file with the certificate of a server that does not exist.
func certificates(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCABundle_IsUsedOrRefusedByName(t *testing.T) {
	sts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer sts.Close()
	p := orders()
	p.STSEndpoint = sts.URL
	ask := func(bundle string) (string, error) {
		s, err := credentials.New(credentials.Options{Profiles: []credentials.Profile{p}, Now: time.Now, Getenv: func(name string) string {
			return map[string]string{"AWS_CA_BUNDLE": bundle}[name]
		}})
		if err != nil {
			return "", err
		}
		defer s.Close()
		_, err = s.Session(t.Context(), credentials.SessionRequest{})
		return err.Error(), nil
	}
	if text, err := ask(certificates(t)); err != nil || !strings.Contains(text, "unrecognised refusal") {
		t.Errorf("with the server's certificate: %q, %v, want its refusal", text, err) // httptest's certificate is always the same
	}
	if text, err := ask(""); err != nil || !strings.Contains(text, "connection") {
		t.Errorf("without the bundle: %q, %v, want no connection", text, err)
	}
	for _, bad := range []string{"/nonexistent", os.Args[0]} {
		if _, err := ask(bad); err == nil || !strings.HasPrefix(err.Error(), "AWS_CA_BUNDLE: ") {
			t.Errorf("%s: got %v, want a fault that names AWS_CA_BUNDLE", bad, err)
		}
	}
}
