package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"countersign/sandbox"
	"countersign/signing"
)

const host = "abc123.execute-api.us-east-1.amazonaws.com"

// clock is the time at which every test begins.
var clock = time.Date(2026, 8, 30, 12, 36, 0, 0, time.UTC)

// longTerm is the key of the sandbox's user.
var longTerm = aws.Credentials{AccessKeyID: sandbox.AccessKeyID, SecretAccessKey: sandbox.SecretAccessKey}

// fixed completes options with a clock that stands still and with known keys.
func fixed(opts sandbox.Options) sandbox.Options {
	if opts.Now == nil {
		opts.Now = func() time.Time { return clock }
	}
	if opts.Rand == nil {
		opts.Rand = rand.NewChaCha8([32]byte{1})
	}
	return opts
}

// call is a request to be signed by the AWS SDK's signer, the second opinion of these tests. The zero value is an
// empty GET of / by the sandbox's user.
type call struct {
	method, target, host, body string
	headers                    map[string]string
	keys                       aws.Credentials
	service, region            string
	at                         time.Time
}

// request signs the call and returns it in the form that a server sees.
func (c call) request(t *testing.T) *http.Request {
	t.Helper()
	or := func(s *string, absent string) {
		if *s == "" {
			*s = absent
		}
	}
	or(&c.method, "GET")
	or(&c.target, "/")
	or(&c.host, host)
	or(&c.service, "execute-api")
	or(&c.region, "us-east-1")
	if c.keys.AccessKeyID == "" {
		c.keys = longTerm
	}
	if c.at.IsZero() {
		c.at = clock
	}
	r := httptest.NewRequest(c.method, "http://"+c.host+c.target, strings.NewReader(c.body))
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	hash := signing.PayloadHash([]byte(c.body))
	if c.service == "s3" && r.Header.Get("X-Amz-Content-Sha256") == "" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	if claimed := r.Header.Get("X-Amz-Content-Sha256"); c.service == "s3" {
		hash = claimed
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = c.service == "s3" })
	if err := signer.SignHTTP(t.Context(), c.keys, r, hash, c.service, c.region, c.at); err != nil {
		t.Fatalf("signing %s %s: %v", c.method, c.target, err)
	}
	r.RequestURI = c.target
	if c.body != "" {
		r.Header.Set("Content-Length", strconv.Itoa(len(c.body))) // as a server sees it; the SDK signs it
	}
	return r
}

// serverResponse is a handler's response.
type serverResponse struct {
	status int
	header http.Header
	body   []byte
}

func send(h http.Handler, r *http.Request) serverResponse {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return serverResponse{w.Code, w.Header(), w.Body.Bytes()}
}

// seen decodes the gateway's response to an accepted request.
func (a serverResponse) seen(t *testing.T) sandbox.Seen {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("gateway responded with %d %s, want 200", a.status, a.body)
	}
	var seen sandbox.Seen
	decode(t, a.body, &seen)
	return seen
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("decoding %q: %v", text, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("%q holds more than one document", text)
	}
}
