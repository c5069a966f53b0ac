package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"countersign/broker"
	"countersign/diagnosis"
	"countersign/problem"
	"countersign/signing"

	"github.com/go-json-experiment/json"
)

// verifyRequest is a signed request as it was or will be sent.
type verifyRequest struct {
	Method        string              `json:"method"`
	URL           string              `json:"url"`
	Headers       textMap             `json:"headers"`
	HeaderList    list[header]        `json:"headerList"`
	Body          *string             `json:"body"`
	BodyBase64    *string             `json:"bodyBase64"`
	PayloadSHA256 *string             `json:"payloadSha256"`
	Profile       string              `json:"profile"`
	Service       string              `json:"service"`
	Region        string              `json:"region"`
	Credentials   *requestCredentials `json:"credentials"`
	DoubleEncode  *bool               `json:"doubleEncode"`
	Options       *signingOptions     `json:"options"`
	At            *string             `json:"at"`

	bodyBytes []byte
	at        *time.Time // parsed from At
}

func (in *verifyRequest) check(found *problem.Fields) {
	// The fields that signing has, too, are checked in one place.
	like := signRequest{
		Method: in.Method, URL: in.URL, HeaderList: in.HeaderList, BodyBase64: in.BodyBase64, Credentials: in.Credentials, Options: in.Options,
	}
	like.check(found)
	in.bodyBytes = like.bodyBytes
	if in.Body != nil {
		in.bodyBytes = []byte(*in.Body)
	}
	if hash := in.PayloadSHA256; hash != nil && *hash != signing.UnsignedPayload && !isSHA256(*hash) {
		found.Add("/payloadSha256", "must be 64 hexadecimal digits, or UNSIGNED-PAYLOAD.")
	}
	if in.At != nil {
		at, err := parseTime(*in.At)
		if in.at = &at; err != nil {
			found.Add("/at", "must be a time such as 2026-01-31T12:00:00Z.")
		}
	}
}

// verdictResponse says whether a signature is valid, and if not, which part of the request is wrong.
type verdictResponse struct {
	Valid           bool           `json:"valid"`
	Verdict         string         `json:"verdict"`
	Faults          []verdictFault `json:"faults"`
	Form            string         `json:"form"`
	Algorithm       string         `json:"algorithm,omitzero"`
	AccessKeyID     string         `json:"accessKeyId,omitzero"`
	CredentialScope string         `json:"credentialScope,omitzero"`
	SignedHeaders   []string       `json:"signedHeaders"`
	SignedAt        *time.Time     `json:"signedAt,omitzero"`
	Explanation     *explanation   `json:"explanation,omitzero"`
}

type verdictFault struct {
	Part   string          `json:"part"`
	Name   string          `json:"name,omitzero"`
	Reason string          `json:"reason"`
	Cause  diagnosis.Cause `json:"cause"`
}

// input returns the request for the broker.
func (in *verifyRequest) input() *broker.VerifyInput {
	out := &broker.VerifyInput{At: in.at}
	in.Options.set(&out.Input)
	out.Method, out.URL, out.Headers, out.Body = in.Method, in.URL, joinHeaders(in.Headers, in.HeaderList), in.readBody
	out.PayloadSHA256, out.Profile, out.Service, out.Region = valueOf(in.PayloadSHA256), in.Profile, in.Service, in.Region
	out.Credentials = in.Credentials.credentials()
	if out.DoubleEncode == nil {
		out.DoubleEncode = in.DoubleEncode
	}
	return out
}

func (in *verifyRequest) namedParts() namedParts {
	return namedParts{headers: in.Headers, headerList: namesOf(in.HeaderList)}
}

// readBody returns the body, and refuses anything that the document gives in two ways.
func (in *verifyRequest) readBody() (broker.Body, error) {
	if o := in.Options; o != nil && in.DoubleEncode != nil && o.DoubleEncode != nil && *in.DoubleEncode != *o.DoubleEncode {
		return broker.Body{}, &problem.Error{Code: "fields_conflict", Detail: "The encoding of the path is given in two " +
			"ways.", Fields: []problem.Field{
			{Pointer: "/doubleEncode", Detail: "It differs from options.doubleEncode."},
			{Pointer: "/options/doubleEncode", Detail: "It differs from doubleEncode."},
		}}
	}
	if in.Body != nil && in.BodyBase64 != nil {
		return broker.Body{}, &problem.Error{Code: "fields_conflict", Detail: "The body is given in more than one way.", Fields: []problem.Field{
			{Pointer: "/body", Detail: "Only one of body and bodyBase64 can be given."},
			{Pointer: "/bodyBase64", Detail: "Only one of body and bodyBase64 can be given."},
		}}
	}
	return broker.Body{Present: in.Body != nil || in.BodyBase64 != nil, Bytes: in.bodyBytes}, nil
}

// VerifyRequest computes a signature again and compares.
func (h *Handlers) VerifyRequest() http.Handler { return serveJSON(h.verify) }

func (h *Handlers) verify(ctx context.Context, call *broker.Call, in *verifyRequest) (*verdictResponse, error) {
	v, err := h.broker.Verify(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	return verdictOf(v), nil
}

// VerifyDocument verifies a request given as a document of POST /v1/verify, but not over HTTP.
func (h *Handlers) VerifyDocument(ctx context.Context, call *broker.Call, document []byte) (*broker.Verdict, error) {
	var in verifyRequest
	if err := decodeDocument(document, &in); err != nil {
		return nil, err
	}
	v, err := h.broker.Verify(ctx, call, in.input())
	if err != nil {
		return nil, withPointers(err, &in)
	}
	return v, nil
}

// VerdictDocument returns the response of POST /v1/verify.
func VerdictDocument(v *broker.Verdict) ([]byte, error) {
	return json.Marshal(verdictOf(v), json.Deterministic(true))
}

func verdictOf(v *broker.Verdict) *verdictResponse {
	out := &verdictResponse{
		Valid: v.Valid(), Verdict: "invalid", Faults: []verdictFault{}, Form: "headers",
		Algorithm: string(v.Info.Algorithm), AccessKeyID: v.Info.AccessKeyID,
		CredentialScope: v.Info.CredentialScope, SignedHeaders: []string{}, Explanation: newExplanation(v.Explanation),
	}
	switch {
	case v.Valid():
		out.Verdict = "valid"
	case v.Unknown():
		out.Verdict = "unknown"
	}
	for i := range v.Mismatches {
		m := &v.Mismatches[i]
		out.Faults = append(out.Faults, verdictFault{string(m.Part), m.Name, m.Reason, diagnosis.CauseOf(m, &v.Info)})
	}
	if v.Info.SignedHeaders != "" {
		out.SignedHeaders = strings.Split(v.Info.SignedHeaders, ";")
	}
	if v.Info.Presigned {
		out.Form = "query"
	}
	if !v.Info.Time.IsZero() {
		out.SignedAt = &v.Info.Time
	}
	return out
}
