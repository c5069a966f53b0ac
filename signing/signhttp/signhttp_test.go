package signhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/sandbox"
	"countersign/signing"
	"countersign/signing/signhttp"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	accessKeyID = "AKIDEXAMPLE"
	secretKey   = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

func now() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) }

func signer(service string, s3 bool) *signhttp.Signer {
	return &signhttp.Signer{
		Scope: signing.Scope{Service: service, Region: "eu-west-1"}, Now: now, S3: s3,
		Credentials: func(context.Context) (signing.Credentials, error) {
			return signing.NewCredentials(accessKeyID, secretKey, "EXAMPLETOKEN"), nil
		},
	}
}

// bySDK returns the Authorization header that AWS's own signer makes for a request.
func bySDK(t *testing.T, r *http.Request, service, hash string, s3 bool) string {
	t.Helper()
	r = r.Clone(t.Context())
	r.Header.Del("Authorization")
	r.ContentLength = 0 // the SDK would sign it
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{
		AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: "EXAMPLETOKEN",
	},
		r, hash, service, "eu-west-1", now(), func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s3 })
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Get("Authorization")
}

func TestSign_MatchesTheSDK(t *testing.T) {
	for _, tt := range []struct {
		method, url, body, service string
		headers                    map[string]string
	}{
		{"GET", "https://abc.execute-api.eu-west-1.amazonaws.com/prod/orders?b=2&a=1", "", "execute-api", nil},
		{
			"POST", "https://dynamodb.eu-west-1.amazonaws.com/", "{}", "dynamodb",
			map[string]string{"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"},
		},
		{"PUT", "https://inbox.s3.eu-west-1.amazonaws.com/a%20b/c%2Bd", "text", "s3", map[string]string{"x-amz-meta-a": "b"}},
		{"POST", "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a.b-v1%3A0/invoke", "{}", "bedrock", nil},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range tt.headers {
			r.Header.Set(name, value)
		}
		s3 := tt.service == "s3"
		for range 2 { // a signed request can be signed again
			if err := signer(tt.service, s3).Sign(r); err != nil {
				t.Fatal(err)
			}
			if got, want := r.Header.Get("Authorization"), bySDK(t, r, tt.service, signing.PayloadHash([]byte(tt.body)), s3); got != want {
				t.Errorf("%s %s:\ngot  %s\nwant %s", tt.method, tt.url, got, want)
			}
		}
		if r.URL.String() != tt.url {
			t.Errorf("URL = %s, want %s", r.URL, tt.url)
		}
	}
}

func TestSign_SendsTheSignedPath(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://abc.execute-api.eu-west-1.amazonaws.com/a/./b/../c//d?q=1+2", nil)
	if err := signer("execute-api", false).Sign(r); err != nil {
		t.Fatal(err)
	}
	if got := r.URL.RequestURI(); got != "/a/c/d?q=1%202" {
		t.Errorf("request target = %s", got)
	}
}

func TestSign_RejectsWhatItCannotSign(t *testing.T) {
	once := httptest.NewRequest(http.MethodPost, "https://sqs.eu-west-1.amazonaws.com/", io.MultiReader(strings.NewReader("x")))
	if err := signer("sqs", false).Sign(once); err == nil || !strings.Contains(err.Error(), "GetBody") {
		t.Errorf("a body that can be read only once: %v", err)
	}
	once.Header.Set("X-Amz-Content-Sha256", signing.UnsignedPayload)
	if err := signer("s3", true).Sign(once); err != nil {
		t.Errorf("with its hash given: %v", err)
	}
	failing := signer("sqs", false)
	failing.Credentials = func(context.Context) (signing.Credentials, error) { return signing.Credentials{}, errors.New("none") }
	closed := &closing{Reader: strings.NewReader("x")}
	r := httptest.NewRequest(http.MethodPost, "https://sqs.eu-west-1.amazonaws.com/", closed)
	response, err := (&signhttp.Transport{Signer: failing}).RoundTrip(r)
	if err == nil || !closed.closed {
		t.Errorf("without credentials: %v, body closed %v", err, closed.closed)
	}
	if response != nil {
		_ = response.Body.Close()
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// The sandbox's gateway verifies what a client sends through the transport.
func TestTransport_SignsRequests(t *testing.T) {
	server, err := sandbox.New(sandbox.Options{Now: time.Now, Region: "eu-west-1"}).Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s := &signhttp.Signer{
		Scope: signing.Scope{Service: "execute-api", Region: "eu-west-1"}, Now: time.Now,
		Credentials: func(context.Context) (signing.Credentials, error) {
			return signing.NewCredentials(sandbox.AccessKeyID, sandbox.SecretAccessKey, ""), nil
		},
	}
	client := &http.Client{Transport: &signhttp.Transport{Signer: s}}
	for i, body := range []string{"", "{}", strings.Repeat("x", 100_000)} {
		r, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, fmt.Sprintf("%s/orders/%d?q=a%%20b", server.GatewayURL, i), bytes.NewReader([]byte(body)),
		)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%d bytes: %s %s", len(body), response.Status, text)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the caller's request was changed")
		}
	}
}
