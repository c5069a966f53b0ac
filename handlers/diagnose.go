package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/broker"
	"countersign/diagnosis"
	"countersign/problem"
)

// diagnoseRequest is a refusal by AWS and what is known about it.
type diagnoseRequest struct {
	Request          *refusedRequest     `json:"request"`
	RequestIs        *string             `json:"requestIs"`
	Sent             *refusedRequest     `json:"sent"`
	Response         *refusingResponse   `json:"response"`
	Paste            string              `json:"paste"`
	Profile          string              `json:"profile"`
	Credentials      *requestCredentials `json:"credentials"`
	At               *string             `json:"at"`
	Clock            *string             `json:"clock"`
	SignedAt         *string             `json:"signedAt"`
	SessionExpiresAt *string             `json:"sessionExpiresAt"`
	STSEndpoint      string              `json:"stsEndpoint"`
	Attempt          *wholeNumber        `json:"attempt"`

	at, signedAt, sessionExpiresAt time.Time
}

// refusedRequest is a request as it was signed or sent.
type refusedRequest struct {
	Method     string       `json:"method"`
	URL        string       `json:"url"`
	Headers    textMap      `json:"headers"`
	HeaderList list[header] `json:"headerList"`
	Body       *string      `json:"body"`
	BodyBase64 *string      `json:"bodyBase64"`

	bodyBytes []byte
}

// refusingResponse is the response of AWS, or of whatever is in front of it.
type refusingResponse struct {
	Status     *wholeNumber `json:"status"`
	Headers    textMap      `json:"headers"`
	HeaderList list[header] `json:"headerList"`
	Body       *string      `json:"body"`
	BodyBase64 *string      `json:"bodyBase64"`

	bodyBytes []byte
}

func (in *diagnoseRequest) check(found *problem.Fields) {
	in.Request.check(found, "/request")
	in.Sent.check(found, "/sent")
	if r := in.Response; r != nil {
		between(found, "/response/status", r.Status, 100, 599)
		r.bodyBytes = checkMessage(found, "/response", r.HeaderList, r.Body, r.BodyBase64)
	}
	like := signRequest{Method: "GET", URL: "/", Credentials: in.Credentials}
	like.check(found) // what signing has, too, is checked in one place
	found.OneOf("/requestIs", in.RequestIs, "signed", "sent")
	found.OneOf("/clock", in.Clock, "signer")
	between(found, "/attempt", in.Attempt, 1, 1000)
	for _, t := range []struct {
		name string
		text *string
		into *time.Time
	}{{"/at", in.At, &in.at}, {"/signedAt", in.SignedAt, &in.signedAt}, {"/sessionExpiresAt", in.SessionExpiresAt, &in.sessionExpiresAt}} {
		if t.text == nil {
			continue
		}
		var err error
		if *t.into, err = parseTime(*t.text); err != nil {
			found.Add(t.name, "must be a time such as 2026-01-31T12:00:00Z.")
		}
	}
}

func (r *refusedRequest) check(found *problem.Fields, at string) {
	if r == nil {
		return
	}
	found.Require(at+"/method", r.Method)
	found.Require(at+"/url", r.URL)
	r.bodyBytes = checkMessage(found, at, r.HeaderList, r.Body, r.BodyBase64)
}

// checkMessage checks what requests and responses have in common, and returns the body.
func checkMessage(found *problem.Fields, at string, headers list[header], body, bodyBase64 *string) []byte {
	checkHeaderList(found, at+"/headerList", headers)
	if bodyBase64 != nil {
		decoded, err := decodeBase64(*bodyBase64)
		if err != nil {
			found.Add(at+"/bodyBase64", "must be Base64 with padding, such as aGVsbG8=.")
		}
		return decoded
	}
	return []byte(valueOf(body))
}

// oneBody refuses a body that is given in two ways.
func (in *diagnoseRequest) oneBody() error {
	both := func(at string, body, bodyBase64 *string) error {
		if body == nil || bodyBase64 == nil {
			return nil
		}
		return &problem.Error{Code: "fields_conflict", Detail: "The body is given in more than one way.", Fields: []problem.Field{
			{Pointer: at + "/body", Detail: "Only one of body and bodyBase64 can be given."},
			{Pointer: at + "/bodyBase64", Detail: "Only one of body and bodyBase64 can be given."},
		}}
	}
	for at, r := range map[string]*refusedRequest{"/request": in.Request, "/sent": in.Sent} {
		if r != nil {
			if err := both(at, r.Body, r.BodyBase64); err != nil {
				return err
			}
		}
	}
	if r := in.Response; r != nil {
		return both("/response", r.Body, r.BodyBase64)
	}
	return nil
}

