package proxy_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/proxy"
	"countersign/sending"
	"countersign/signing"
)

const (
	accessKeyID = "ASIAIOSFODNN7EXAMPLE"
	secretKey   = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	token       = "session/EXAMPLE="
	region      = "eu-west-1"
	profile     = "orders"
)

// sessions always returns the same session.
type sessions struct{}

func (sessions) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	return credentials.Session{
		Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Expires: time.Now().Add(time.Hour), Profile: profile,
	}, nil
}

func (sessions) SessionFromRequest(context.Context, credentials.RequestCredentials) (credentials.Session, error) {
	return credentials.Session{}, credentials.ErrConfiguration
}

func (sessions) Identity(context.Context, credentials.SessionRequest) (credentials.Identity, error) {
	return credentials.Identity{}, nil
}
func (sessions) Profiles() []credentials.Profile { return nil }
func (sessions) Drop(credentials.Session) bool   { return false }

// trail collects audit records.
type trail struct {
	mu   sync.Mutex
	list []access.Record
	ids  int
	err  error
}

func (t *trail) Write(_ context.Context, r access.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.list = append(t.list, r)
	}
	return t.err
}

func (t *trail) NextID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids++
	return fmt.Sprint("event-", t.ids)
}

func (t *trail) records() []access.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}

// outcome waits for the record of a request's outcome.
func (t *trail) outcome(tb testing.TB) access.Record {
	tb.Helper()
	for range 3000 {
		for _, r := range t.records() {
			if r.Outcome != "" {
				return r
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Fatalf("no outcome among %+v", t.records())
	return access.Record{}
}

// serverTimeout is the server's timeout for reading a request and writing a response. The proxy allows much longer.
const serverTimeout = time.Minute

// front is a proxy behind a server.
type front struct {
	*proxy.Proxy
	address string
	audit   *trail
	server  *http.Server
	served  sync.Map // by the address of the client, a *served
}

// served is the server's end of a connection.
type served struct {
	net.Conn
	mu          sync.Mutex
	read, write time.Time // the deadlines
	hurried     bool      // something was written under the server's timeout
}

func (s *served) SetReadDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = at
	return s.Conn.SetReadDeadline(at)
}

func (s *served) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write = at
	return s.Conn.SetWriteDeadline(at)
}

func (s *served) SetDeadline(at time.Time) error {
	return errors.Join(s.SetReadDeadline(at), s.SetWriteDeadline(at))
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.hurried = s.hurried || !outlasts(s.write)
	s.mu.Unlock()
	return s.Conn.Write(p)
}

// outlasts reports whether a deadline is later than any that the server sets.
func outlasts(deadline time.Time) bool {
	return deadline.IsZero() || time.Until(deadline) > 2*serverTimeout
}

// mayWait waits until the client has more time than the server's timeout allows.
func (f *front) mayWait(t testing.TB, client net.Conn) *served {
	t.Helper()
	for range 3000 {
		if found, ok := f.served.Load(client.LocalAddr().String()); ok {
			s := found.(*served)
			s.mu.Lock()
			longer := outlasts(s.read)
			s.mu.Unlock()
			if longer {
				return s
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the server's timeout is in force")
	return nil
}

// wasNotHurried fails if anything was written under the server's timeout.
func (s *served) wasNotHurried(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hurried {
		t.Error("something was written under the server's timeout")
	}
}

// listener records the connections that a server accepts.
type listener struct {
	net.Listener
	front *front
}

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := &served{Conn: conn}
	l.front.served.Store(conn.RemoteAddr().String(), s)
	return s, nil
}

type options struct {
	service  string // of the hosts; default: execute-api
	policies string
	spool    sending.Spool
	cookies  bool
	authAs   string
	unsigned bool
	target   func(*http.Request) (proxy.Target, error)
	sending  sending.Options
	reserve  func(int64) error
}

// newFront returns a proxy that calls hosts on this machine over http.
func newFront(t testing.TB, o options, hosts ...string) *front {
	t.Helper()
	if o.service == "" {
		o.service = "execute-api"
	}
	rules, err := endpoints.NewHosts([]endpoints.HostRule{{Pattern: "127.0.0.1", Service: o.service, Region: region}})
	if err != nil {
		t.Fatal(err)
	}
	var document []byte
	if o.policies != "" {
		document = []byte(o.policies)
	}
	policy, err := access.NewPolicy("test.cedar", document)
	if err != nil {
		t.Fatal(err)
	}
	o.sending.Now, o.sending.HTTPHosts = time.Now, hosts
	client, err := sending.New(o.sending)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f := &front{audit: &trail{}}
	b := broker.New(broker.Options{
		Signer: new(signing.Signer), Sessions: sessions{}, Now: time.Now, Policy: policy, Audit: f.audit, DefaultProfile: profile,
		Hosts: map[string]*endpoints.Hosts{profile: rules}, HTTPHosts: hosts, Sender: client,
	})
	f.Proxy = proxy.New(proxy.Options{
		Broker: b, Spool: o.spool, Cookies: o.cookies, Unsigned: o.unsigned, AuthorizationAs: o.authAs,
		Call: func(*http.Request) *broker.Call {
			return &broker.Call{RequestID: "request-1", Caller: access.Caller{ID: "crm-sync", Method: access.MethodAPIKey}}
		},
		WriteError: func(w http.ResponseWriter, _ *http.Request, err error) {
			p := broker.Problem(err)
			w.Header().Set("X-Problem", p.Code)
			w.WriteHeader(p.Status())
		},
		Reserve: func(_ context.Context, _ string, n int64) (func(), error) {
			if o.reserve != nil {
				if err := o.reserve(n); err != nil {
					return nil, err
				}
			}
			return func() {}, nil
		},
	})
	if o.target == nil {
		o.target = proxy.PathTarget("/proxy", b.MayBeHTTP)
	}
	handler := f.Handler(proxy.Mode{Target: o.target})
	f.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", "request-1") // as the service does
			handler.ServeHTTP(w, r)
		}),
		ReadTimeout: serverTimeout, WriteTimeout: serverTimeout,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = l.Addr().String()
	go func() { _ = f.server.Serve(listener{l, f}) }()
	t.Cleanup(func() { f.Stop(); f.server.Close() })
	return f
}

// path is the proxy's path for a path of the upstream.
func path(host, rest string) string { return "/proxy/" + profile + "/" + host + rest }

// send writes the bytes of a request and reads the response; the connection stays open.
func (f *front) send(t testing.TB, raw string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// exchange does what send does, and reads the whole response.
func (f *front) exchange(t testing.TB, method, raw string) (*http.Response, string) {
	t.Helper()
	conn, r := f.send(t, raw)
	defer conn.Close()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	for err == nil && response.StatusCode == http.StatusContinue {
		response, err = http.ReadResponse(r, &http.Request{Method: method})
	}
	if err != nil {
		t.Fatalf("%q: %v", raw[:min(len(raw), 200)], err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// rawServer serves each connection with a function.
type rawServer struct {
	net.Listener
	wg sync.WaitGroup
}

func newRawServer(t testing.TB, serve func(net.Conn, *bufio.Reader)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); s.wg.Wait() })
	return s
}

func (s *rawServer) host() string { return s.Addr().String() }

// seen is a request as it appeared on the wire.
type seen struct {
	line    string
	headers []string
	body    string
}

// answering responds to every request with the same text, and reports what it saw.
func answering(t testing.TB, text string) (*rawServer, <-chan seen) {
	t.Helper()
	saw := make(chan seen, 256)
	return newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			s, err := readRequest(r)
			if err != nil {
				return
			}
			if s.values("Expect") != nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			if s.body, err = s.readBody(r); err != nil {
				return
			}
			saw <- s
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}), saw
}

