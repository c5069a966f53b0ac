// Package functionshost imitates the Azure Functions host, version 4, in front of a custom handler. The real host
// cannot run on a build machine; this one treats a package and its program as the real one is known to, above all in
// unpleasant ways.
//
// # What it does
//
// It reads host.json and {function}/function.json only from the zip that would be deployed, unpacks the zip, starts the
// program with the host's variables, polls GET / until there is any response, checks function keys, and passes requests
// on in one of three ways:
//
//   - proxying (customHandler.enableProxyingHttpRequest): streamed, headers
//     rewritten as YARP does;
//   - forwarding (enableForwardingHttpRequest): the request is rebuilt, which
//     loses chunked bodies, repeated query parameters and some headers. Hosts that
//     do not support proxying do this, see [Options.Older];
//   - neither: the request arrives wrapped in a JSON document with Data and
//     Metadata.
//
// It stops the program with SIGKILL, decides by the exit code whether to restart it, and treats every line on stderr as
// a warning or an error.
//
// # What it does not do
//
// It supports only HTTP triggers, no outputs of the wrapped form, no customHandler.http routes and no fixed port; a
// package that uses them is refused. It follows the host's source and documentation, which is not the same as having
// tested against Azure.
//
// # What users must do
//
// Provide an empty folder and a clock, and call [Host.Close].
package functionshost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"countersign/internal/freeport"
)

// PublicHost is the host name that clients use for the app.
const PublicHost = "countersign-test.azurewebsites.net"

const (
	version      = "4.1036.0.0"
	maxBody      = 104857600 // the host's DefaultMaxRequestBodySize
	initTimeout  = 30 * time.Second
	pollInterval = 25 * time.Millisecond
)

// Options configure a host.
type Options struct {
	// Package is the path of the zip.
	Package string
	// Dir is an empty folder; the zip is unpacked there.
	Dir string
	// Settings are the app settings: environment variables for the program.
	Settings map[string]string
	// FunctionKey and MasterKey give access to functions of the levels function and admin.
	FunctionKey, MasterKey string
	// Older imitates a host that does not support proxying and ignores its flag.
	Older bool
	// GrantExecute sets the program's execute bit, as the Consumption plans do but Premium and Dedicated do not.
	GrantExecute bool
	// Now is the clock. Required.
	Now func() time.Time
}

// Host is a running host. It is the [http.Handler] for its app, including the front end, and safe for concurrent use.
type Host struct {
	opts Options
	app  app
	port string
	log  log

	proxy   http.Handler
	forward http.Client

	mu      sync.Mutex
	program *program // the running one, if any
	starts  int
	closing bool
	failed  error         // why there is no program, nor will be one
	ready   chan struct{} // closed when the first program responded or failed
	ended   chan struct{} // closed when no program is running or will be started
}

// Start reads and unpacks the package and starts its program. It does not wait for the program: until that responds,
// every request gets 503. See [Host.Ready].
func Start(o Options) (*Host, error) {
	if o.Now == nil {
		return nil, errors.New("functionshost: Options.Now is required")
	}
	app, err := openPackage(o.Package, o.Dir, o.GrantExecute)
	if err != nil {
		return nil, fmt.Errorf("reading the package: %w", err)
	}
	h := &Host{opts: o, app: app, ready: make(chan struct{}), ended: make(chan struct{})}
	if h.port, err = freeport.Next(); err != nil { // once: restarted programs get the same port
		return nil, err
	}
	h.log.now = o.Now
	h.proxy = h.newProxy()
	h.forward = newForwarder()
	go h.supervise()
	return h, nil
}

// Ready waits until the program has responded to a poll.
func (h *Host) Ready(ctx context.Context) error {
	select {
	case <-h.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// Close kills the program and waits for its end.
func (h *Host) Close() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	h.Kill()
	<-h.ended
	h.forward.CloseIdleConnections()
}

// Mode says how requests are passed on.
type Mode string

// The modes.
const (
	Proxying   Mode = "proxying"
	Forwarding Mode = "forwarding"
	Wrapping   Mode = "wrapping"
)

// mode returns how this host passes on the requests for a function. A function with any bindings other than one
// httpTrigger in and one http out is silently wrapped.
func (h *Host) mode(f function) Mode {
	switch {
	case !f.httpInAndOut():
		return Wrapping
	case h.app.host.CustomHandler.Proxying && !h.opts.Older:
		return Proxying
	case h.app.host.CustomHandler.Forwarding:
		return Forwarding
	}
	return Wrapping
}

// ServeHTTP is the platform's front end and the host behind it.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.serving() {
		http.Error(w, "Function host is not running.", http.StatusServiceUnavailable)
		return
	}
	f, status := h.app.find(r.Method, r.URL.Path)
	if status == 0 && !h.admitted(f, r) {
		status = http.StatusUnauthorized
	}
	if status == 0 && r.ContentLength > maxBody {
		status = http.StatusRequestEntityTooLarge
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	frontEnd(r)
	switch h.mode(f) {
	case Proxying:
		h.proxy.ServeHTTP(w, r)
	case Forwarding:
		h.serveForwarded(w, r)
	default:
		h.serveWrapped(w, r, f)
	}
}

// frontEnd adds the headers that the platform's load balancers send to the host.
func frontEnd(r *http.Request) {
	client := r.RemoteAddr
	for name, value := range map[string]string{
		"X-Forwarded-For": client, "X-Forwarded-Proto": "https", "Client-Ip": client, "Max-Forwards": "10",
		"X-Original-Url": r.URL.RequestURI(), "Disguised-Host": PublicHost, "Was-Default-Hostname": PublicHost,
		"X-Arr-Ssl": "2048|256|CN=Microsoft Azure TLS Issuing CA|CN=*.azurewebsites.net", "X-Arr-Log-Id": "5d4eb2b5-6f9d-4d0a-9b7c-2f1d3a4f5e60",
	} {
		r.Header.Set(name, value)
	}
	r.Host = PublicHost
}

// admitted checks the function key: the header takes precedence over the query, even if it contains a wrong key.
func (h *Host) admitted(f function, r *http.Request) bool {
	level := strings.ToLower(f.trigger().AuthLevel)
	if level == "anonymous" {
		return true
	}
	key := r.Header.Get("X-Functions-Key")
	if key == "" {
		key = r.URL.Query().Get("code")
	}
	if key == "" {
		return false
	}
	return key == h.opts.MasterKey || level == "function" && key == h.opts.FunctionKey
}

func copyResponse(w http.ResponseWriter, response *http.Response, body io.Reader) {
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, body) // a client that is gone needs no response
}
