//go:build linux && amd64

package chain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/sandbox"
	"countersign/signing"
)

const region = "eu-west-1"

// aws imitates STS and other services under their real host names. Every request is verified; one that is not signed
// correctly is refused.
type aws struct {
	stsURL    string
	transport *http.Transport // connects every host name to it
	services  map[string]http.Handler

	mu       sync.Mutex
	sessions map[string]signing.Credentials // issued by STS, by access key id
	accepted int
	busy     int // how many more correctly signed requests get 503
}

// hosts maps the ends of host names to services.
var hosts = map[string]string{
	".execute-api." + region + ".amazonaws.com": "execute-api",
	".s3." + region + ".amazonaws.com":          "s3",
	"sqs." + region + ".amazonaws.com":          "sqs",
}

func startAWS(t *testing.T) *aws {
	t.Helper()
	a := &aws{services: map[string]http.Handler{}, sessions: map[string]signing.Credentials{}}
	boxes := func(service string) *sandbox.Sandbox { // all are the same AWS: with the same seed they know the same sessions
		return sandbox.New(sandbox.Options{Now: time.Now, Region: region, Service: service, Rand: bytes.NewReader(make([]byte, 32))})
	}
	for _, service := range hosts {
		a.services[service] = boxes(service).Gateway()
	}
	sts := httptest.NewServer(a.overhear(boxes("sts").STS()))
	t.Cleanup(sts.Close)
	a.stsURL = sts.URL
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	a.transport = server.Client().Transport.(*http.Transport).Clone()
	a.transport.DisableCompression = true
	a.transport.MaxIdleConnsPerHost = 16
	a.transport.TLSClientConfig.ServerName = "example.com" // the certificate's
	a.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ".amazonaws.com:443") {
			address = server.Listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	t.Cleanup(a.transport.CloseIdleConnections)
	return a
}

// overhear records the sessions that STS issues.
func (a *aws) overhear(sts http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := httptest.NewRecorder()
		sts.ServeHTTP(response, r)
		var document struct {
			AccessKeyID  string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
			Secret       string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
			SessionToken string `xml:"AssumeRoleResult>Credentials>SessionToken"`
		}
		if xml.Unmarshal(response.Body.Bytes(), &document) == nil {
			a.mu.Lock()
			a.sessions[document.AccessKeyID] = signing.NewCredentials(document.AccessKeyID, document.Secret, document.SessionToken)
			a.mu.Unlock()
		}
		relay(w, response)
	})
}

func relay(w http.ResponseWriter, response *httptest.ResponseRecorder) {
	for name, values := range response.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(response.Code)
	_, _ = w.Write(response.Body.Bytes())
}

// ServeHTTP verifies a request and responds with what it saw.
func (a *aws) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response := httptest.NewRecorder()
	if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
		a.servePresigned(response, r)
	} else {
		for suffix, service := range hosts {
			if strings.HasSuffix(r.Host, suffix) {
				a.services[service].ServeHTTP(response, r)
			}
		}
	}
	if response.Code == http.StatusOK {
		a.mu.Lock()
		a.accepted++
		if a.busy > 0 {
			a.busy--
			response.Code = http.StatusServiceUnavailable
		}
		a.mu.Unlock()
	}
	relay(w, response)
}

// servePresigned imitates S3 for presigned URLs.
func (a *aws) servePresigned(w http.ResponseWriter, r *http.Request) {
	seen, refusal := a.verifyPresigned(r)
	if refusal != "" {
		http.Error(w, refusal, http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(seen)
}

func (a *aws) verifyPresigned(r *http.Request) (sandbox.Seen, string) {
	wire := "https://" + r.Host + r.RequestURI
	url, _, err := signing.ParseURL(wire, nil)
	if err != nil || url.String() != wire {
		return sandbox.Seen{}, "the address is not spelled as it was signed"
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return sandbox.Seen{}, err.Error()
	}
	var headers []signing.Header
	for name, values := range r.Header {
		headers = append(headers, signing.Header{Name: name, Value: strings.Join(values, ",")})
	}
	received := signing.Received{Method: r.Method, URL: url, Headers: headers, PayloadHash: signing.PayloadHash(body)}
	claim, err := signing.ReadSignatureInfo(&received)
	if err != nil {
		return sandbox.Seen{}, err.Error()
	}
	a.mu.Lock()
	credentials, known := a.sessions[claim.AccessKeyID]
	a.mu.Unlock()
	if !known {
		return sandbox.Seen{}, "the access key is not known"
	}
	verdict := signing.Verify(&received, &signing.Expected{
		Credentials: credentials, Scope: signing.Scope{Service: "s3", Region: region}, SingleEncode: true, S3Style: true, Time: time.Now(),
	})
	if !verdict.Valid() {
		return sandbox.Seen{}, verdict.Mismatches[0].Error()
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	return sandbox.Seen{
		Method: r.Method, Path: path, Query: query, Host: r.Host, BodySHA256: signing.PayloadHash(body), BodyLength: len(body),
	}, ""
}

func (a *aws) beBusy(times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy = times
}

// count returns the number of requests accepted so far.
func (a *aws) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.accepted
}
