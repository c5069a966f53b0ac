//go:build peers

package diagnosis_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/internal/peers"
	"countersign/sandbox"
	"countersign/signing"
)

// server is another project's store that verifies signatures, with the generator's key as its root key.
type server struct {
	name, address string
	whole         bool // its refusals include the canonical request
}

func startServers(t *testing.T) []server {
	t.Helper()
	versity, minio := peers.Address(t), peers.Address(t)
	peers.Start(t, exec.Command(peers.Command(t, "github.com/versity/versitygw/cmd/versitygw@v1.8.0"),
		"--quiet", "--health", "/healthz", "--port", versity, "--access", generatedKey, "--secret", sandbox.SecretAccessKey,
		"posix", "--sidecar", t.TempDir(), t.TempDir()), "http://"+versity+"/healthz")
	command := exec.Command(
		peers.Command(t, "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"), "server", "--address", minio, t.TempDir(),
	)
	command.Env = append(os.Environ(), "MINIO_ROOT_USER="+generatedKey, "MINIO_ROOT_PASSWORD="+sandbox.SecretAccessKey,
		"MINIO_REGION=us-east-1", "MINIO_BROWSER=off", "MINIO_UPDATE=off", "CI=true", "HOME="+t.TempDir())
	peers.Start(t, command, "http://"+minio+"/minio/health/ready")
	return []server{{"versitygw", versity, true}, {"MinIO", minio, false}}
}

// refuses sends a call unchanged. It returns nil if the server does not report a mismatch.
func (s server) refuses(t *testing.T, c *call) *diagnosis.Response {
	t.Helper()
	connection, err := net.DialTimeout("tcp", s.address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := connection.Write(c.raw()); err != nil {
		return nil
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: c.method})
	if err != nil {
		return nil // HTTP cannot transport it
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(body, []byte("does not match")) {
		return nil
	}
	out := &diagnosis.Response{Status: response.StatusCode, Body: body}
	for name := range response.Header {
		out.Headers = append(out.Headers, signing.Header{Name: name, Value: response.Header.Get(name)})
	}
	return out
}

// atServer is [generate] with another project's server.
func atServer(t *testing.T, s server, seed uint64) (*diagnosis.Input, *generated) {
	t.Helper()
	g := &generated{
		r: rand.New(rand.NewPCG(seed, 19)), site: site{"s3", "us-east-1", "store.example.com", true}, secret: sandbox.SecretAccessKey,
		truth: map[diagnosis.Cause]bool{}, now: time.Now().UTC().Truncate(time.Second),
	}
	g.request()
	g.call.method = "PUT" // with other methods, stores check something else before the signature
	signer, kind := g.right(), seed%5
	in := &diagnosis.Input{RequestIs: diagnosis.AsSent, Credentials: signing.NewCredentials(generatedKey, g.secret, "")}
	if kind == 1 || kind >= 3 {
		g.mistake(signer)
	}
	if kind == 3 {
		g.mistake(signer)
	}
	g.sign(signer)
	sent := g.call.clone()
	if kind == 0 || kind == 2 || kind == 4 {
		in.RequestIs = diagnosis.AsSigned
		g.onItsWay(sent)
	}
	if kind == 2 {
		g.onItsWay(sent)
	}
	if in.Response = s.refuses(t, sent); in.Response == nil {
		return nil, g
	}
	in.Request = g.call.diagnosed()
	return in, g
}

// The mistakes and changes are refused by servers of other projects. If the canonical request and the secret are
// known, nearly all are identified; a cause that is called proved is always the true one.
func TestPeers_GeneratedMistakes(t *testing.T) {
	for _, s := range startServers(t) {
		t.Run(s.name, func(t *testing.T) {
			named, all, proved := 0, 0, 0
			for seed := range uint64(max(*generatedCount, 2000)) {
				in, g := atServer(t, s, seed)
				if in == nil || len(g.names) == 0 {
					continue
				}
				all++
				for _, secret := range []bool{true, false} {
					with := *in
					if !secret {
						with.Credentials = signing.Credentials{}
					}
					report := diagnosis.Diagnose(context.Background(), with)
					top := &report.Verdicts[0]
					for _, v := range report.Verdicts {
						if v.Certainty == diagnosis.Proved && !g.truth[v.Cause] {
							t.Errorf("seed %d, secret %t: %v: %s/%s is called proved: %s", seed, secret, g.names, v.Cause, v.Detail, v.Reason)
						}
					}
					if text := reportJSON(t, &report); strings.Contains(text, sandbox.SecretAccessKey) {
						t.Errorf("seed %d: the secret leaks", seed)
					}
					switch {
					case !secret:
					case g.truth[top.Cause]:
						named++
						if top.Certainty == diagnosis.Proved {
							proved++
						}
					case s.whole:
						t.Logf("seed %d: %v: %s: %s", seed, g.names, top.Cause, top.Reason)
					}
				}
			}
			t.Logf("%d refused, %d identified, %d of them proved", all, named, proved)
			if all < 500 || s.whole && named*100 < all*99 {
				t.Errorf("%d of %d are identified", named, all)
			}
		})
	}
}
