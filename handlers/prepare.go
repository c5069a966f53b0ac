package handlers

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"countersign/credentials"
	"countersign/endpoints"
	"countersign/signing"
)

// prepared is a request that is ready to be signed: one parsed value for the decision, the signature and the answer.
type prepared struct {
	request  signing.Request
	payload  payload
	media    string // of the body
	session  credentials.Session
	quirks   endpoints.Quirks
	inferred bool // service or region came from the host
	warnings []warning
}

type warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *prepared) warn(code, message string) {
	p.warnings = append(p.warnings, warning{code, message})
}

// prepare goes the way that signing and presigning share: parse, place, check, get a session.
func (h *Handlers) prepare(ctx context.Context, in *toSend) (*prepared, error) {
	p := &prepared{warnings: []warning{}}
	if err := h.checkAllowed(in); err != nil {
		return nil, err
	}
	url, warnings, err := signing.ParseURL(in.URL, in.Query)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		p.warn(w.Code, w.Message)
	}
	if !h.mayBeHTTP(url) {
		return nil, &fault{code: "url_not_https", detail: "The URL has the scheme http.", fields: []FieldError{{"/url", "The scheme is not https."}}}
	}
	p.request = signing.Request{Method: in.Method, URL: url, SignAllHeaders: in.SignAllHeaders, Explain: in.Explain}
	if err := p.place(in); err != nil {
		return nil, err
	}
	if err := p.cleanPath(in.Options); err != nil {
		return nil, err
	}
	if p.payload, err = readPayload(in); err != nil {
		return nil, err
	}
	if err := p.setHeaders(in); err != nil {
		return nil, err
	}
	if err := p.setOptions(in); err != nil {
		return nil, err
	}
	event := EventOf(ctx)
	event.Service, event.Region = p.request.Scope.Service, p.request.Scope.Region
	return p, h.addSession(ctx, in, p)
}

func (h *Handlers) checkAllowed(in *toSend) error {
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

// place finds the scope: what the caller says wins over what the host says.
func (p *prepared) place(in *toSend) error {
	found, err := endpoints.Infer(p.request.URL.Host(), p.request.URL.Path())
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
func (p *prepared) cleanPath(o *signingOptions) error {
	p.request.DoubleEncode = !p.quirks.S3Style
	if o != nil && o.DoubleEncode != nil {
		p.request.DoubleEncode = *o.DoubleEncode
	}
	normalize := !p.quirks.S3Style
	if o != nil && o.NormalizePath != nil {
		normalize = *o.NormalizePath
	} else if p.quirks.S3Style {
		url, err := p.request.URL.CleanS3Key()
		p.request.URL = url
		return err
	}
	if normalize {
		before := p.request.URL.Path()
		p.request.URL = p.request.URL.NormalizePath()
		if p.request.URL.Path() != before {
			p.warn("path_normalized", "Dot segments or empty segments were removed from the path, as the service and most clients do. Send the URL of this answer.")
		}
	}
	return nil
}

// setOptions settles payload hash, content hash header and token: what the caller says, else what the service wants.
func (p *prepared) setOptions(in *toSend) error {
	r := &p.request
	unsigned := in.Payload != nil && *in.Payload == "unsigned"
	if unsigned && !p.quirks.UnsignedPayloadAllowed && !p.quirks.UnsignedPayloadOnly {
		return fieldFault("/payload", "The service "+r.Scope.Service+" does not take an unsigned payload.")
	}
	if p.quirks.UnsignedPayloadOnly && in.Payload == nil {
		p.payload.hash = signing.UnsignedPayload
	}
	r.PayloadHash = p.payload.hash
	r.ContentSHA256Header = r.ContentSHA256Header || p.quirks.ContentSHA256 || r.PayloadHash == signing.UnsignedPayload
	r.Token = signing.TokenSigned
	if p.quirks.TokenAppended {
		r.Token = signing.TokenAppended
	}
	if o := in.Options; o != nil {
		if o.SessionToken != nil {
			r.Token = signing.TokenMode(*o.SessionToken)
		}
		switch {
		case o.ContentSHA256Header == nil:
		case *o.ContentSHA256Header == "always":
			r.ContentSHA256Header = true
		case *o.ContentSHA256Header == "never":
			r.ContentSHA256Header = false
		}
	}
	return nil
}

// addSession gets the credentials and the time of the signature.
func (h *Handlers) addSession(ctx context.Context, in *toSend, p *prepared) error {
	validity := 60 * time.Second
	if in.MinValiditySeconds != nil {
		validity = time.Duration(*in.MinValiditySeconds) * time.Second
	}
	event := EventOf(ctx)
	var err error
	if c := in.Credentials; c != nil {
		p.session, err = h.Sessions.SessionFrom(ctx, given(c, p.request.Scope.Region, event.Caller, validity))
	} else {
		p.session, err = h.Sessions.Session(ctx, credentials.Ask{
			Profile: in.Profile, Caller: event.Caller, Host: p.request.URL.Host(), MinValidity: validity,
		})
	}
	if err != nil {
		return err
	}
	event.Profile = p.session.Profile
	p.request.Credentials = p.session.Credentials
	p.request.Time = h.Now().Add(p.session.Skew).UTC().Truncate(time.Second)
	if in.SigningTime != nil {
		p.request.Time, err = parseTime(*in.SigningTime)
	}
	return err
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
