package signing

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Received is a request as it was received.
type Received struct {
	// Method is the HTTP method.
	Method string
	// URL is the requested URL with its query, as the service reads it: see [ParseReceivedURL],
	// [URL.RemoveDotSegments] and [URL.PlusIsSpace].
	URL URL
	// Headers are all received headers, including Authorization unless the URL is presigned. Host
	// is used as received; if it is absent, the URL's host is used.
	Headers []Header
	// PayloadHash is the lower-case hex SHA-256 of the received payload, or [UnsignedPayload] if
	// that was signed. Empty if the payload is not known: then the hash that the request claims is
	// trusted.
	PayloadHash string
}

// SignatureInfo is what a request says about its own signature. None of it is verified.
type SignatureInfo struct {
	Algorithm   Algorithm
	AccessKeyID string
	// CredentialScope is "20150830/us-east-1/service/aws4_request".
	CredentialScope string
	// Scope is taken from the credential scope; with [ECDSA] its region is the region set, which is
	// sent separately.
	Scope Scope
	// SignedHeaders are the names as listed: "host;x-amz-date".
	SignedHeaders string
	// Signature is hexadecimal.
	Signature string
	// Time is X-Amz-Date, or Date if that is absent.
	Time time.Time
	// SessionToken is empty if there is none.
	SessionToken string
	// Presigned reports whether the signature is in the query. Expires is how long it is then
	// valid, zero if the URL does not say.
	Presigned bool
	Expires   time.Duration

	// PayloadHash is x-amz-content-sha256, empty if the request does not have it.
	PayloadHash string

	expressToken string // x-amz-s3session-token
}

// ReadSignatureInfo reads a request's signature from the Authorization header and its companions,
// or from the query. The error is a [*Mismatch]; it comes with the parts that could be read.
func ReadSignatureInfo(r *Received) (SignatureInfo, error) {
	sent := make(fieldValues)
	for _, h := range r.Headers {
		value, _ := fold(h.Value)
		sent.add(strings.ToLower(h.Name), value)
	}
	asked := make(fieldValues)
	for _, p := range r.URL.Query() {
		asked.add(p.Name, p.Value)
	}
	c := SignatureInfo{}
	_, byHeader := sent["authorization"]
	_, c.Presigned = asked["X-Amz-Signature"]
	switch {
	case byHeader && c.Presigned:
		return c, &Mismatch{Part: PartAuthorization, Reason: "is both in a header and in the query"}
	case byHeader:
		err := c.readHeaders(sent)
		return c, err
	case c.Presigned:
		err := c.readQuery(asked, sent)
		return c, err
	}
	return c, &Mismatch{Part: PartAuthorization, Reason: "is missing"}
}

// fieldValues are headers or parameters by name.
type fieldValues map[string][]string

func (v fieldValues) add(name, value string) { v[name] = append(v[name], value) }

// one returns the value of a field that must be present exactly once, or at most once if optional.
func (v fieldValues) one(part Part, name string, optional bool) (string, error) {
	switch values := v[name]; {
	case len(values) == 1 && !utf8.ValidString(values[0]):
		return "", &Mismatch{Part: part, Name: name, Reason: "is not UTF-8"}
	case len(values) == 1:
		return values[0], nil
	case len(values) > 1:
		return "", &Mismatch{Part: part, Name: name, Reason: "is given more than once"}
	case !optional:
		return "", &Mismatch{Part: part, Name: name, Reason: "is missing"}
	}
	return "", nil
}

// infoField is a header or parameter to read, and the destination of its value.
type infoField struct {
	part     Part
	name     string
	optional bool
	into     *string
}

// read reads all fields it can, and returns the first mismatch.
func (v fieldValues) read(fields []infoField) error {
	var first error
	for _, f := range fields {
		value, err := v.one(f.part, f.name, f.optional)
		*f.into, first = value, cmp.Or(first, err)
	}
	return first
}

func (c *SignatureInfo) readHeaders(sent fieldValues) error {
	var authorization, date, regionSet string
	mismatch := sent.read([]infoField{
		{PartAuthorization, "authorization", false, &authorization},
		{PartDate, "x-amz-date", len(sent["date"]) > 0, &date},
		{PartToken, "x-amz-security-token", true, &c.SessionToken},
		{PartToken, "x-amz-s3session-token", true, &c.expressToken},
		{PartPayloadHash, "x-amz-content-sha256", true, &c.PayloadHash},
		{PartScope, "x-amz-region-set", true, &regionSet},
	})
	dateName := "x-amz-date"
	if len(sent["x-amz-date"]) == 0 && len(sent["date"]) > 0 {
		dateName = "date"
		mismatch = cmp.Or(mismatch, sent.read([]infoField{{PartDate, dateName, false, &date}}))
	}
	algorithm, rest, _ := strings.Cut(authorization, " ")
	pieces := make(fieldValues)
	for piece := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(piece), "=")
		pieces.add(name, value)
	}
	var credential string
	mismatch = cmp.Or(mismatch, pieces.read([]infoField{
		{PartAuthorization, "Credential", false, &credential},
		{PartAuthorization, "SignedHeaders", false, &c.SignedHeaders},
		{PartAuthorization, "Signature", false, &c.Signature},
	}))
	return cmp.Or(mismatch, c.interpret(algorithm, credential, dateName, date, regionSet))
}

