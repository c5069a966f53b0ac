package sandbox

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Server is a sandbox that listens.
type Server struct {
	STSURL     string // http://127.0.0.1:{port}, without a path
	GatewayURL string // the same

	servers [2]*http.Server
	done    sync.WaitGroup
}

// Start listens on two free ports of 127.0.0.1 and serves until Close.
func (s *Sandbox) Start() (*Server, error) { return s.StartOn(0, 0) }

// StartOn is Start with the given ports; 0 is any free one.
func (s *Sandbox) StartOn(stsPort, gatewayPort int) (*Server, error) {
	stsListener, err := listen(stsPort)
	if err != nil {
		return nil, err
	}
	gatewayListener, err := listen(gatewayPort)
	if err != nil {
		return nil, errors.Join(err, stsListener.Close())
	}
	running := &Server{
		STSURL:     "http://" + stsListener.Addr().String(),
		GatewayURL: "http://" + gatewayListener.Addr().String(),
	}
	running.servers[0] = running.serve(stsListener, s.STS())
	running.servers[1] = running.serve(gatewayListener, s.Gateway())
	return running, nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func (r *Server) serve(l net.Listener, h http.Handler) *http.Server {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	r.done.Go(func() { _ = server.Serve(l) }) // ends only with ErrServerClosed: the listener is ours
	return server
}

// Close ends both servers and all connections, and waits until they have ended.
func (r *Server) Close() error {
	err := errors.Join(r.servers[0].Close(), r.servers[1].Close())
	r.done.Wait()
	return err
}
