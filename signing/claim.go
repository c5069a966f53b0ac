package signing

import (
	"strconv"
	"strings"
	"time"
)

// Received is a request as it came.
type Received struct {
	// Method is as it came.
	Method string
	// URL is the one that was asked for, with the query; normalized where the
	// service does that (see [URL.NormalizePath]).
	URL URL
	// Headers are all that came, Authorization among them unless the URL is
	// presigned. Host is that of the URL.
	Headers []Header
	// PayloadHash is the lower-case hex SHA-256 of the payload that came. Empty
	// when the payload is not at hand: then the request is believed.
	PayloadHash string
}

// Claim is what a request says of its own signature. Nothing in it is proved.
type Claim struct {
	Algorithm   Algorithm
	AccessKeyID string
	// CredentialScope is "20150830/us-east-1/service/aws4_request".
	CredentialScope string
	// Scope is that of the credential scope; with [ECDSA] its region is the
	// region set, which is sent beside it.
	Scope Scope
	// SignedHeaders are the names as they are listed: "host;x-amz-date".
	SignedHeaders string
	// Signature is hexadecimal.
	Signature string
	// Time is X-Amz-Date.
	Time time.Time
	// SessionToken is empty when there is none.
	SessionToken string
	// Presigned says that the claim stands in the query, and Expires how long
	// it holds then.
	Presigned bool
	Expires   time.Duration

	payloadHash string // x-amz-content-sha256
}

// ReadClaim reads what a request says of its signature, from the Authorization
// header and its companions or from the query. The error is a [*Fault].
func ReadClaim(r *Received) (Claim, error) {
	sent := make(fieldValues)
	for _, h := range r.Headers {
		value, _ := fold(h.Value)
		sent.add(strings.ToLower(h.Name), value)
	}
	asked := make(fieldValues)
	for _, p := range r.URL.Query() {
		asked.add(p.Name, p.Value)
	}
	c := Claim{}
	_, byHeader := sent["authorization"]
	_, c.Presigned = asked["X-Amz-Signature"]
	switch {
	case byHeader && c.Presigned:
		return c, &Fault{Part: PartAuthorization, Reason: "stands both in a header and in the query"}
	case byHeader:
		return c, c.readHeaders(sent)
	case c.Presigned:
		return c, c.readQuery(asked)
	}
	return c, &Fault{Part: PartAuthorization, Reason: "is missing"}
}

// fieldValues are headers or parameters by name.
type fieldValues map[string][]string

func (v fieldValues) add(name, value string) { v[name] = append(v[name], value) }

// one returns the value of a field that must be there once, or may be absent.
func (v fieldValues) one(part Part, name string, optional bool) (string, error) {
	switch values := v[name]; {
	case len(values) == 1:
		return values[0], nil
	case len(values) > 1:
		return "", &Fault{Part: part, Name: name, Reason: "is given more than once"}
	case !optional:
		return "", &Fault{Part: part, Name: name, Reason: "is missing"}
	}
	return "", nil
}

// claimField is a field of a claim and where it is read into.
type claimField struct {
	part     Part
	name     string
	optional bool
	into     *string
}

func (v fieldValues) read(fields []claimField) (err error) {
	for _, f := range fields {
		if *f.into, err = v.one(f.part, f.name, f.optional); err != nil {
			return err
		}
	}
	return nil
}

func (c *Claim) readHeaders(sent fieldValues) error {
	var authorization, date, regionSet string
	if err := sent.read([]claimField{
		{PartAuthorization, "authorization", false, &authorization},
		{PartDate, "x-amz-date", false, &date},
		{PartToken, "x-amz-security-token", true, &c.SessionToken},
		{PartPayloadHash, "x-amz-content-sha256", true, &c.payloadHash},
		{PartScope, "x-amz-region-set", true, &regionSet},
	}); err != nil {
		return err
	}
	algorithm, rest, _ := strings.Cut(authorization, " ")
	pieces := make(fieldValues)
	for piece := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(piece), "=")
		pieces.add(name, value)
	}
	var credential string
	if err := pieces.read([]claimField{
		{PartAuthorization, "Credential", false, &credential},
		{PartAuthorization, "SignedHeaders", false, &c.SignedHeaders},
		{PartAuthorization, "Signature", false, &c.Signature},
	}); err != nil {
		return err
	}
	return c.interpret(algorithm, credential, date, regionSet)
}

func (c *Claim) readQuery(asked fieldValues) error {
	var algorithm, credential, date, expires, regionSet string
	if err := asked.read([]claimField{
		{PartAuthorization, "X-Amz-Algorithm", false, &algorithm},
		{PartAuthorization, "X-Amz-Credential", false, &credential},
		{PartAuthorization, "X-Amz-SignedHeaders", false, &c.SignedHeaders},
		{PartAuthorization, "X-Amz-Signature", false, &c.Signature},
		{PartDate, "X-Amz-Date", false, &date},
		{PartDate, "X-Amz-Expires", false, &expires},
		{PartToken, "X-Amz-Security-Token", true, &c.SessionToken},
		{PartPayloadHash, "X-Amz-Content-Sha256", true, &c.payloadHash},
		{PartScope, "X-Amz-Region-Set", true, &regionSet},
	}); err != nil {
		return err
	}
	seconds, err := strconv.ParseUint(expires, 10, 32)
	c.Expires = time.Duration(seconds) * time.Second
	if err != nil || c.Expires < time.Second || c.Expires > MaxExpires {
		return &Fault{Part: PartDate, Name: "X-Amz-Expires", Reason: "is not from 1 to 604800 seconds"}
	}
	return c.interpret(algorithm, credential, date, regionSet)
}

// interpret reads the texts that both forms share.
func (c *Claim) interpret(algorithm, credential, date, regionSet string) (err error) {
	c.Algorithm = Algorithm(algorithm)
	if c.Algorithm != HMAC && c.Algorithm != ECDSA {
		return &Fault{Part: PartAuthorization, Reason: "names neither " + string(HMAC) + " nor " + string(ECDSA)}
	}
	if c.Time, err = time.Parse(TimeFormat, date); err != nil {
		return &Fault{Part: PartDate, Reason: "is not of the form 20150830T123600Z"}
	}
	c.AccessKeyID, c.CredentialScope, _ = strings.Cut(credential, "/")
	pieces := strings.Split(c.CredentialScope, "/")
	switch {
	case c.Algorithm == HMAC && len(pieces) == 4:
		c.Scope = Scope{Region: pieces[1], Service: pieces[2]}
	case c.Algorithm == ECDSA && len(pieces) == 3:
		c.Scope = Scope{Region: regionSet, Service: pieces[1]}
	default:
		return &Fault{Part: PartScope, Name: "Credential", Reason: "is not of the form id/day/region/service/aws4_request, which has no region in Version 4a"}
	}
	if pieces[len(pieces)-1] != scopeEnd {
		return &Fault{Part: PartScope, Name: "Credential", Reason: "does not end in aws4_request"}
	}
	if pieces[0] != date[:day] {
		return &Fault{Part: PartScope, Name: "Credential", Reason: "has another day than X-Amz-Date"}
	}
	return nil
}
