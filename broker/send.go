package broker

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

// SendInput is a request that this service sends. It does not use SigningTime, SignedHeaders and SignAllHeaders of
// Input.
type SendInput struct {
	Input
	// Stream is the body, unless Input.Body reads it into memory.
	Stream *Stream
	// Retry, HeaderTimeout, Expect, Trailers, Upgrade and Waits are as in [sending.Request].
	Retry         sending.Retry
	HeaderTimeout time.Duration
	Expect        bool
	Trailers      bool
	Upgrade       string
	Waits         bool
}

// Stream is a body that is sent as it arrives, or from a file.
type Stream struct {
	// Hash is what the client declares in x-amz-content-sha256, which must not be among the headers. It is empty if the
	// hash is known only after the body was read.
	Hash string
	// Open returns the body. It is called once, and only for an allowed request. The broker closes the body.
	Open func() (*sending.Body, error)
	// Unsigned replaces Open if Hash is empty, the request goes over TLS, and the service accepts only unsigned payloads
	// or, if PreferUnsigned is set, accepts them too. It may be nil if Hash is not empty.
	Unsigned       func() (*sending.Body, error)
	PreferUnsigned bool
}

// Sent is a response from AWS, and the request that was sent. [Sent.Close] must be called.
type Sent struct {
	*sending.Response
	Method   string
	URL      string
	Scope    signing.Scope
	Profile  string
	Warnings []signing.Warning

	// Signed is the last attempt as it was sent. The caller must not see its signature and session token.
	Signed signing.Signed
	// Body is the body that was sent, unless BodyUnknown is set: then it was not in memory.
	Body        []byte
	BodyUnknown bool
	// Held is what signed the request. AnsweredAt is when the response arrived, by the clock that signed.
	Held       Held
	AnsweredAt time.Time

	upstream []UpstreamHeader
	secret   *regexp.Regexp // compiled when first used: compiling it takes longer than a search
	close    func()
}

// Forget releases everything but the response, which may last for hours. Refusals keep everything, because they are yet
// to be explained and searched for secrets.
func (s *Sent) Forget() {
	if s.Response.StatusCode < http.StatusBadRequest {
		*s = Sent{Response: s.Response, close: s.close}
	}
}

// Close closes the response body and writes the record of the outcome.
func (s *Sent) Close() { s.close() }

// Send authorizes, signs and sends a request, and returns AWS's response, whatever its status. A record is written
// before the first byte of each attempt. Afterwards, [Sent.Close] records the outcome or, if there is no response, Send
// itself. If that record cannot be written, the caller still gets the response, because otherwise it would repeat what
// was done.
func (b *Broker) Send(ctx context.Context, call *Call, in *SendInput) (*Sent, error) {
	if b.Sender == nil {
		return nil, &problem.Error{Code: "send_not_allowed", Detail: "This service signs and does not send."}
	}
	op, err := b.readSend(in)
	if err != nil {
		return nil, err
	}
	record, err := b.authorize(call, op)
	var body *sending.Body
	if err == nil {
		if body, err = op.openBody(); err != nil {
			record.Notes = append(record.Notes, "nothing was signed: "+Problem(err).Code)
		}
	}
	if err != nil {
		return carryOut(ctx, b, call, op, record, err, func() (*Sent, signature, error) { return nil, signature{}, nil })
	}
	x := &exchange{b: b, call: call, op: op, record: record, body: body}
	started := b.Now()
	response, err := b.Sender.Send(ctx, &sending.Request{
		Method: op.request.Method, URL: op.request.URL, Sign: x.sign, SessionRefused: x.sessionRefused, Body: body,
		Retry: in.Retry, HeaderTimeout: in.HeaderTimeout, Expect: in.Expect, Trailers: in.Trailers, Upgrade: in.Upgrade, Waits: in.Waits,
	})
	if err != nil {
		var failure *sending.Error
		if errors.As(err, &failure) {
			x.outcome(started).finish(ctx, failure.Report)
		}
		return nil, op.sendProblem(err)
	}
	outcome := x.outcome(started)
	return &Sent{
		Response: response, Method: op.request.Method, URL: op.request.URL.String(), Scope: op.request.Scope, Profile: op.session.Profile,
		Warnings: op.warnings, Signed: x.signed, Body: op.payload.Bytes, BodyUnknown: op.stream != nil,
		AnsweredAt: b.Now().Add(op.session.Skew), upstream: op.upstream,
		Held: Held{
			Credentials: op.session.Credentials, Expires: op.session.Expires, STSEndpoint: op.session.STSEndpoint, Hosts: b.Hosts[op.profile],
		},
		close: func() {
			_ = response.Response.Body.Close() // everything relevant has been read
			outcome.finish(ctx, response.Report())
		},
	}, nil
}

func (b *Broker) readSend(in *SendInput) (*operation, error) {
	op := b.newOperation(access.ActionSend, &in.Input)
	op.stream, op.upgrade = in.Stream, in.Upgrade != ""
	return b.readInto(op)
}

