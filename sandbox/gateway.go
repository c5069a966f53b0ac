package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

const (
	gatewayBodyLimit = 10 << 20 // API Gateway's payload quota, 10 MB
	gatewaySkew      = 5 * time.Minute
)

// Seen is the gateway's response to a request that it accepts: what it saw of the request.
type Seen struct {
	Method        string    `json:"method"`
	Path          string    `json:"path"` // as in the request line
	Query         string    `json:"query"`
	Host          string    `json:"host"`
	Caller        Caller    `json:"caller"`
	Service       string    `json:"service"`
	Region        string    `json:"region"`
	SignedHeaders string    `json:"signedHeaders"` // as in the Authorization header
	SignedAt      time.Time `json:"signedAt"`
	BodySHA256    string    `json:"bodySha256"`
	BodyLength    int       `json:"bodyLength"`
	RequestID     string    `json:"requestId"`
}

// Caller is who signed.
type Caller struct {
	ARN         string `json:"arn"`
	Account     string `json:"account"`
	UserID      string `json:"userId"`
	AccessKeyID string `json:"accessKeyId"`
}

// SpoilHeader asks the gateway to change one byte of a request before it reads it, as something on the way to AWS
// may: the last byte of the query or, without one, of the body or the path.
const SpoilHeader = "Sandbox-Spoil"

// Gateway is an API behind IAM authorization. It accepts every method and path, and responds to a request with a
// valid signature with 200 and a [Seen], or as its Accept header asks: text/plain for text, application/octet-stream
// for the body as it arrived.
func (s *Sandbox) Gateway() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := Exchange{Server: "gateway", Method: r.Method, Path: r.URL.Path, Status: http.StatusOK, RequestID: s.requestID()}
		w.Header().Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("x-amzn-RequestId", seen.RequestID)
		w.Header().Set("Content-Type", "application/json")
		response, body, no := s.admit(r)
		if no != nil {
			_, c := no.kind.codes()
			seen.Status, seen.Code = c.status, c.name
			w.Header().Set("x-amzn-ErrorType", c.name)
			writeJSON(w, c.status, refused{Message: no.message + no.canonical, HeadersNotSigned: no.headers})
		} else {
			response.RequestID, seen.CallerARN = seen.RequestID, response.Caller.ARN
			response.write(w, r.Header.Get("Accept"), body)
		}
		s.observe(seen)
	})
}

// write responds in the form that the Accept header names; body is the request's.
func (s Seen) write(w http.ResponseWriter, accept string, body []byte) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch accept {
	case "text/plain":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "%s %s\n%s\n", s.Method, s.Path, s.Caller.ARN)
	case "application/octet-stream":
		w.Header().Set("Content-Type", accept)
		_, _ = w.Write(body) //nolint:gosec // browsers do not render it
	default:
		writeJSON(w, http.StatusOK, s)
	}
}

func (s *Sandbox) admit(r *http.Request) (Seen, []byte, *refusal) {
	a, no := receive(r, gatewayBodyLimit)
	if no != nil {
		return Seen{}, nil, no
	}
	if r.Header.Get(SpoilHeader) != "" {
		a.spoil()
	}
	v, no := s.verify(a, checks{
		service: s.opts.Service, region: s.opts.Region, skew: gatewaySkew, quirks: endpoints.QuirksOf(s.opts.Service),
	})
	if no != nil {
		return Seen{}, nil, no
	}
	return Seen{
		Method: a.method, Path: a.path, Query: a.query, Host: a.host,
		Caller:  Caller{ARN: v.arn, Account: v.account(), UserID: v.userID, AccessKeyID: v.accessKeyID},
		Service: s.opts.Service, Region: s.opts.Region,
		SignedHeaders: v.signedHeaders, SignedAt: v.time,
		BodySHA256: signing.PayloadHash(a.body), BodyLength: len(a.body),
	}, a.body, nil
}

// refused is a refusal by API Gateway, with S3's list of headers if it is S3's refusal.
type refused struct {
	Message          string `json:"message"`
	HeadersNotSigned string `json:"headersNotSigned,omitempty"`
}

func writeJSON(w http.ResponseWriter, status int, document any) {
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // AWS writes < > and & as they are
	_ = encoder.Encode(document) // the client may be gone
}
