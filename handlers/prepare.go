package handlers

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// prepared is a request that is ready to be signed: one parsed value for the decision, the signature and the answer.
type prepared struct {
	request signing.Request
	payload payload
	media   string // of the body
	action  access.Action
	step    int // of the four steps, where they are taken apart
	record  access.Record
	profile string // the caller's, or the default one
	ownKeys bool   // the caller brought credentials of its own
	session credentials.Session
	quirks  endpoints.Quirks
	// normalized: dot segments and empty segments were collapsed, if there were any.
	normalized bool
	inferred   bool     // service or region came from the host
	signed     []string // the names of the headers that the signature covers
	warnings   []warning
}

type warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *prepared) warn(code, message string) {
	p.warnings = append(p.warnings, warning{code, message})
}

// prepare goes the way that all operations on a request share: read it, have it decided, get a session.
func (h *Handlers) prepare(ctx context.Context, in *toSend, action access.Action, expires time.Duration) (*prepared, error) {
	p, err := h.read(in, action, expires)
	if err != nil {
		return nil, err
	}
	return p, h.admit(ctx, in, p)
}

// admit has a request decided and gets a session for it.
func (h *Handlers) admit(ctx context.Context, in *toSend, p *prepared) error {
	if err := h.decide(ctx, p, p.asked()); err != nil {
		return err
	}
	return h.addSession(ctx, in, p)
}

// read makes of what the caller sent the one value that is decided on, signed and answered.
func (h *Handlers) read(in *toSend, action access.Action, expires time.Duration) (*prepared, error) {
	p := h.newPrepared(action, in.Profile, in.Credentials)
	p.request.Expires = expires
	for _, step := range []func(*toSend, *prepared) error{
		h.checkAllowed, checkBounds, correctSpelling, h.readURL, h.place, cleanPath, readPayload, setHeaders,
		h.signWhatPoliciesRead, setOptions, warnOfOperation, warnOfURL, warnOfExpressions, warnOfBody, warnOfParameters,
	} {
		if err := step(in, p); err != nil {
			return nil, err
		}
	}
	return p, h.checkSignable(p)
}

func (h *Handlers) newPrepared(action access.Action, profile string, c *requestCredentials) *prepared {
	if profile == "" && c == nil {
		profile = h.DefaultProfile
	}
	return &prepared{action: action, profile: profile, ownKeys: c != nil, warnings: []warning{}}
}

// checkSignable finds what no key could sign, so that a caller hears of it before policies and AWS are asked, and which headers will be signed.
func (h *Handlers) checkSignable(p *prepared) error {
	trial := p.request
	trial.Time, trial.Credentials = h.Now(), signing.NewCredentials("-", "-", "")
	sign := signing.Canonicalize
	if p.action == access.ActionPresign {
		sign = h.Signer.Presign
	}
	made, err := sign(&trial)
	p.signed = strings.Split(made.SignedHeaders, ";")
	return err
}

func (h *Handlers) readURL(in *toSend, p *prepared) error {
	given := p.trimURL(in.URL)
	url, warnings, err := signing.ParseURL(given, in.Query)
	if err != nil {
		if detail := otherURL(given); detail != "" {
			return &problem.Error{Code: "url_invalid", Detail: detail, Fields: []problem.Field{{Pointer: "/url", Detail: detail}}}
		}
		return err
	}
	for _, w := range warnings {
		p.warn(w.Code, w.Message)
	}
	if url.Scheme() != "https" && !h.mayBeHTTP(url) {
		return &problem.Error{Code: "url_not_https", Detail: "The URL has the scheme http.", Fields: []problem.Field{{Pointer: "/url", Detail: "The scheme is not https."}}}
	}
	if isAddress(url) && !h.mayBeHTTP(url) {
		return &problem.Error{Code: "url_invalid", Detail: "The URL has an IP address in place of a host's name.", Fields: []problem.Field{{Pointer: "/url", Detail: "Only the operator can list addresses, in http_hosts."}}}
	}
	p.request.Method, p.request.URL, p.request.SignAllHeaders, p.request.Explain = in.Method, url, in.SignAllHeaders, in.Explain
	return nil
}

func (h *Handlers) checkAllowed(in *toSend, _ *prepared) error {
	if in.SigningTime != nil && !h.AllowSigningTime {
		return &problem.Error{Code: "option_not_allowed", Detail: "The time of the signature cannot be chosen here.", Fields: []problem.Field{{Pointer: "/signingTime", Detail: "Only where allow_signing_time is on."}}}
	}
	if in.Credentials != nil && !h.AllowCredentials {
		return &problem.Error{Code: "option_not_allowed", Detail: "Keys in a request are not taken here.", Fields: []problem.Field{{Pointer: "/credentials", Detail: "Only where allow_request_credentials is on."}}}
	}
	if in.Credentials != nil && in.Profile != "" {
		return &problem.Error{Code: "fields_conflict", Detail: "Both a profile and credentials are given.", Fields: []problem.Field{
			{Pointer: "/profile", Detail: "Only one of profile and credentials can be given."}, {Pointer: "/credentials", Detail: "Only one of profile and credentials can be given."},
		}}
	}
	return nil
}

// mayBeHTTP: what the operator listed, and loopback in the sandbox.
func (h *Handlers) mayBeHTTP(url signing.URL) bool {
	return slices.Contains(h.HTTPHosts, url.Host()) || h.LoopbackHTTP && isLoopback(hostname(url))
}

func hostname(url signing.URL) string {
	if name, _, err := net.SplitHostPort(url.Host()); err == nil {
		return name
	}
	return strings.Trim(url.Host(), "[]")
}

func isLoopback(name string) bool {
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && ip.IsLoopback()
}