func (c *SignatureInfo) readQuery(asked, sent fieldValues) error {
	var algorithm, credential, date, expires, regionSet, inHeader string
	mismatch := asked.read([]infoField{
		{PartAuthorization, "X-Amz-Algorithm", false, &algorithm},
		{PartAuthorization, "X-Amz-Credential", false, &credential},
		{PartAuthorization, "X-Amz-SignedHeaders", false, &c.SignedHeaders},
		{PartAuthorization, "X-Amz-Signature", false, &c.Signature},
		{PartDate, "X-Amz-Date", false, &date},
		{PartDate, "X-Amz-Expires", true, &expires},
		{PartToken, "X-Amz-Security-Token", true, &c.SessionToken},
		{PartToken, "X-Amz-S3session-Token", true, &c.expressToken},
		{PartPayloadHash, "X-Amz-Content-Sha256", true, &c.PayloadHash},
		{PartScope, "X-Amz-Region-Set", true, &regionSet},
	})
	mismatch = cmp.Or(mismatch, sent.read([]infoField{{PartPayloadHash, "x-amz-content-sha256", true, &inHeader}}))
	if inHeader != "" {
		if c.PayloadHash != "" && c.PayloadHash != inHeader {
			mismatch = cmp.Or[error](
				mismatch,
				&Mismatch{Part: PartPayloadHash, Name: "x-amz-content-sha256", Reason: "differs from the parameter X-Amz-Content-Sha256"},
			)
		}
		c.PayloadHash = inHeader
	}
	seconds, err := strconv.ParseUint(expires, 10, 32)
	if expires != "" && (err != nil || seconds == 0) {
		mismatch = cmp.Or[error](mismatch, &Mismatch{Part: PartDate, Name: "X-Amz-Expires", Reason: "must be from 1 to 604800 seconds"})
	}
	c.Expires = time.Duration(seconds) * time.Second
	return cmp.Or(mismatch, c.interpret(algorithm, credential, "X-Amz-Date", date, regionSet))
}

// interpret parses the values that both forms share.
func (c *SignatureInfo) interpret(algorithm, credential, dateName, date, regionSet string) error {
	if a := Algorithm(algorithm); a == HMAC || a == ECDSA { // anything else may be a secret of another scheme
		c.Algorithm = a
	}
	c.AccessKeyID, c.CredentialScope, _ = strings.Cut(credential, "/")
	pieces := strings.Split(c.CredentialScope, "/")
	switch {
	case c.Algorithm == ECDSA && len(pieces) == 3:
		c.Scope = Scope{Region: regionSet, Service: pieces[1]}
	case c.Algorithm != ECDSA && len(pieces) == 4:
		c.Scope = Scope{Region: pieces[1], Service: pieces[2]}
	}
	at, err := time.Parse(TimeFormat, date)
	if err == nil {
		c.Time = at
	}
	switch {
	case c.Algorithm == "":
		return &Mismatch{Part: PartAuthorization, Reason: "must name " + string(HMAC) + " or " + string(ECDSA)}
	case err != nil:
		return badDate(dateName, date)
	case c.Scope.Service == "":
		return &Mismatch{
			Part:   PartScope,
			Name:   "Credential",
			Reason: "must have the form id/day/region/service/aws4_request, without the region in Version 4a",
		}
	case pieces[len(pieces)-1] != scopeEnd:
		return &Mismatch{Part: PartScope, Name: "Credential", Reason: "does not end in aws4_request"}
	case pieces[0] != date[:day]:
		return &Mismatch{Part: PartScope, Name: "Credential", Reason: "has a different day than " + dateName}
	}
	return nil
}

// badDate returns the mismatch for a date that is not in the format of signatures.
func badDate(name, date string) *Mismatch {
	for _, layout := range []string{time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC} { // the formats of HTTP dates
		if _, err := time.Parse(layout, date); err == nil {
			return &Mismatch{
				Part:   PartDate,
				Name:   name,
				Reason: "is in the format of RFC 1123; a signature needs X-Amz-Date in the format 20150830T123600Z",
			}
		}
	}
	return &Mismatch{Part: PartDate, Name: name, Reason: "must have the format 20150830T123600Z"}
}
