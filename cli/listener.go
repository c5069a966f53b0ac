package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"countersign/api"
	"countersign/config"
)

// listen opens the address of the configuration: a TCP address or a Unix socket.
func listen(ctx context.Context, conf config.Config) (net.Listener, error) {
	path, isSocket := conf.SocketPath()
	if !isSocket {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listenAddress(conf))
		return listener, portTaken(err, "--port")
	}
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	mode, err := strconv.ParseUint(conf.SocketMode, 8, 32)
	if err != nil {
		return nil, fmt.Errorf("socket_mode: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, os.FileMode(mode)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func listenAddress(conf config.Config) string {
	return net.JoinHostPort(conf.Address, strconv.Itoa(conf.Port))
}

// removeSocket removes a socket that a process has left behind, and nothing else.
func removeSocket(path string) error {
	found, err := os.Lstat(path)
	if err != nil || found.Mode().Type() != os.ModeSocket {
		return nil //nolint:nilerr // no socket; if something is wrong, listening fails
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return fmt.Errorf("%s: another process is listening there", path)
	case !errors.Is(err, errRefused): // such as a full queue, or missing permission to connect
		return fmt.Errorf("%s: another process may be listening there: %w; remove the socket if none is", path, err)
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) { // otherwise it has been removed meanwhile
		return err
	}
	return nil
}

// newServer makes the server for callers.
func (s *service) newServer() *http.Server {
	g := s.current.Load()
	server := &http.Server{
		Handler:           closeWhen(&s.leaving, s.handler),
		ReadHeaderTimeout: g.conf.ReadHdrTimeout,
		ReadTimeout:       g.conf.ReadTimeout,
		WriteTimeout:      g.conf.WriteTimeout,
		IdleTimeout:       g.conf.IdleTimeout,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          stdlog.New(serverErrors{s}, "", 0),
		ConnState:         s.countConnections,
		ConnContext:       api.ConnContext,
	}
	if g.certificate != nil {
		server.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return s.current.Load().certificate, nil
			},
		}
		// What HTTP/2 clients send before it is read takes memory of this process, not of the system: by default a
		// megabyte per connection. If a client takes nothing from its connection, the deadlines of its streams do not end
		// them, so the connection has one of its own.
		const unread = 256 << 10
		server.HTTP2 = &http.HTTP2Config{
			MaxConcurrentStreams: 128, MaxReceiveBufferPerConnection: unread, MaxReceiveBufferPerStream: unread,
			WriteByteTimeout: g.conf.WriteTimeout,
		}
	}
	return server
}

// newCertificate reads the certificate that callers see; nil without TLS.
func newCertificate(p *process, conf config.Config) (*tls.Certificate, error) {
	if conf.TLSCertFile == "" {
		return nil, nil
	}
	chain, err := p.read(conf.TLSCertFile)
	if err != nil {
		return nil, fmt.Errorf("tls_cert_file: %w", err)
	}
	key, err := p.read(conf.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls_key_file: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("tls_cert_file, tls_key_file: %w", err)
	}
	return &pair, nil
}

// certificateWarnings says what is, or soon will be, wrong with the certificate that callers see.
func (g *generation) certificateWarnings(now time.Time) []string {
	if g.certificate == nil {
		return nil
	}
	var all []string
	switch end := g.certificate.Leaf.NotAfter; {
	case now.After(end):
		all = append(all, "tls_cert_file: the certificate expired on "+end.UTC().Format(time.RFC3339))
	case end.Sub(now) < 7*24*time.Hour:
		all = append(all, "tls_cert_file: the certificate expires on "+end.UTC().Format(time.RFC3339))
	}
	if info, err := os.Stat(g.conf.TLSKeyFile); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		all = append(all, "tls_key_file: can be read by every user of this machine; use mode 0600, or 0640 with a group of its own")
	}
	return all
}

// portTaken adds what to do if another program uses the port.
func portTaken(err error, flag string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; stop the program that uses the port, or choose another port with %s", err, flag)
	}
	return err
}
