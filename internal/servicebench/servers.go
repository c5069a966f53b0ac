package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/internal/measure"
	"countersign/signing"
)

// The servers that this program contains.
const (
	floor     = "net/http"
	simple    = "chi + encoding/json + SDK"
	noAudit   = "handlers, no audit"
	withAudit = "handlers"
)

// serveAs runs a server until the process is told to end, and prints its address.
func serveAs(name, profile string) error {
	handler, err := handlerOf(name)
	if err != nil {
		return err
	}
	if profile != "" {
		out, err := os.Create(profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		go func() { <-end; pprof.StopCPUProfile(); os.Exit(0) }()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, listener.Addr())
	server := &http.Server{Handler: counting(handler), ReadHeaderTimeout: time.Minute}
	return server.Serve(listener)
}

// usagePath is the path that reports the memory used by requests.
const usagePath = "/-usage"

func counting(next http.Handler) http.Handler {
	var served atomic.Int64
	var before runtime.MemStats
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == usagePath {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			n := uint64(max(served.Load(), 1))
			fmt.Fprintf(w, "%d allocations, %.1f KB", (now.Mallocs-before.Mallocs)/n, float64(now.TotalAlloc-before.TotalAlloc)/float64(n)/1000)
			return
		}
		if served.Add(1) == 1 { // memory used before the first request does not count
			runtime.ReadMemStats(&before)
		}
		next.ServeHTTP(w, r)
	})
}

// usage returns what the server reports about the memory that a request uses.
func usage(p *measure.Process) (string, error) {
	response, err := http.Get("http://" + p.Address + usagePath)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func handlerOf(name string) (http.Handler, error) {
	switch name {
	case floor:
		body := []byte(`{"signed":"` + strings.Repeat("x", 2500) + `"}`)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			answer(w, body)
		}), nil
	case simple:
		r := chi.NewRouter()
		r.Post("/v1/sign", signSimply)
		return r, nil
	case noAudit:
		return whole(unrecorded{})
	case withAudit:
		folder, err := os.MkdirTemp("", "servicebench-")
		if err != nil {
			return nil, err
		}
		audit, err := access.NewAuditor(access.AuditOptions{
			File: filepath.Join(folder, "audit.jsonl"), Now: time.Now, Random: strings.NewReader(strings.Repeat("x", 1<<10)),
		})
		if err != nil {
			return nil, err
		}
		return whole(audit)
	}
	return nil, fmt.Errorf("there is no server %q", name)
}

type simpleRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

var sdkSigner = sdk.NewSigner()

// signSimply is a service that does nothing but sign: the response contains the request to send, and nothing else.
func signSimply(w http.ResponseWriter, r *http.Request) {
	var in simpleRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := http.NewRequestWithContext(r.Context(), in.Method, in.URL, strings.NewReader(in.Body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for name, value := range in.Headers {
		out.Header.Set(name, value)
	}
	sum := sha256.Sum256([]byte(in.Body))
	keys := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: token}
	if err := sdkSigner.SignHTTP(r.Context(), keys, out, hex.EncodeToString(sum[:]), "execute-api", "eu-west-1", time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in.URL, in.Headers = out.URL.String(), map[string]string{}
	for name := range out.Header {
		in.Headers[name] = out.Header.Get(name)
	}
	text, err := json.Marshal(in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, text)
}

func answer(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text)
}

// whole returns the handler of the complete service, with its log in a file.
func whole(audit broker.Audit) (http.Handler, error) {
	policy, err := access.NewPolicy("bench.cedar", (&setup{}).cedar())
	if err != nil {
		return nil, err
	}
	auth, err := access.NewAuthenticator(access.Options{APIKeys: []access.APIKey{{ID: "bench", SHA256: sha256Of(apiKey)}}, Now: time.Now})
	if err != nil {
		return nil, err
	}
	limiter, err := access.NewLimiter(1<<30, 1024, time.Second)
	if err != nil {
		return nil, err
	}
	rate, err := access.NewRate(access.RateOptions{PerSecond: 1e9, Burst: 1e9, Now: time.Now})
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp("", "servicebench-*.log")
	if err != nil {
		return nil, err
	}
	return api.New(api.Options{
		Handlers: handlers.New(handlers.Options{Options: broker.Options{
			Signer: new(signing.Signer), Sessions: sessions{}, Now: time.Now, Policy: policy, Audit: audit, DefaultProfile: "orders",
		}}),
		Auth: auth, Log: zerolog.New(log), Now: time.Now, NewID: func() string { return "bench" },
		MaxBodyBytes: 10 << 20, Rate: rate, Requests: limiter, Memory: limiter, Hashes: limiter,
	}), nil
}

type sessions struct{ broker.Sessions }

var session = credentials.Session{Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Profile: "orders"}

func (sessions) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	return session, nil
}

type unrecorded struct{}

func (unrecorded) Write(context.Context, access.Record) error { return nil }
func (unrecorded) NextID() string                             { return "event" }
