package functionshost

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	headerVersion    = "X-Azure-Functions-Hostversion"
	headerInvocation = "X-Azure-Functions-Invocationid"
)

// newForwarder returns a client that keeps no cookies, follows no redirects, adds nothing, and waits one minute longer
// than the five that a function may take.
func newForwarder() http.Client {
	return http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       6 * time.Minute,
	}
}

// serveForwarded rebuilds the request and buffers the response.
func (h *Host) serveForwarded(w http.ResponseWriter, r *http.Request) {
	request, err := h.rebuild(r)
	if err == nil {
		var response *http.Response
		if response, err = h.forward.Do(request); err == nil {
			defer response.Body.Close()
			var body []byte
			if body, err = io.ReadAll(response.Body); err == nil {
				copyResponse(w, response, bytes.NewReader(body))
				return
			}
		}
	}
	h.fail(w, err)
}

// lostHeaders are content headers: .NET keeps them separate from the others, and the host copies only Content-Type and
// Content-Length.
var lostHeaders = []string{
	"Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location",
	"Content-Md5", "Content-Range", "Expires", "Last-Modified", "Transfer-Encoding",
}

func (h *Host) rebuild(r *http.Request) (*http.Request, error) {
	target := h.programURL() + (&url.URL{Path: r.URL.Path}).EscapedPath() + rebuiltQuery(r.URL.RawQuery)
	var body io.Reader
	if r.ContentLength > 0 { // a chunked body has no length, and is lost
		whole, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(whole)
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, target, body)
	if err != nil {
		return nil, err
	}
	request.Header = r.Header.Clone()
	for _, name := range lostHeaders {
		request.Header.Del(name)
	}
	request.Host = r.Host
	request.Header.Set(headerVersion, version)
	request.Header.Set(headerInvocation, newID())
	request.Header.Set("User-Agent", strings.TrimSpace(r.UserAgent()+" Azure-Functions-Host/"+version))
	return request, nil
}

// rebuiltQuery imitates a dictionary: the values of a repeated name are joined with commas, at the position of the
// first.
func rebuiltQuery(raw string) string {
	var names []string
	values := map[string]string{}
	for piece := range strings.SplitSeq(raw, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		name, value = unescape(name), unescape(value)
		if slices.Contains(names, name) {
			values[name] += "," + value
			continue
		}
		names = append(names, name)
		values[name] = value
	}
	separator, text := "?", ""
	for _, name := range names {
		text += separator + escape(name) + "=" + escape(values[name])
		separator = "&"
	}
	return text
}

func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// newProxy streams both ways, as YARP does with its default transforms: Host
// becomes the program's address, the public name goes into X-Forwarded-Host.
func (h *Host) newProxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", "127.0.0.1:"+h.port, ""
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			client, _, _ := net.SplitHostPort(p.In.RemoteAddr)
			p.Out.Header.Set("X-Forwarded-For", client)
			p.Out.Header.Set("X-Forwarded-Host", p.In.Host)
			p.Out.Header.Set("X-Forwarded-Proto", "https")
			invocation := newID()
			p.Out.Header.Set(headerVersion, version)
			p.Out.Header.Set(headerInvocation, invocation)
			p.Out.Header.Set("X-Ms-Invocation-Id", invocation)
		},
		Transport: retrying{&http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 64, ResponseHeaderTimeout: 240 * time.Second,
		}},
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { h.fail(w, err) },
	}
}

// retrying repeats requests that could not be sent: ten attempts in all, 50 ms to 250 ms apart. A request without a
// body is also repeated if the connection breaks after it was sent, so a program may see it twice; a body can be sent
// only once.
type retrying struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	delay := 50 * time.Millisecond
	body := r.Body
	for attempt := 1; ; attempt++ {
		once := r.Clone(r.Context())
		if body != nil {
			once.Body = io.NopCloser(body)
		}
		response, err := t.RoundTripper.RoundTrip(once)
		var broken *net.OpError
		unsent := errors.As(err, &broken) && broken.Op == "dial"
		if err == nil || attempt == 10 || !unsent && body != nil && body != http.NoBody {
			return response, err
		}
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		delay = min(2*delay, 250*time.Millisecond)
	}
}

// fail responds to any failure between the host and the program.
func (h *Host) fail(w http.ResponseWriter, err error) {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	h.log.add("host", Error, "Exception while executing function: "+err.Error())
	w.WriteHeader(http.StatusInternalServerError)
}

func newID() string {
	text := strings.ToLower(rand.Text())
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:26]
}
