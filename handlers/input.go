package handlers

import (
	"time"

	"countersign/broker"
	"countersign/credentials"
	"countersign/signing"
)

// input returns the request for the broker.
func (in *signRequest) input() *broker.Input {
	in.brokerInput = broker.Input{
		Method: in.Method, URL: in.URL, Query: in.Query, Headers: in.allHeaders(), Body: in.readBody, PayloadSHA256: valueOf(in.PayloadSHA256),
		Payload: valueOf(in.Payload), Profile: in.Profile, Service: in.Service, Region: in.Region,
		Algorithm:     signing.Algorithm(valueOf(in.Algorithm)),
		SignedHeaders: in.SignedHeaders, SignAllHeaders: in.SignAllHeaders, MinValidity: in.MinValiditySeconds.duration(),
		SigningTime: in.signingTime, Credentials: in.Credentials.credentials(), Explain: in.Explain,
	}
	in.Options.set(&in.brokerInput)
	return &in.brokerInput
}

func (in *signRequest) namedParts() namedParts {
	return namedParts{query: in.Query, headers: in.Headers, headerList: namesOf(in.HeaderList), signedHeaders: in.SignedHeaders}
}

// allHeaders returns the headers of both fields, in the order in which they are sent.
func (in *signRequest) allHeaders() []signing.Header { return joinHeaders(in.Headers, in.HeaderList) }

func joinHeaders(headers textMap, list []header) []signing.Header {
	all := make([]signing.Header, 0, len(headers)+len(list))
	for _, h := range headers {
		all = append(all, signing.Header(h))
	}
	for _, h := range list {
		all = append(all, signing.Header{Name: h.Name, Value: *h.Value})
	}
	return all
}

func namesOf(list []header) []string {
	names := make([]string, len(list))
	for i, h := range list {
		names[i] = h.Name
	}
	return names
}

func (o *signingOptions) set(in *broker.Input) {
	if o == nil {
		return
	}
	in.NormalizePath, in.DoubleEncode, in.Token = o.NormalizePath, o.DoubleEncode, signing.TokenMode(valueOf(o.SessionToken))
	if always := valueOf(o.ContentSHA256Header) == "always"; always || valueOf(o.ContentSHA256Header) == "never" {
		in.ContentSHA256Header = &always
	}
}

func (c *requestCredentials) credentials() *credentials.RequestCredentials {
	if c == nil {
		return nil
	}
	out := &credentials.RequestCredentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, RoleARN: c.RoleARN,
		AccountID: valueOf(c.AccountID), RoleName: c.RoleName, ExternalID: c.ExternalID, SessionName: c.SessionName,
	}
	if c.DurationSeconds != nil {
		out.Duration = *c.DurationSeconds.duration()
	}
	return out
}

// duration returns a number of seconds as a duration; nil for nil.
func (n *wholeNumber) duration() *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// valueOf returns the zero value for nil.
func valueOf[T any](pointer *T) (value T) {
	if pointer != nil {
		value = *pointer
	}
	return value
}

func warningsOf(list []signing.Warning) []warning {
	out := make([]warning, len(list))
	for i, w := range list {
		out[i] = warning{Code: w.Code, Message: w.Message}
	}
	return out
}

type warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Pointer string `json:"pointer,omitzero"`
}