// checkSendable refuses requests that this service does not send, although it may sign them: two methods, and hosts
// whose service neither the operator nor the tables name. Service and region in the request do not make a host an AWS
// host.
func (b *Broker) checkSendable(in *Input, op *operation) error {
	if op.action != access.ActionSend {
		return nil
	}
	switch strings.ToUpper(in.Method) {
	case http.MethodConnect:
		return problem.InvalidPart("method", "", "CONNECT is not sent: it asks for a tunnel, and its path is never transmitted.")
	case http.MethodTrace:
		return problem.InvalidPart("method", "", "TRACE is not sent: its response would repeat the request, including the session token.")
	}
	url := op.request.URL
	found, err := b.infer(op)
	if found.Pattern || b.mayBeHTTP(url) {
		return nil
	}
	var refusal *endpoints.InferError
	if !errors.As(err, &refusal) || refusal.Kind == endpoints.Ambiguous && refusal.Service != "" {
		return checkPort(url)
	}
	if refusal.Kind == endpoints.NoSigV4 {
		return inferProblem(refusal, in)
	}
	return &problem.Error{
		Code: "host_not_sendable", Detail: "Requests are not sent to this host: " + refusal.Reason + ".",
		Fields: []problem.Field{{Part: "url", Detail: "Requests are sent only to AWS endpoints, the profile's hosts and http_hosts."}},
	}
}

// checkPort refuses ports on which no AWS endpoint takes signed requests. They use the https port, and Neptune also its
// own. Anyone can make an AWS name resolve to any private address with an endpoint in their own network, and could
// probe its ports.
func checkPort(url signing.URL) error {
	_, port, _ := strings.Cut(url.Host(), ":")
	if port == "" || port == "8182" {
		return nil
	}
	return &problem.Error{
		Code: "host_not_sendable", Detail: "Requests are not sent to port " + port + " of an AWS host.",
		Fields: []problem.Field{{
			Part:   "url",
			Detail: "The port must be left out, or be 8182, Neptune's. Other ports are allowed only for the profile's hosts and http_hosts.",
		}},
	}
}

// openBody opens the body to send, and sets the payload hash to sign.
func (op *operation) openBody() (*sending.Body, error) {
	if op.stream == nil {
		if len(op.payload.Bytes) == 0 {
			return nil, nil
		}
		return sending.Bytes(op.payload.Bytes), nil
	}
	body, err := op.stream.Open()
	if err != nil {
		return nil, sendProblem(err, op.request.Method)
	}
	op.request.PayloadHash = body.PayloadHash()
	return body, nil
}

// exchange is a request being sent, with all its attempts.
type exchange struct {
	b      *Broker
	call   *Call
	op     *operation
	record access.Record // of the first attempt, once it was made
	body   *sending.Body

	attempts int
	signed   signing.Signed
}

// sign signs one attempt and writes its record.
func (x *exchange) sign(ctx context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
	op, record := x.op, x.record
	if x.attempts++; x.attempts == 1 {
		record.EventID = x.b.Audit.NextID()
		x.record.EventID = record.EventID
	} else {
		record.EventID, record.Of, record.Attempt = "", x.record.EventID, x.attempts
	}
	var stream *signing.Stream
	signed, err := carryOut(ctx, x.b, x.call, op, record, nil, func() (signed signing.Signed, _ signature, err error) {
		op.request.Time = at.Time.UTC().Truncate(time.Second)
		if !at.Corrected {
			op.request.Time = at.Time.Add(op.session.Skew).UTC().Truncate(time.Second)
		}
		switch {
		case op.presigns():
			signed, err = x.b.Signer.Presign(&op.request)
		case x.body != nil && x.body.SignsChunks():
			signed, stream, err = x.b.Signer.SignStream(&op.request)
		default:
			signed, err = x.b.Signer.Sign(&op.request)
		}
		return signed, signature{signed.Signature, signed.SignedHeaders, int64(op.request.Expires / time.Second), ""}, err
	})
	if err != nil && x.attempts == 1 {
		x.attempts = 0 // nothing was signed, so there is no outcome
	}
	x.signed = signed // without the operator's headers
	signed.Headers = op.withUpstream(signed.Headers)
	return signed, stream, err
}

func (x *exchange) sessionRefused() bool { return x.b.Sessions.Drop(x.op.session) }

// outcome holds what the record of the outcome needs. While a response lasts, perhaps for hours, nothing else of the
// request is kept.
type outcome struct {
	b        *Broker
	body     *sending.Body
	attempts int
	started  time.Time

	of, requestID, callerID string
	authMethod              access.Method
	action                  access.Action
	decision, profile       string
	method, host            string
	region, service         string
	operation               string
}

func (x *exchange) outcome(started time.Time) *outcome {
	r := &x.record
	return &outcome{
		b: x.b, body: x.body, attempts: x.attempts, started: started, of: r.EventID, requestID: r.RequestID, callerID: r.CallerID,
		authMethod: r.AuthMethod, action: r.Action, decision: r.Decision, profile: r.Profile, method: r.Method, host: r.Host,
		region: r.Region, service: r.Service, operation: r.Operation,
	}
}

// finish records the outcome of the request, even if the caller has gone.
func (o *outcome) finish(ctx context.Context, report sending.Report) {
	if o.body != nil {
		_ = o.body.Close() // no longer needed
	}
	if o.attempts == 0 {
		return
	}
	record := access.Record{
		RequestID: o.requestID, CallerID: o.callerID, AuthMethod: o.authMethod, Action: o.action, Decision: o.decision,
		Profile: o.profile, Method: o.method, Host: o.host, Region: o.region, Service: o.service, Operation: o.operation,
		Sent: access.Sent{
			Of: o.of, Outcome: string(report.Outcome), Attempts: len(report.Attempts), Status: report.Status, AWSCode: report.Code,
			AWSRequestID: report.RequestID, BytesOut: report.BytesOut, BytesIn: report.BytesIn, RemoteAddress: report.RemoteAddress,
		},
	}
	record.DurationMilliseconds = float64(o.b.Now().Sub(o.started)) / float64(time.Millisecond)
	_ = o.b.Audit.Write(ctx, record) // the auditor reports failures to the readiness check
}
