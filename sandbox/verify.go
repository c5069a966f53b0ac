package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// checks are what one server requires of a signature.
type checks struct {
	service, region string
	skew            time.Duration
	quirks          endpoints.Quirks
}

// verified is a request with a valid signature.
type verified struct {
	claim
	principal
	accessKeyID string
}

// verify checks a signed request as AWS does, in AWS's order: it reports the first fault.
func (s *Sandbox) verify(a arrival, want checks) (verified, *refusal) {
	c, no := a.claim()
	if no != nil {
		return verified{}, no
	}
	now := s.opts.Now().UTC()
	if no := fresh(c.time, now, want.skew); no != nil {
		return verified{}, no
	}
	names := strings.Split(c.signedHeaders, ";")
	if !slices.Contains(names, "host") {
		return verified{}, &refusal{kind: mismatch, message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	if c.algorithm != string(signing.HMAC) {
		return verified{}, &refusal{kind: incomplete, message: fmt.Sprintf(
			"Unsupported AWS 'algorithm': '%s' (only AWS4-HMAC-SHA256 for now). ", c.algorithm)}
	}
	accessKeyID, no := c.scoped(want)
	if no != nil {
		return verified{}, no
	}
	if no := a.allSigned(names); no != nil {
		return verified{}, no
	}
	p, ok := s.lookup(accessKeyID, a.token())
	if !ok {
		return verified{}, &refusal{kind: unrecognised, message: "The security token included in the request is invalid."}
	}
	if no := a.match(c, names, want, accessKeyID, p.secret); no != nil {
		return verified{}, no
	}
	if p.session() && !now.Before(p.expires) {
		return verified{}, &refusal{kind: expired, message: "The security token included in the request is expired"}
	}
	return verified{claim: c, principal: p, accessKeyID: accessKeyID}, nil
}

// fresh compares a signature's time with the clock.
func fresh(signed, now time.Time, skew time.Duration) *refusal {
	now = now.Truncate(time.Second)
	text, clock, minutes := signed.Format(signing.TimeFormat), now.Format(signing.TimeFormat), int(skew.Minutes())
	if earliest := now.Add(-skew); signed.Before(earliest) {
		return &refusal{kind: mismatch, message: fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
			text, earliest.Format(signing.TimeFormat), clock, minutes)}
	}
	if latest := now.Add(skew); signed.After(latest) {
		return &refusal{kind: mismatch, message: fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			text, latest.Format(signing.TimeFormat), clock, minutes)}
	}
	return nil
}

// scoped checks the credential scope part by part and returns the access key id. All faults go into one message; like
// AWS's, each sentence but the last possible one ends with a space.
func (c claim) scoped(want checks) (string, *refusal) {
	pieces := strings.Split(c.credential, "/")
	if len(pieces) != 5 {
		return "", &refusal{kind: incomplete, message: fmt.Sprintf(
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", c.credential)}
	}
	var text string
	if pieces[2] != want.region {
		text += fmt.Sprintf("Credential should be scoped to a valid region, not '%s'. ", pieces[2])
	}
	if pieces[3] != want.service {
		text += fmt.Sprintf("Credential should be scoped to correct service: '%s'. ", want.service)
	}
	if pieces[4] != "aws4_request" {
		text += fmt.Sprintf("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'. ", pieces[4])
	}
	if day := c.time.Format(dateFormat); pieces[1] != day {
		text += fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			pieces[1], day, c.time.Format(signing.TimeFormat))
	}
	if text != "" {
		return "", &refusal{kind: mismatch, message: text}
	}
	return pieces[0], nil
}

// allSigned finds x-amz- headers that are sent but not signed. S3 refuses them, with these words. Other services are
// lenient, but a sandbox had better not be: adding such a header on the way changes the meaning of a request.
func (a arrival) allSigned(names []string) *refusal {
	var left []string
	for name := range a.headers {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(names, name) {
			left = append(left, name)
		}
	}
	if left == nil {
		return nil
	}
	slices.Sort(left)
	return &refusal{
		kind: notSigned, headers: strings.Join(left, ", "),
		message: "There were headers present in the request which were not signed",
	}
}

// match calculates the signature again and compares. The body's hash always comes from the body, except that S3 first
// takes the client's word for it and compares afterwards.
func (a arrival) match(c claim, names []string, want checks, accessKeyID, secret string) *refusal {
	hash := signing.PayloadHash(a.body)
	claimed := strings.Join(a.headers.Values("X-Amz-Content-Sha256"), ",")
	canonicalHash := hash
	if want.quirks.S3Style {
		if claimed == "" {
			return &refusal{kind: noHash, message: "Missing required header for this request: x-amz-content-sha256"}
		}
		canonicalHash = claimed
	}
	canonical, err := a.canonicalRequest(c, names, want.quirks, canonicalHash)
	if err != nil {
		return &refusal{kind: malformed, message: "Bad Request"}
	}
	scope := signing.Scope{Service: want.service, Region: want.region}
	toSign := signing.StringToSign(signing.HMAC, c.time, signing.CredentialScope(signing.HMAC, c.time, scope), canonical)
	key, err := signing.DeriveKey(signing.HMAC, signing.NewCredentials(accessKeyID, secret, ""), c.time, scope)
	if err != nil || !key.Verify(toSign, c.signature) {
		return &refusal{
			kind: mismatch,
			message: "The request signature we calculated does not match the signature you provided. " +
				"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
			canonical: fmt.Sprintf("\n\nThe Canonical String for this request should have been\n'%s'\n\nThe String-to-Sign should have been\n'%s'\n",
				canonical, toSign),
		}
	}
	unsigned := want.quirks.UnsignedPayloadAllowed && claimed == signing.UnsignedPayload
	if claimed != "" && claimed != hash && !unsigned {
		return &refusal{kind: wrongHash, message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
	}
	return nil
}

// canonicalRequest combines the stages from what was received. The list of signed headers is used as it was sent: a
// list that is not in canonical form cannot match.
func (a arrival) canonicalRequest(c claim, names []string, quirks endpoints.Quirks, payloadHash string) (string, error) {
	path := a.path
	if !quirks.S3Style {
		path = normalize(path)
	}
	query, err := signing.CanonicalQuery(a.query)
	if err != nil {
		return "", err
	}
	headers, _, err := signing.CanonicalHeaders(a.selected(names))
	if err != nil {
		return "", err
	}
	return signing.CanonicalRequest(a.method, signing.CanonicalURI(path, quirks.S3Style), query, headers, c.signedHeaders, payloadHash), nil
}

// normalize removes dot segments (RFC 3986 section 5.2.4) and empty ones.
func normalize(path string) string {
	var kept []string
	segments := strings.Split(path, "/")
	for _, segment := range segments {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if last := segments[len(segments)-1]; len(kept) > 0 && (last == "" || last == "." || last == "..") {
		clean += "/"
	}
	return clean
}
