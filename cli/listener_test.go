package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tlsPair is a certificate for localhost and its key, in PEM.
func tlsPair(t testing.TB, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// serveHere serves at the configured address until the test ends.
func (r *reloaded) serveHere() net.Addr {
	r.t.Helper()
	listener, err := listen(r.t.Context(), r.current.Load().conf)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	r.reloader.interval = 0 // the test polls
	go func() { done <- r.serve(ctx, listener, grace{drain: 5 * time.Second}) }()
	r.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
		r.close()
	})
	return listener.Addr()
}

// The new pair is used for the next handshake; an open connection goes on; half of a pair changes nothing and is
// reported.
func TestListener_TakesANewCertificateAndKeepsConnections(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	replace := func(certificate, key string) {
		write(t, dir, "tls.crt", certificate)
		write(t, dir, "tls.key", key)
	}
	first, firstKey := tlsPair(t, 1)
	replace(first, firstKey)
	r := reloading(t, dir, map[string]string{
		"COUNTERSIGN_TLS_CERT_FILE": filepath.Join(dir, "tls.crt"), "COUNTERSIGN_TLS_KEY_FILE": filepath.Join(dir, "tls.key"),
		"COUNTERSIGN_ADDRESS": "127.0.0.1", "COUNTERSIGN_PORT": freePort(t), "COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:" + freePort(t),
	})
	address := r.serveHere().String()
	roots := x509.NewCertPool()
	second, secondKey := tlsPair(t, 2)
	roots.AppendCertsFromPEM([]byte(first + second))
	client := func() *http.Client {
		return &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, ForceAttemptHTTP2: true,
		}}
	}
	// ask checks the serial number of the certificate, and whether the connection was open before.
	ask := func(c *http.Client) (serial int64, reused bool) {
		t.Helper()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := c.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		if _, err := io.Copy(io.Discard, w.Body); err != nil || w.StatusCode != http.StatusOK || w.ProtoMajor != 2 {
			t.Errorf("%s %s %v", w.Proto, w.Status, err)
		}
		return w.TLS.PeerCertificates[0].SerialNumber.Int64(), reused
	}
	kept := client()
	expect := func(c *http.Client, wantSerial int64, wantReused bool) {
		t.Helper()
		if serial, reused := ask(c); serial != wantSerial || reused != wantReused {
			t.Errorf("certificate %d, connection reused: %t, want %d and %t", serial, reused, wantSerial, wantReused)
		}
	}
	expect(kept, 1, false)
	replace(second, firstKey) // half of the next pair
	r.polls(2)
	expect(kept, 1, true)
	expect(client(), 1, false)
	replace(second, secondKey)
	r.polls(2)
	expect(kept, 1, true)
	expect(client(), 2, false)
	old := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tls.VersionTLS11}}
	if _, err := old.DialContext(t.Context(), "tcp", address); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	if out := r.out.String(); !strings.Contains(out, "tls_cert_file, tls_key_file: ") || !strings.Contains(out, "not reloaded") {
		t.Errorf("the log does not report half a pair:\n%s", out)
	}
}

// Another name of the file needs a restart; until then the file that the service started with is the one that is
// renewed.
func TestListener_FollowsTheCertificateInForce(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	rest := read(t, filepath.Join(dir, "countersign.yaml"))
	configure := func(name string) {
		path := filepath.Join(dir, name)
		write(t, dir, "countersign.yaml", rest+"tls_cert_file: "+path+".crt\ntls_key_file: "+path+".key\n")
	}
	renew := func(serial int64) {
		certificate, key := tlsPair(t, serial)
		write(t, dir, "tls.crt", certificate)
		write(t, dir, "tls.key", key)
	}
	renew(1)
	configure("tls")
	r := reloading(t, dir, nil)
	defer r.close()
	configure("other")
	r.polls(2)
	renew(2)
	r.polls(2)
	if g := r.current.Load(); g.number != 3 || g.certificate.Leaf.SerialNumber.Int64() != 2 {
		t.Errorf("generation %d has certificate %d", g.number, g.certificate.Leaf.SerialNumber)
	}
}

// The socket has the configured mode; one that was left behind is replaced, one in use is not.
func TestListener_UnixSocket(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	socket := filepath.Join(dir, "http")
	left, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = left.Close()
	env := map[string]string{"COUNTERSIGN_ADDRESS": "unix:" + socket, "COUNTERSIGN_SOCKET_MODE": "0600"}
	reloading(t, dir, env).serveHere()
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v %v", info.Mode(), err)
	}
	p := program{env: env}
	if code := p.run(t.Context(), "healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit code %d\n%s", code, &p.err)
	}
	p.env["COUNTERSIGN_CONFIG"] = filepath.Join(dir, "countersign.yaml")
	if code := p.run(t.Context(), "serve"); code != 1 || !strings.Contains(p.err.String(), "another process is listening there") {
		t.Errorf("a second one: exit code %d\n%s", code, &p.err)
	}
	if code := p.run(t.Context(), "healthcheck"); code != 0 {
		t.Error("the second one took the socket away")
	}
}

func TestListener_HealthcheckOverTLS(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	certificate, key := tlsPair(t, 1)
	write(t, dir, "tls.crt", certificate)
	write(t, dir, "tls.key", key)
	env := map[string]string{
		"COUNTERSIGN_TLS_CERT_FILE": filepath.Join(dir, "tls.crt"), "COUNTERSIGN_TLS_KEY_FILE": filepath.Join(dir, "tls.key"),
		"COUNTERSIGN_PORT": freePort(t),
	}
	reloading(t, dir, env).serveHere()
	p := program{env: env}
	if code := p.run(t.Context(), "healthcheck"); code != 0 {
		t.Errorf("exit code %d\n%s", code, &p.err)
	}
}

func TestListener_TimeoutsAreTheSettings(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	for _, test := range []struct {
		env  map[string]string
		want [4]time.Duration
	}{
		{nil, [4]time.Duration{5 * time.Second, 30 * time.Second, 30 * time.Second, 120 * time.Second}},
		{
			map[string]string{
				"COUNTERSIGN_READ_HEADER_TIMEOUT": "2s", "COUNTERSIGN_READ_TIMEOUT": "3s",
				"COUNTERSIGN_WRITE_TIMEOUT": "4s", "COUNTERSIGN_IDLE_TIMEOUT": "5m",
			},
			[4]time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Minute},
		},
	} {
		r := reloading(t, dir, test.env)
		s := r.newServer()
		if got := [4]time.Duration{s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout}; got != test.want {
			t.Errorf("%v, want %v", got, test.want)
		}
		r.close()
	}
}

// Real idle connections are closed after idle_timeout.
func TestListener_ClosesIdleConnections(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	r := reloading(t, dir, map[string]string{"COUNTERSIGN_PORT": freePort(t), "COUNTERSIGN_IDLE_TIMEOUT": "1s"})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.serveHere().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
	response, err := io.ReadAll(conn) // until the service closes it
	if err != nil || !strings.HasPrefix(string(response), "HTTP/1.1 200 ") {
		t.Errorf("%q %v", response, err)
	}
}
