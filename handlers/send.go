package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/sending"
)

const (
	// sendTimeout is how long a request and its response may take: less than the 120 seconds that workflows wait, so
	// that the workflow gets our timeout and does not run into its own.
	sendTimeout = 90 * time.Second
	// responseGrace is how much longer the response may take to reach the caller.
	responseGrace = 30 * time.Second
)

// sendRequest is a request that the service signs and sends.
type sendRequest struct {
	Method         string              `json:"method"`
	URL            string              `json:"url"`
	Query          textMap             `json:"query"`
	Headers        textMap             `json:"headers"`
	HeaderList     list[header]        `json:"headerList"`
	Body           bodyValue           `json:"body"`
	BodyBase64     *string             `json:"bodyBase64"`
	Payload        *string             `json:"payload"`
	Profile        string              `json:"profile"`
	Service        string              `json:"service"`
	Region         string              `json:"region"`
	Algorithm      *string             `json:"algorithm"`
	Credentials    *requestCredentials `json:"credentials"`
	Options        *signingOptions     `json:"options"`
	TimeoutSeconds *wholeNumber        `json:"timeoutSeconds"`
	OnError        *string             `json:"onError"`
	ResponseBody   *string             `json:"responseBody"`
	Retry          *string             `json:"retry"`

	sign signRequest // the fields that signing has, too
}

func (in *sendRequest) body() *bodyValue { return &in.Body }

func (in *sendRequest) check(found *problem.Fields) {
	in.sign = signRequest{
		Method: in.Method, URL: in.URL, Query: in.Query, Headers: in.Headers, HeaderList: in.HeaderList, Body: in.Body,
		BodyBase64: in.BodyBase64, Payload: in.Payload, Profile: in.Profile, Service: in.Service, Region: in.Region,
		Algorithm: in.Algorithm, Credentials: in.Credentials, Options: in.Options,
	}
	in.sign.check(found)
	between(found, "/timeoutSeconds", in.TimeoutSeconds, 1, 100)
	found.OneOf("/onError", in.OnError, "fail", "return")
	found.OneOf("/responseBody", in.ResponseBody, "auto", "text", "base64", "envelope", "none")
	found.OneOf("/retry", in.Retry, "standard", "none")
}

func (in *sendRequest) namedParts() namedParts { return in.sign.namedParts() }

func (in *sendRequest) input() *broker.SendInput {
	out := &broker.SendInput{Input: *in.sign.input(), Retry: sending.RetryStandard, HeaderTimeout: in.timeout()}
	if valueOf(in.Retry) == "none" {
		out.Retry = sending.RetryNever
	}
	return out
}

func (in *sendRequest) timeout() time.Duration {
	if in.TimeoutSeconds == nil {
		return sendTimeout
	}
	return *in.TimeoutSeconds.duration()
}

// CallAWS signs a request, sends it and responds with AWS's response.
func (h *Handlers) CallAWS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in sendRequest
		if err := decode(r, &in); err != nil {
			WriteError(w, r, err)
			return
		}
		begun := h.Now()
		// The server's own timeouts are for requests that are served at once. A recorder in a test has none to set.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Time{})
		until := begun.Add(in.timeout() + responseGrace)
		_ = control.SetWriteDeadline(until)
		ctx, cancel := context.WithTimeout(r.Context(), in.timeout())
		defer cancel()
		sent, err := h.broker.Send(ctx, &EventOf(r).Call, in.input())
		if err != nil {
			WriteError(w, r, withPointers(err, &in))
			return
		}
		defer sent.Close()
		response := &passedOn{
			sent: sent, limit: h.maxResponseBytes(), spool: h.Spool.For(EventOf(r).Caller.ID), form: valueOf(in.ResponseBody),
			took: h.Now().Sub(begun), now: h.Now, until: until,
		}
		if valueOf(in.OnError) != "return" {
			if refusal := response.refusal(); refusal != nil {
				WriteError(w, r, refusal)
				return
			}
		}
		response.cause = response.explain()
		if sent.RedactRefusal() {
			response.warn("body_withheld", "The body of the refusal cannot be passed on without the session token that it may hold.")
		}
		if err := response.read(); err != nil {
			WriteError(w, r, err)
			return
		}
		defer response.close()
		response.write(w, r)
	})
}

func (h *Handlers) maxResponseBytes() int64 {
	if h.MaxResponseBytes == 0 {
		return 25 << 20
	}
	return h.MaxResponseBytes
}