// request returns the request for package diagnosis. An absent body is an unknown one, unless the method usually has
// none.
func (r *refusedRequest) request() *diagnosis.Request {
	if r == nil {
		return nil
	}
	bare := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete || r.Method == http.MethodOptions
	return &diagnosis.Request{
		Method: r.Method, URL: r.URL, Headers: joinHeaders(r.Headers, r.HeaderList), Body: r.bodyBytes,
		BodyUnknown: r.Body == nil && r.BodyBase64 == nil && !bare,
	}
}

func (in *diagnoseRequest) input() diagnosis.Input {
	out := diagnosis.Input{
		Paste: in.Paste, Request: in.Request.request(), RequestIs: diagnosis.RequestIs(valueOf(in.RequestIs)), Sent: in.Sent.request(),
		SessionExpires: in.sessionExpiresAt, SignedAt: in.signedAt, ReceivedAt: in.at, SignerClock: in.Clock != nil,
		STSEndpoint: in.STSEndpoint, Attempt: int(valueOf(in.Attempt)),
	}
	if r := in.Response; r != nil {
		out.Response = &diagnosis.Response{Status: int(valueOf(r.Status)), Headers: joinHeaders(r.Headers, r.HeaderList), Body: r.bodyBytes}
	}
	return out
}

func (in *diagnoseRequest) empty() bool {
	return in.Paste == "" && in.Request == nil && in.Response == nil && in.Sent == nil
}

// DiagnoseDocument reads a document of [Handlers.DiagnoseRefusal], and reports whether text is one.
func DiagnoseDocument(text []byte) (diagnosis.Input, broker.Input, bool) {
	var in diagnoseRequest
	if err := decodeDocument(text, &in); err != nil || in.empty() || in.oneBody() != nil {
		return diagnosis.Input{}, broker.Input{}, false
	}
	return in.input(), in.use(), true
}

func (in *diagnoseRequest) use() broker.Input {
	return broker.Input{Profile: in.Profile, Credentials: in.Credentials.credentials()}
}

// DiagnoseRefusal says why AWS refused a request.
func (h *Handlers) DiagnoseRefusal() http.Handler { return serveJSON(h.diagnose) }

func (h *Handlers) diagnose(ctx context.Context, call *broker.Call, in *diagnoseRequest) (*diagnosis.Report, error) {
	if in.empty() {
		return nil, &problem.Error{Code: "field_missing", Detail: "Nothing to explain.", Fields: []problem.Field{
			{Pointer: "/paste", Detail: "Give paste, or request and response."},
		}}
	}
	if err := in.oneBody(); err != nil {
		return nil, err
	}
	return Diagnose(ctx, h.broker, call, in.input(), in.use())
}

// diagnosisTime limits one diagnosis; the work is limited by bytes and candidates, too.
const diagnosisTime = 2 * time.Second

// Diagnose explains a refusal, with the profile or the credentials in the argument use, if they are given and the policies
// allow it.
func Diagnose(
	ctx context.Context, b *broker.Broker, call *broker.Call, in diagnosis.Input, use broker.Input,
) (*diagnosis.Report, error) {
	explain := func(held broker.Held) *diagnosis.Report {
		in.Credentials, in.OtherSessions, in.Hosts = held.Credentials, held.Others, held.Hosts
		if in.SessionExpires.IsZero() {
			in.SessionExpires = held.Expires
		}
		if in.STSEndpoint == "" {
			in.STSEndpoint = held.STSEndpoint
		}
		ctx, cancel := context.WithTimeout(ctx, diagnosisTime)
		defer cancel()
		report := diagnosis.Diagnose(ctx, in)
		return &report
	}
	about, known := in.About()
	if !known || use.Profile == "" && use.Credentials == nil {
		return explain(broker.Held{}), nil
	}
	use.Method, use.URL, use.Headers = about.Method, about.URL, about.Headers
	if !about.BodyUnknown {
		use.Body = func() (broker.Body, error) { return broker.Body{Present: true, Bytes: about.Body}, nil }
	}
	return broker.Diagnose(ctx, b, call, &broker.VerifyInput{Input: use}, explain)
}
