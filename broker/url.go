package broker

import (
	"net"
	"slices"
	"strings"

	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// checkSignable finds what no key could sign, so that the caller learns of it before policies and AWS are involved. It
// also determines which headers will be signed.
func (b *Broker) checkSignable(op *operation) error {
	trial := op.request
	trial.Time, trial.Credentials = b.Now(), noCredentials
	if op.presigns() {
		made, err := b.Signer.Presign(&trial)
		op.signed = made.SignedHeaders
		return err
	}
	var err error
	op.signed, err = b.Signer.Check(&trial)
	return err
}

var noCredentials = signing.NewCredentials("-", "-", "")

func (b *Broker) readURL(in *Input, op *operation) error {
	given := op.trimURL(in.URL)
	url, warnings, err := signing.ParseURL(given, in.Query)
	if err != nil {
		if detail := otherURL(given); detail != "" {
			return &problem.Error{Code: "url_invalid", Detail: detail, Fields: []problem.Field{{Part: "url", Detail: detail}}}
		}
		return err
	}
	for _, w := range warnings {
		op.warn(w.Code, w.Message)
	}
	if url.Scheme() != "https" && !b.mayBeHTTP(url) {
		return &problem.Error{
			Code: "url_not_https", Fields: []problem.Field{{Part: "url", Detail: "must be https; found http."}},
		}
	}
	if isAddress(url) && !b.mayBeHTTP(url) {
		return &problem.Error{
			Code: "url_invalid", Detail: "The URL has an IP address instead of a host name.",
			Fields: []problem.Field{{Part: "url", Detail: "must have a host name; the operator can list IP addresses in http_hosts."}},
		}
	}
	op.request.Method, op.request.URL, op.request.SignAllHeaders, op.request.Explain = in.Method, url, in.SignAllHeaders, in.Explain
	return nil
}

func (b *Broker) checkAllowed(in *Input, _ *operation) error {
	if in.SigningTime != nil && !b.AllowSigningTime {
		return &problem.Error{
			Code: "option_not_allowed", Detail: "The time of the signature cannot be chosen here.",
			Fields: []problem.Field{{Part: "signingTime", Detail: "must be left out, because the operator has not set allow_signing_time."}},
		}
	}
	if in.Credentials != nil && !b.AllowCredentials {
		return &problem.Error{
			Code: "option_not_allowed", Detail: "Keys in a request are not accepted here.",
			Fields: []problem.Field{{Part: "credentials", Detail: "must be left out, because the operator has not set allow_request_credentials."}},
		}
	}
	if in.Credentials != nil && in.Profile != "" {
		return &problem.Error{Code: "fields_conflict", Detail: "Both a profile and credentials are given.", Fields: []problem.Field{
			{Part: "profile", Detail: "Only one of profile and credentials can be given."},
			{Part: "credentials", Detail: "Only one of profile and credentials can be given."},
		}}
	}
	return nil
}

// mayBeHTTP reports whether http is allowed: for hosts that the operator listed, and for loopback in the sandbox.
func (b *Broker) mayBeHTTP(url signing.URL) bool { return b.MayBeHTTP(url.Host()) }

// MayBeHTTP reports whether a host, with its port unless that is 80, may be called over http.
func (b *Broker) MayBeHTTP(host string) bool {
	return slices.Contains(b.HTTPHosts, host) || b.LoopbackHTTP && endpoints.IsLoopback(hostname(host))
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
