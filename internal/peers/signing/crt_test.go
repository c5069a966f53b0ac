//go:build peers

package signing_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"countersign/internal/peers"
)

// crt is AWS's signer in C, in its own process.
type crt struct {
	in  io.Writer
	out *bufio.Scanner
}

// crtRequest is a request to sign or, if Verify is set, a request with a Version 4a signature to verify.
type crtRequest struct {
	Method, Path                                string
	Headers                                     [][2]string
	Version4a, Presign, DoubleEncode, Normalize bool
	OmitToken, ContentSHA256Header              bool
	AccessKeyID, SecretAccessKey, SessionToken  string
	Region, Service, PayloadHash                string
	Date, Expires                               int64 // milliseconds since 1970, seconds
	Unsigned                                    []string
	Verify                                      *crtVerify `json:",omitempty"`
}

// crtVerify holds what a signature is verified against: X and Y are the coordinates of the public key, in hexadecimal.
type crtVerify struct{ CanonicalRequest, Signature, X, Y string }

type crtResponse struct {
	Path     string
	Headers  [][2]string
	Verified bool
	Error    string
}

func startCRT(t *testing.T) *crt {
	t.Helper()
	script, err := filepath.Abs("testdata/crt.js")
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "--no-warnings", script)
	node.Env = append(node.Environ(), "NODE_PATH="+filepath.Join(peers.Package(t, "aws-crt@1.33.2"), "node_modules"))
	node.Stderr = t.Output()
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := node.Wait(); err != nil {
			t.Errorf("aws-crt: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return &crt{in, lines}
}

// ask sends requests and returns the responses.
func (c *crt) ask(t *testing.T, asked []crtRequest) []crtResponse {
	t.Helper()
	sent := make(chan error, 1)
	go func() { // concurrently with reading, or both sides would wait for each other
		lines := json.NewEncoder(c.in)
		for i := range asked {
			if err := lines.Encode(&asked[i]); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	responses := make([]crtResponse, len(asked))
	for i := range responses {
		if !c.out.Scan() {
			t.Fatalf("aws-crt ended: %v", c.out.Err())
		}
		if err := json.Unmarshal(c.out.Bytes(), &responses[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	return responses
}
