package handlers

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/signing"
)

// prepared is a request that is ready to be signed: one parsed value for the decision, the signature and the answer.
type prepared struct {
	request signing.Request
	payload payload
	media   string // of the body
	action  access.Action
	record  access.Record
	profile string // the caller's, or the default one
	session credentials.Session
	quirks  endpoints.Quirks
	// normalized: dot segments and empty segments were collapsed, if there were any.
	normalized bool
	inferred   bool // service or region came from the host
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
	if err := h.decide(ctx, p, p.asked()); err != nil {
		return nil, err
	}
	return p, h.addSession(ctx, in, p)
}

// read makes of what the caller sent the one value that is decided on, signed and answered.
func (h *Handlers) read(in *toSend, action access.Action, expires time.Duration) (*prepared, error) {
	p := h.newPrepared(action, in.Profile, in.Credentials)
	p.request.Expires = expires
	for _, step := range []func(*toSend, *prepared) error{h.checkAllowed, h.readURL, h.place, cleanPath, readPayload, setHeaders, setOptions, warnOfOperation} {
		if err := step(in, p); err != nil {
			return nil, err
		}
	}
	return p, p.checkSignable(h.Now())
}

func (h *Handlers) newPrepared(action access.Action, profile string, c *requestCredentials) *prepared {
	if profile == "" && c == nil {
		profile = h.DefaultProfile
	}
	return &prepared{action: action, profile: profile, warnings: []warning{}}
}

// checkSignable finds what no key could sign, so that a caller hears of it before policies and AWS are asked.
func (p *prepared) checkSignable(now time.Time) error {
	trial := p.request
	trial.Time, trial.Credentials = now, signing.NewCredentials("-", "-", "")
	_, err := signing.Canonicalize(&trial)
	return err
}

func (h *Handlers) readURL(in *toSend, p *prepared) error {
	url, warnings, err := signing.ParseURL(in.URL, in.Query)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		p.warn(w.Code, w.Message)
	}
	if !h.mayBeHTTP(url) {
		return &fault{code: "url_not_https", detail: "The URL has the scheme http.", fields: []FieldError{{"/url", "The scheme is not https."}}}
	}
	p.request.Method, p.request.URL, p.request.Explain = in.Method, url, in.Explain
	return nil
}

func (h *Handlers) checkAllowed(in *toSend, _ *prepared) error {
	if in.SigningTime != nil && !h.AllowSigningTime {
		return &fault{code: "option_not_allowed", detail: "The time of the signature cannot be chosen here.", fields: []FieldError{{"/signingTime", "Only where allow_signing_time is on."}}}
	}
	if in.Credentials != nil && !h.AllowCredentials {
		return &fault{code: "option_not_allowed", detail: "Keys in a request are not taken here.", fields: []FieldError{{"/credentials", "Only where allow_request_credentials is on."}}}
	}
	if in.Credentials != nil && in.Profile != "" {
		return &fault{code: "fields_conflict", detail: "Both a profile and credentials are given.", fields: []FieldError{
			{"/profile", "Only one of profile and credentials can be given."}, {"/credentials", "Only one of profile and credentials can be given."},
		}}
	}
	return nil
}

