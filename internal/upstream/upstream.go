// Package upstream imitates AWS for tests: an HTTPS server that accepts requests for any host, reached through a proxy
// that connects everything to it.
//
// It checks no signature and resolves no name. Its certificates are issued by its own authority, which the sender must
// trust.
package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Server is the imitation of AWS. Create it with [Start].
type Server struct {
	// CA is the certificate of its authority, as PEM.
	CA []byte
	// ProxyURL is the URL of the proxy.
	ProxyURL *url.URL

	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	listener  *queue
	server    *http.Server
	proxy     *http.Server

	mu           sync.Mutex
	certificates map[string]*tls.Certificate
}

// Start serves requests with a handler until Close.
func Start(handler http.Handler) (*Server, error) {
	s := &Server{
		listener:     &queue{conns: make(chan net.Conn), closed: make(chan struct{})},
		certificates: map[string]*tls.Certificate{},
	}
	if err := s.certify(); err != nil {
		return nil, err
	}
	quiet := stdlog.New(io.Discard, "", 0)
	s.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: quiet,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate},
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.ProxyURL = &url.URL{Scheme: "http", Host: front.Addr().String()}
	s.proxy = &http.Server{Handler: http.HandlerFunc(s.connect), ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
	go func() { _ = s.server.ServeTLS(s.listener, "", "") }()
	go func() { _ = s.proxy.Serve(front) }()
	return s, nil
}

// Proxy returns the server's proxy for every URL.
func (s *Server) Proxy(*url.URL) (*url.URL, error) { return s.ProxyURL, nil }

// Close ends all connections.
func (s *Server) Close() {
	_ = s.proxy.Close()
	_ = s.server.Close()
}

// connect hands a connection over to the server, whatever host it is for.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack() // nothing is buffered: the client waits for the response
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	select {
	case s.listener.conns <- conn:
	case <-s.listener.closed:
		_ = conn.Close()
	}
}

func (s *Server) certify() error {
	var err error
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "upstream"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &s.key.PublicKey, s.key)
	if err != nil {
		return err
	}
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.authority, err = x509.ParseCertificate(der)
	return err
}

// certificate returns a certificate for the host that the client asks for.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if made := s.certificates[hello.ServerName]; made != nil {
		return made, nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName},
		NotBefore: s.authority.NotBefore, NotAfter: s.authority.NotAfter,
	}
	if ip := net.ParseIP(hello.ServerName); ip != nil || hello.ServerName == "" {
		template.DNSNames, template.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.authority, &s.key.PublicKey, s.key)
	if err != nil {
		return nil, err
	}
	made := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: s.key}
	s.certificates[hello.ServerName] = made
	return made, nil
}

// queue is a listener that accepts the connections from the proxy.
type queue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

func (q *queue) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
