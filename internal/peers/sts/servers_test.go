//go:build peers

// Package sts_test tests the sessions that package credentials obtains against third-party servers: MinIO issues them
// and checks what is signed with them, and Versity's server checks what is signed with keys.
package sts_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/internal/peers"
	"countersign/signing"
)

const (
	rootUser     = "rootuser"
	rootPassword = "rootpassword123"
	audience     = "countersign"
	anyRole      = "arn:minio:iam:::role/anything" // MinIO ignores the role if the call is signed with keys
)

func rootKeys() signing.Credentials { return signing.NewCredentials(rootUser, rootPassword, "") }

// minio starts MinIO, which trusts tokens from the issuer unless it is empty.
func minio(t *testing.T, issuer string) (url string) {
	t.Helper()
	address := peers.Address(t)
	server := exec.Command(peers.Command(t, "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"),
		"server", "--address", address, t.TempDir())
	server.Env = append(os.Environ(), "MINIO_ROOT_USER="+rootUser, "MINIO_ROOT_PASSWORD="+rootPassword, "MINIO_REGION=us-east-1",
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "CI=true", "HOME="+t.TempDir())
	if issuer != "" {
		server.Env = append(server.Env, "MINIO_IDENTITY_OPENID_CONFIG_URL="+issuer+"/.well-known/openid-configuration",
			"MINIO_IDENTITY_OPENID_CLIENT_ID="+audience, "MINIO_IDENTITY_OPENID_CLIENT_SECRET=unused",
			"MINIO_IDENTITY_OPENID_ROLE_POLICY=readwrite", "MINIO_IDENTITY_OPENID_SCOPES=openid")
	}
	url = "http://" + address
	peers.Start(t, server, url+"/minio/health/ready")
	awaitSTS(t, url)
	return url
}

// awaitSTS waits for MinIO's STS: for a moment after the server reports that it is ready, STS still responds that
// parameters are wrong.
func awaitSTS(t *testing.T, url string) {
	t.Helper()
	var err error
	for range 100 {
		if _, err = store(t, withKeys(url)).Session(t.Context(), credentials.SessionRequest{}); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal(err)
}

// withKeys returns a profile that assumes a role with the server's own keys.
func withKeys(url string) credentials.Profile {
	return credentials.Profile{
		Source: credentials.SourceStatic, Keys: rootKeys(), STSEndpoint: url,
		AssumeRole: &credentials.AssumeRole{RoleARN: anyRole, SessionName: "{caller}", Duration: 15 * time.Minute},
	}
}

// issuerRole returns the role that MinIO creates for an issuer: its name is the hash of the client id.
func issuerRole() string {
	hash := sha1.Sum([]byte(audience))
	return "arn:minio:iam:us-east-1::role/" + base64.RawURLEncoding.EncodeToString(hash[:])
}

// issuer starts an OpenID Connect issuer and returns the file with one of its tokens.
func issuer(t *testing.T) (url, tokenFile string) {
	t.Helper()
	address, tokenFile := peers.Address(t), filepath.Join(t.TempDir(), "token")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/issuer.mjs")
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command("node", script, peers.Package(t, "oauth2-mock-server@8.2.3"), port, audience, "crm-sync", tokenFile)
	peers.Start(t, server, "http://"+address+"/.well-known/openid-configuration")
	return "http://" + address, tokenFile
}

// versity starts Versity's server: S3, or its STS.
func versity(t *testing.T, sts bool) (url string) {
	t.Helper()
	address, folder := peers.Address(t), t.TempDir()
	args := []string{"--quiet", "--health", "/healthz", "--port", address, "--access", rootUser, "--secret", rootPassword}
	if sts {
		args = append(args, "iam", "--dir", folder, "--private-ports", filepath.Join(folder, "socket"))
	} else {
		args = append(args, "posix", "--sidecar", t.TempDir(), folder)
	}
	peers.Start(t, exec.Command(peers.Command(t, "github.com/versity/versitygw/cmd/versitygw@v1.8.0"), args...), "http://"+address+"/healthz")
	return "http://" + address
}

// store returns a store like Countersign's, with one profile.
func store(t *testing.T, p credentials.Profile) *credentials.Store {
	t.Helper()
	p.Name, p.Region = "peer", "us-east-1"
	s, err := credentials.New(credentials.Options{
		Profiles: []credentials.Profile{p}, Now: time.Now,
		Log: func(e credentials.Event) {
			t.Logf("%s %s %v %v", e.Kind, e.Code, e.Took.Round(time.Millisecond), e.Expires)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func session(t *testing.T, s *credentials.Store) credentials.Session {
	t.Helper()
	got, err := s.Session(t.Context(), credentials.SessionRequest{Caller: "crm-sync", MinValidity: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// s3 signs a request to an S3 server as Countersign does.
func s3(t *testing.T, c signing.Credentials, method, url string, body []byte) *http.Request {
	t.Helper()
	u, _, err := signing.ParseURL(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = u.CleanS3Key(); err != nil {
		t.Fatal(err)
	}
	signed, err := new(signing.Signer).Sign(&signing.Request{
		Method: method, URL: u, PayloadHash: signing.PayloadHash(body), Scope: signing.Scope{Service: "s3", Region: "us-east-1"},
		Time: time.Now(), Credentials: c, SingleEncode: true, ContentSHA256Header: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, signed.URL.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range signed.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	return r
}

// send sends a request and returns the status and the body of the response.
func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// expect sends a request and checks the status of the response.
func expect(t *testing.T, what string, r *http.Request, want int) string {
	t.Helper()
	status, body := send(t, r)
	if status != want {
		t.Errorf("%s: %d, want %d\n%s", what, status, want, body)
	}
	return body
}
