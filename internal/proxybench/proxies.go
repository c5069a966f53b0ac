package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/proxy"
	"countersign/sending"
	"countersign/signing"
)

// The proxies. The last two are ours: the handler without audit records, keys, limits and a log, and the program with
// all of them. The second computes the SHA-256 of each body without buffering it, which is the least that any signature
// of a body costs.
const (
	reverseProxy = "ReverseProxy"
	withHash     = "ReverseProxy + SHA-256"
	withSDK      = "ReverseProxy + aws-sdk-go-v2"
	signing1     = "countersign, sign"
	withAll      = "countersign, all"
)

var names = []string{reverseProxy, withHash, withSDK, signing1, withAll}

const (
	profile = "orders"
	region  = "eu-west-1"
	apiKey  = "bench.EXAMPLE-key-that-opens-nothing"
	large   = 100 << 20
)

// loads returns the loads that have targets.
func loads() []load {
	body := bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)
	limits := func(sign, all float64) map[string]float64 { return map[string]float64{signing1: sign, withAll: all} }
	var chunked bytes.Buffer
	zeros := strings.Repeat("0", 64)
	for rest := body; len(rest) > 0; rest = rest[64<<10:] {
		fmt.Fprintf(&chunked, "10000;chunk-signature=%s\r\n%s\r\n", zeros, rest[:64<<10])
	}
	fmt.Fprintf(&chunked, "0;chunk-signature=%s\r\n\r\n", zeros)
	return []load{
		{name: "GET small", requests: 4000, connections: 8, method: "GET", path: "/small", gate: limits(1.3, 1.6), aim: limits(1.15, 1.3)},
		{
			name: "POST 1 KiB", requests: 4000, connections: 8, method: "POST", path: "/small", body: body[:1024],
			headers: map[string]string{"Content-Type": "application/json"}, gate: limits(1.3, 1.6), aim: limits(1.15, 1.3),
		},
		{
			name: "PUT 10 MiB, claimed", requests: 20, connections: 2, method: "PUT", path: "/object", body: body,
			headers: map[string]string{"X-Amz-Content-Sha256": hexSHA256(body)}, gate: limits(1.15, 1.15), aim: limits(1, 1),
		},
		{
			name: "PUT 10 MiB, hashed", requests: 20, connections: 2, method: "PUT", path: "/object", body: body,
			gate: limits(3, 3), aim: limits(2, 2),
		},
		{
			name: "PUT 10 MiB, chunks signed again", requests: 20, connections: 2, method: "PUT", path: "/object", body: chunked.Bytes(),
			headers: map[string]string{
				"X-Amz-Content-Sha256": signing.StreamingPayload, "Content-Encoding": "aws-chunked",
				"X-Amz-Decoded-Content-Length": fmt.Sprint(len(body)),
			}, gate: limits(2.2, 2.2), aim: limits(1.8, 1.8),
		},
		{name: "GET 100 MiB", requests: 6, connections: 2, method: "GET", path: "/large", gate: limits(1.15, 1.15), aim: limits(1, 1)},
		{name: "GET small, TLS", requests: 4000, connections: 8, method: "GET", path: "/small", tls: true},
		{name: "GET 100 MiB, TLS", requests: 6, connections: 2, method: "GET", path: "/large", tls: true},
	}
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// serveProxy runs a proxy until the process is killed, and prints its address. Ours uses the program's garbage
// collector settings.
func serveProxy(name, upstream, ca string) error {
	if name == signing1 {
		debug.SetGCPercent(400)
	}
	var roots []byte
	if ca != "" {
		var err error
		if roots, err = os.ReadFile(ca); err != nil {
			return err
		}
	}
	handler, err := handlerOf(name, upstream, roots)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, listener.Addr())
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: handler}
	return server.Serve(listener)
}

// handlerOf returns a proxy. With roots, the upstream speaks TLS.
func handlerOf(name, upstream string, roots []byte) (http.Handler, error) {
	switch name {
	case reverseProxy:
		return reverse(upstream, roots, transport(roots)), nil
	case withHash:
		return reverse(upstream, roots, hashing{transport(roots)}), nil
	case withSDK:
		return reverse(upstream, roots, &sdkSigner{transport(roots), sdk.NewSigner()}), nil
	}
	o, err := brokerOptions(upstream, roots)
	if err != nil {
		return nil, err
	}
	b := broker.New(o)
	target := proxy.PathTarget("/proxy", b.MayBeHTTP)
	if roots != nil {
		target = proxy.PathTarget("/proxy", func(string) bool { return false })
	}
	return proxy.New(proxy.Options{
		Broker: b,
		Call: func(*http.Request) *broker.Call {
			return &broker.Call{Caller: access.Caller{ID: "bench", Method: access.MethodNone}}
		},
		WriteError: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
		Reserve: func(context.Context, string, int64) (func(), error) { return func() {}, nil },
	}).Handler(proxy.Mode{Target: target}), nil
}

func brokerOptions(upstream string, roots []byte) (broker.Options, error) {
	client, err := sending.New(sending.Options{Now: time.Now, HTTPHosts: []string{upstream}, ExtraCAs: roots})
	if err != nil {
		return broker.Options{}, err
	}
	hosts, err := endpoints.NewHosts([]endpoints.HostRule{{Pattern: "127.0.0.1", Service: "s3", Region: region}})
	if err != nil {
		return broker.Options{}, err
	}
	policy, err := access.NewPolicy("", nil)
	return broker.Options{
		Signer: new(signing.Signer), Sessions: sessions{}, Now: time.Now, Policy: policy, Audit: unrecorded{}, DefaultProfile: profile,
		Hosts: map[string]*endpoints.Hosts{profile: hosts}, HTTPHosts: []string{upstream}, Sender: client,
	}, err
}

// Keys like those from STS, with a token of 900 characters.
const accessKeyID, secretKey = "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

var (
	token = strings.Repeat("sessiontoken/EXAMPLE", 45)
	// The same for all requests, as in the session cache: it keeps the derived key.
	session = credentials.Session{Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Profile: profile}
)

type sessions struct{ broker.Sessions }

func (sessions) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	return session, nil
}

type unrecorded struct{}

func (unrecorded) Write(context.Context, access.Record) error { return nil }
func (unrecorded) NextID() string                             { return "event" }

func transport(roots []byte) *http.Transport {
	t := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, ExpectContinueTimeout: time.Second}
	if roots != nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(roots)
	}
	return t
}

func reverse(upstream string, roots []byte, t http.RoundTripper) http.Handler {
	to := &url.URL{Scheme: "http", Host: upstream}
	if roots != nil {
		to.Scheme = "https"
	}
	return &httputil.ReverseProxy{Transport: t, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
}

// hashing hashes bodies while they are sent.
type hashing struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (h hashing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, sha256.New()), r.Body}
	}
	return h.next.RoundTrip(r)
}

// sdkSigner signs as the SDK does: it buffers the body, since it needs the hash first.
type sdkSigner struct {
	next   http.RoundTripper
	signer *sdk.Signer
}

// RoundTrip implements http.RoundTripper.
func (s *sdkSigner) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	hash := hexSHA256(body)
	r.Header.Set("X-Amz-Content-Sha256", hash)
	keys := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: token}
	if err := s.signer.SignHTTP(r.Context(), keys, r, hash, "s3", region, time.Now()); err != nil {
		return nil, err
	}
	return s.next.RoundTrip(r)
}
