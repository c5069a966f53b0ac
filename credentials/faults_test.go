package credentials_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/credentials"
	"countersign/signing"
)

var faultCount = flag.Int("faults", 300, "faults that TestFaultsOverHTTP waits for")

// faulty imitates STS behind a real socket, and fails as the request's header says.
type faulty struct {
	*fakeSTS
	faults atomic.Int64
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := r.Header.Get("X-Fault")
	if kind == "" {
		f.fakeSTS.ServeHTTP(w, r)
		return
	}
	f.faults.Add(1)
	_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice that the client left
	switch kind {
	case "reset":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	case "hang":
		<-r.Context().Done()
	case "trickle":
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte{' '})
			_ = http.NewResponseController(w).Flush()
			time.Sleep(300 * time.Millisecond)
		}
	case "300 MB":
		w.Header().Set("Content-Type", "text/xml")
		block := make([]byte, 1<<20)
		for range 300 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	default:
		resp, err := f.fault(kind, call{ctx: r.Context(), form: map[string][]string{"Action": {"AssumeRole"}}}) //nolint:bodyclose // pass does
		if err != nil {
			panic(err)
		}
		pass(w, resp)
	}
}

// thrower sends each request with a random fault.
type thrower struct {
	base   http.RoundTripper
	faults *atomic.Int64
	closed string // an address without a listener
}

func (b thrower) RoundTrip(r *http.Request) (*http.Response, error) {
	if rand.IntN(8) == 0 {
		return b.base.RoundTrip(r)
	}
	kind := faultKinds[rand.IntN(len(faultKinds))]
	r = r.Clone(r.Context())
	switch kind {
	case "refused":
		b.faults.Add(1)
		r.URL.Host = b.closed
	case "panic":
		b.faults.Add(1)
		panic("in the transport")
	default:
		r.Header.Set("X-Fault", kind)
	}
	return b.base.RoundTrip(r)
}

// Thousands of faults through real sockets: every response is either an error with a code or a valid session that STS
// issued; every response arrives in time; nothing is leaked.
func TestFaultsOverHTTP(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if testing.Short() {
		*faultCount = min(*faultCount, 50)
	}
	f := &faulty{fakeSTS: newFake(time.Now)}
	server := httptest.NewServer(f)
	defer server.Close()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	base := &http.Transport{MaxIdleConnsPerHost: 100}
	defer base.CloseIdleConnections()
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[string]int{}
	var longest time.Duration
	for range min(400, 2**faultCount) {
		wg.Go(func() {
			for int(f.faults.Load()) < *faultCount {
				outcome, took := f.once(t, thrower{base, &f.faults, nobody.Addr().String()}, server.URL)
				mu.Lock()
				outcomes[outcome]++
				longest = max(longest, took)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d faults; the longest response took %v; outcomes: %v", f.faults.Load(), longest.Round(time.Millisecond), outcomes)
	if longest > time.Minute { // ten seconds, plus delays on a busy machine
		t.Errorf("a response took %v, want at most a minute", longest)
	}
	if outcomes["session"] == 0 || len(outcomes) < 4 {
		t.Errorf("outcomes %v, want sessions and several kinds of failure", outcomes)
	}
}

// once sends two concurrent requests to a new store.
func (f *faulty) once(t *testing.T, transport http.RoundTripper, endpoint string) (outcome string, took time.Duration) {
	p := orders()
	p.STSEndpoint = endpoint
	s, err := credentials.New(credentials.Options{Profiles: []credentials.Profile{p}, Now: time.Now, Transport: transport})
	if err != nil {
		t.Error(err)
		return "", 0
	}
	defer s.Close()
	start := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Session(t.Context(), credentials.SessionRequest{}) })
	got, err := s.Session(t.Context(), credentials.SessionRequest{})
	took = time.Since(start)
	wg.Wait()
	var e *credentials.Error
	switch {
	case err == nil && strings.HasPrefix(got.Credentials.AccessKeyID, "ASIASANDBOX0") && time.Until(got.Expires) > 30*time.Minute:
		return "session", took
	case err == nil:
		t.Errorf("Session() = %+v", got)
	case !errors.As(err, &e) || e.Code == "" || !errors.Is(err, credentials.ErrUnavailable):
		t.Errorf("Session() = %v, which has no code", err)
	}
	return err.Error(), took
}

// Session tokens have up to 4,096 bytes since September 2026.
func TestLargestToken(t *testing.T) {
	fake := newFake(time.Now)
	token := strings.Repeat("IQoJb3JpZ2luX2Vj", 256)
	fake.response = func(c call) (*http.Response, error) {
		return fake.xml(
			200, issuedXML("AssumeRole", fmt.Sprintf("ASIASANDBOX%09d", c.number), exampleSecret, token, time.Now().Add(time.Hour)),
		), nil
	}
	server := httptest.NewServer(fake)
	defer server.Close()
	base, top := orders(), orders()
	base.STSEndpoint = server.URL
	top.Name, top.Source, top.Keys, top.STSEndpoint = "top", "orders", signing.Credentials{}, server.URL
	s := open(t, credentials.Options{Profiles: []credentials.Profile{base, top}})
	got, err := s.Session(context.Background(), credentials.SessionRequest{Profile: "top"})
	if err != nil || got.Credentials.SessionToken() != token {
		t.Fatalf("Session() = a token of %d bytes, %v; want %d", len(got.Credentials.SessionToken()), err, len(token))
	}
	if sent := fake.last(t).header.Get("X-Amz-Security-Token"); sent != token {
		t.Errorf("the second role was requested with a token of %d bytes, want %d", len(sent), len(token))
	}
	url, _, err := signing.ParseURL("https://api.example.com/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	request := &signing.Request{
		Method: "GET", URL: url, PayloadHash: signing.PayloadHash(nil), Scope: signing.Scope{Service: "execute-api", Region: "eu-west-1"},
		Time: time.Now(), Credentials: got.Credentials, Expires: 5 * time.Minute,
	}
	signer := new(signing.Signer)
	signed, err := signer.Sign(request)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, h := range signed.Headers {
		size += len(h.Name) + len(h.Value) + 4
	}
	presigned, err := signer.Presign(request)
	if err != nil || !strings.Contains(presigned.URL.String(), "X-Amz-Security-Token=IQoJ") {
		t.Errorf("Presign() = %d bytes, %v; want the token in them", len(presigned.URL.String()), err)
	}
	if size < 4096 || size > 8<<10 {
		t.Errorf("%d bytes of headers, want between 4 and 8 KiB, which servers accept", size)
	}
	t.Log(strconv.Itoa(size) + " bytes of headers, " + strconv.Itoa(len(presigned.URL.String())) + " of URL")
}