func readRequest(r *bufio.Reader) (s seen, err error) {
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return s, err
		}
		text = strings.TrimSuffix(text, "\r\n")
		switch {
		case text == "":
			return s, nil
		case s.line == "":
			s.line = text
		default:
			s.headers = append(s.headers, text)
		}
	}
}

func (s seen) readBody(r *bufio.Reader) (string, error) {
	head := s.line + "\r\n" + strings.Join(s.headers, "\r\n") + "\r\n\r\n"
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), r)))
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(request.Body)
	return string(body), err
}

func (s seen) values(name string) []string {
	var values []string
	for _, h := range s.headers {
		n, value, _ := strings.Cut(h, ":")
		if strings.EqualFold(n, name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

func (s seen) value(name string) string { return strings.Join(s.values(name), "\n") }

func (s seen) target() string {
	_, rest, _ := strings.Cut(s.line, " ")
	target, _, _ := strings.Cut(rest, " HTTP/1.1")
	return target
}

// mustBeSigned fails unless the AWS SDK computes the same signature for what arrived.
func (s seen) mustBeSigned(t testing.TB, service string) {
	t.Helper()
	method, _, _ := strings.Cut(s.line, " ")
	target, host := s.target(), s.value("Host")
	at, err := time.Parse(signing.TimeFormat, s.value("X-Amz-Date"))
	if err != nil {
		t.Fatalf("%s: %v of %q", s.line, err, s.headers)
	}
	r, err := http.NewRequest(method, "https://"+host+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(target, "?")
	if service == "s3" {
		plain, err := url.PathUnescape(path)
		if err != nil {
			t.Fatal(err)
		}
		path = strings.NewReplacer("+", "%20", "%2F", "/", "%7E", "~").Replace(url.QueryEscape(plain))
	}
	r.URL.Opaque = "//" + host + path // which the SDK signs as it is
	_, names, _ := strings.Cut(s.value("Authorization"), "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for name := range strings.SplitSeq(names, ";") {
		if name != "host" && name != "x-amz-date" && name != "x-amz-security-token" {
			r.Header[http.CanonicalHeaderKey(name)] = s.values(name)
		}
	}
	hash := s.value("X-Amz-Content-Sha256")
	if hash == "" {
		hash = sha256Hex(s.body)
	}
	sdkKeys := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: token}
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" }).
		SignHTTP(t.Context(), sdkKeys, r, hash, service, region, at)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.value("Authorization"), r.Header.Get("Authorization"); got != want {
		t.Errorf("%s: Authorization\n%s, the SDK signs\n%s\nof %q", s.line, got, want, s.headers)
	}
}

// mustBePresigned fails unless the AWS SDK presigns what arrived with the same signature, with or without a token.
func (s seen) mustBePresigned(t testing.TB, service, token string) {
	t.Helper()
	u, err := url.Parse("https://" + s.value("Host") + s.target())
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	at, err := time.Parse(signing.TimeFormat, query.Get("X-Amz-Date"))
	if err != nil || query.Get("X-Amz-Security-Token") == "" {
		t.Fatalf("no presigned URL with a token: %s", s.target())
	}
	signature := query.Get("X-Amz-Signature")
	if query.Del("X-Amz-Signature"); token == "" {
		query.Del("X-Amz-Security-Token")
	}
	u.RawQuery = query.Encode()
	r, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: token}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), keys, r, sha256Hex(""), service, region, at)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = url.Parse(signed); err != nil || u.Query().Get("X-Amz-Signature") != signature {
		t.Errorf("%s: the SDK presigns\n%s", s.target(), signed)
	}
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func arrived(t testing.TB, saw <-chan seen) seen {
	t.Helper()
	select {
	case s := <-saw:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrived")
		return seen{}
	}
}