func (h *Handlers) mayBeHTTP(url signing.URL) bool {
	if url.Scheme() == "https" || slices.Contains(h.HTTPHosts, url.Host()) {
		return true
	}
	if !h.LoopbackHTTP {
		return false
	}
	host := url.Host()
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// place finds the scope: what the caller says wins over what the operator's patterns say, and these over what the host says.
func (h *Handlers) place(in *toSend, p *prepared) error {
	found, err := h.Hosts[p.profile].Infer(p.request.URL.Host(), p.request.URL.Path())
	var refusal *endpoints.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	scope := signing.Scope{Service: in.Service, Region: in.Region}
	if scope.Service == "" || scope.Region == "" {
		if refusal != nil && !(refusal.Kind == endpoints.Ask && p.answered(refusal, in)) {
			return refusalFault(refusal, in)
		}
		p.inferred = true
	} else if refusal != nil && refusal.Kind == endpoints.NoSigV4 {
		p.warn("host_not_signed", "This host is known to take no AWS signature. It was signed because service and region were given.")
	}
	if refusal != nil {
		found.Service, found.Region = refusal.Service, refusal.Region
	}
	p.contradict(in, found)
	if scope.Service == "" {
		scope.Service = found.Service
	}
	sameService := scope.Service == found.Service
	if scope.Region == "" {
		scope.Region = found.Region
		if len(found.RegionSet) > 0 {
			scope.Region = strings.Join(found.RegionSet, ",")
		}
	}
	p.request.Scope = scope
	p.request.Algorithm = signing.HMAC
	switch {
	case in.Algorithm != nil:
		p.request.Algorithm = signing.Algorithm(*in.Algorithm)
	case strings.ContainsAny(scope.Region, "*,"), sameService && found.Algorithm == endpoints.SigV4a:
		p.request.Algorithm = signing.ECDSA
	}
	p.quirks = endpoints.QuirksOf(scope.Service)
	if sameService && refusal == nil {
		p.quirks = found.Quirks
	}
	return nil
}

// answered reports whether the caller gave the very field that the host leaves open.
func (p *prepared) answered(r *endpoints.Refusal, in *toSend) bool {
	service, region := in.Service, in.Region
	if service == "" {
		service = r.Service
	}
	if region == "" {
		region = r.Region
	}
	return service != "" && region != ""
}

// contradict warns where the caller's word and the host's differ: a wrong scope is the commonest reason for a refused signature.
func (p *prepared) contradict(in *toSend, found endpoints.Scope) {
	if in.Service != "" && found.Service != "" && in.Service != found.Service {
		p.warn("service_differs", "The host belongs to "+found.Service+", but the request was signed for "+in.Service+" as given.")
	}
	if in.Region != "" && found.Region != "" && in.Region != found.Region {
		p.warn("region_differs", "The host belongs to "+found.Region+", but the request was signed for "+in.Region+" as given.")
	}
}

// cleanPath brings the path into the form that the service reads and no client on the way changes.
func cleanPath(in *toSend, p *prepared) error {
	o := in.Options
	p.request.DoubleEncode = !p.quirks.S3Style
	if o != nil && o.DoubleEncode != nil {
		p.request.DoubleEncode = *o.DoubleEncode
	}
	p.normalized = !p.quirks.S3Style
	if o != nil && o.NormalizePath != nil {
		p.normalized = *o.NormalizePath
	} else if p.quirks.S3Style {
		url, err := p.request.URL.CleanS3Key()
		p.request.URL = url
		return err
	}
	if p.normalized {
		before := p.request.URL.Path()
		p.request.URL = p.request.URL.NormalizePath()
		if p.request.URL.Path() != before {
			p.warn("path_normalized", "Dot segments or empty segments were removed from the path, as the service and most clients do. Send the URL of this answer.")
		}
	}
	return nil
}

// setOptions settles payload hash, content hash header and token: what the caller says, else what the service wants.
func setOptions(in *toSend, p *prepared) error {
	r, presign := &p.request, p.action == access.ActionPresign
	operation := p.operation(in)
	unsigned := in.Payload != nil && *in.Payload == "unsigned"
	if unsigned && !p.quirks.UnsignedPayloadAllowed && !operation.UnsignedPayload {
		return fieldFault("/payload", "The service "+r.Scope.Service+" does not take an unsigned payload.")
	}
	hashGiven := in.Payload != nil || in.PayloadSHA256 != nil
	if !hashGiven && (p.quirks.UnsignedPayloadOnly || presign && p.quirks.S3Style) {
		p.payload.hash = signing.UnsignedPayload
	}
	r.PayloadHash = p.payload.hash
	// A presigned URL says by itself that its payload is not signed.
	wanted := p.quirks.ContentSHA256 || r.PayloadHash == signing.UnsignedPayload
	if presign {
		wanted = p.quirks.S3Style && r.PayloadHash != signing.UnsignedPayload
	}
	r.ContentSHA256Header = r.ContentSHA256Header || wanted
	r.Token = signing.TokenSigned
	if p.quirks.TokenAppended && presign {
		r.Token = signing.TokenAppended
	}
	if o := in.Options; o != nil {
		if o.SessionToken != nil {
			r.Token = signing.TokenMode(*o.SessionToken)
		}
		if o.ContentSHA256Header != nil && *o.ContentSHA256Header != "auto" {
			r.ContentSHA256Header = *o.ContentSHA256Header == "always"
		}
	}
	return nil
}

// operation finds what departs from the service's way of signing.
func (p *prepared) operation(in *toSend) endpoints.Operation {
	call := endpoints.Call{Method: in.Method, Path: p.request.URL.Path()}
	for _, h := range p.request.Headers {
		if strings.EqualFold(h.Name, "x-amz-target") {
			call.Target = strings.TrimSpace(h.Value)
		}
	}
	for _, q := range p.request.URL.Query() {
		if q.Name == "Action" {
			call.Action = q.Value
		}
	}
	return endpoints.OperationOf(p.request.Scope.Service, call)
}

func warnOfOperation(in *toSend, p *prepared) error {
	if o := p.operation(in); o.Unsigned {
		p.warn("operation_unsigned", "The operation "+o.Name+" takes no signature and needs none.")
	}
	return nil
}

// checkPartition refuses what no partition of AWS takes: keys of one are unknown in the others.
func (p *prepared) checkPartition() error {
	of := endpoints.PartitionOf(p.session.Region)
	if parts := strings.SplitN(p.session.RoleARN, ":", 3); len(parts) == 3 {
		of = parts[1]
	}
	region, _, _ := strings.Cut(p.request.Scope.Region, ",")
	wanted := endpoints.PartitionOf(region)
	if of == "" || wanted == "" || of == wanted {
		return nil
	}
	return &fault{code: "partition_differs", detail: "The request is for the partition " + wanted + ", the profile's session is of " + of + ".", fields: []FieldError{{"/region", "The region is in the partition " + wanted + "."}}}
}

// How long a session must last where the request does not say, and the most that one can be asked to last.
const (
	defaultValidity = 60 * time.Second
	maxValidity     = 900 * time.Second
)

// addSession gets the credentials and the time of the signature.
func (h *Handlers) addSession(ctx context.Context, in *toSend, p *prepared) error {
	validity := defaultValidity
	if in.MinValiditySeconds != nil {
		validity = time.Duration(*in.MinValiditySeconds) * time.Second
	}
	validity = max(validity, min(p.request.Expires, maxValidity))
	event := EventOf(ctx)
	var err error
	if c := in.Credentials; c != nil {
		p.session, err = h.Sessions.SessionFrom(ctx, given(c, p.request.Scope.Region, event.Caller.ID, validity))
	} else {
		p.session, err = h.Sessions.Session(ctx, credentials.Ask{
			Profile: p.profile, Caller: event.Caller.ID, Host: p.request.URL.Host(), MinValidity: validity,
		})
	}
	if err != nil {
		return h.recordUnsigned(ctx, p, err)
	}
	p.request.Credentials = p.session.Credentials
	p.request.Time = h.Now().Add(p.session.Skew).UTC().Truncate(time.Second)
	if in.SigningTime != nil {
		p.request.Time, _ = parseTime(*in.SigningTime) // checked when it was decoded
	}
	if err := p.checkPartition(); err != nil {
		return h.recordUnsigned(ctx, p, err)
	}
	return nil
}

func given(c *requestCredentials, region, caller string, validity time.Duration) credentials.Given {
	g := credentials.Given{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		RoleARN: c.RoleARN, RoleName: c.RoleName, ExternalID: c.ExternalID, SessionName: c.SessionName,
		Region: region, Caller: caller, MinValidity: validity,
	}
	if c.AccountID != nil {
		g.AccountID = *c.AccountID
	}
	if c.DurationSeconds != nil {
		g.Duration = time.Duration(*c.DurationSeconds) * time.Second
	}
	return g
}

// parseTime reads RFC 3339 to the second, in UTC.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC().Truncate(time.Second), err
}
