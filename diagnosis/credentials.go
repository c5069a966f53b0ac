package diagnosis

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// credentialsStated handles refusals of the access key or the session token.
func credentialsStated(c *collector) bool {
	switch {
	case c.code("InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError") || c.mentions("error code: invalididentitytoken"):
		identityToken(c)
	case c.mentions("bearer token has expired"):
		c.ruleOut(notSeen)
		c.add(finding{
			cause: "expired-token", certainty: Stated, place: "token",
			reason: "AWS says that a bearer token, such as an API key of Bedrock, has expired. The request was not signed with it.",
			fix:    "Create a new API key, or let this service sign: then the request needs none.",
			code:   "Create a new API key, or leave it out and sign the request.",
		})
	case c.says("token-expired") || c.code("ExpiredToken", "TokenRefreshRequired"):
		c.ruleOut(goodTime)
		c.add(finding{
			cause: "expired-token", certainty: Stated, place: "token",
			reason: "AWS says that the session has expired." + c.sessionEnd(),
		})
	case c.says("token-malformed") || c.code("InvalidToken"):
		invalidToken(c)
	case c.says("token-invalid") || c.code("InvalidClientTokenId", "UnrecognizedClientException", "InvalidTokenId", "InvalidSecurity"):
		tokenOrKey(c, "token-invalid")
	case c.says("key-unknown") || c.code("InvalidAccessKeyId"):
		tokenOrKey(c, "key-unknown")
	default:
		return false
	}
	return true
}

// identityToken: STS does not accept the token of another issuer. Such a call has no signature.
func identityToken(c *collector) {
	c.ruleOut("AssumeRoleWithWebIdentity is not signed: key, secret and clock are not the reason.")
	c.add(finding{
		cause: "invalid-token", certainty: Likely, place: "token",
		reason: "STS does not accept the token of the identity provider: " + c.quoted(200),
		fix:    "Ask whoever runs AWS for the identity provider in IAM: its address must be the token's iss, its audience the token's aud.",
		code:   "Compare iss and aud of the token with the OpenID Connect provider in IAM, and sub and aud with the role's trust policy.",
	})
	c.also("The role's trust policy may not allow it as well.", "denied-trust")
	c.ask(Question{
		What: "What are iss, aud and sub of the token?",
		Why:  "STS compares them with the provider in IAM and with the role's trust policy.",
		How:  "Decode the middle part of the token; do not send the token itself.",
	})
}

func (c *collector) sessionEnd() string {
	if c.in.SessionExpires.IsZero() {
		return ""
	}
	return " It ended at " + c.in.SessionExpires.UTC().Format(time.RFC3339) + "."
}

// isSession reports whether the access key id belongs to a session.
func (c *claim) isSession() bool { return strings.HasPrefix(c.keyID, "ASIA") }

func (c *claim) isLongTerm() bool { return strings.HasPrefix(c.keyID, "AKIA") }

func invalidToken(c *collector) {
	f := finding{cause: "invalid-token", certainty: Stated, place: "token", reason: "AWS cannot read the token."}
	if c.claim.isSession() && c.claim.token == "" && c.request() != nil {
		missingToken(c)
		return
	}
	if c.tokenNotForKey() {
		return
	}
	if reason := c.damage(); reason != "" {
		f.detail, f.reason = "damaged", reason
	}
	c.add(f)
}

// damage describes what happened to a token that is nearly the profile's, or that has characters no token has. It is
// empty if nothing shows.
func (c *collector) damage() string {
	token, held := c.claim.token, c.in.Credentials.SessionToken()
	switch {
	case token == "":
	case c.plusInToken():
		return "The token in the URL has unencoded plus signs, which AWS reads as spaces."
	case strings.Contains(token, " "):
		return "The token has spaces where plus signs were: it was not encoded in the URL."
	case strings.ContainsAny(token, "%\"'\r\n…"):
		return "The token has characters that tokens never have: it was quoted, or encoded twice."
	case held != "" && token != held && len(token) >= 16 && (strings.HasPrefix(held, token) || strings.HasSuffix(held, token)):
		return "The token is a piece of the profile's: it was cut to " + plural(len(token), "character") + " of " + itoa(len(held)) + "."
	case held != "" && token != held && strings.EqualFold(token, held):
		return "The token differs from the profile's only in upper and lower case."
	}
	return ""
}

// plusInToken reports whether the token in the URL has an unencoded plus sign.
func (c *collector) plusInToken() bool {
	m := c.request()
	if m == nil {
		return false
	}
	for piece := range strings.SplitSeq(m.query, "&") {
		if name, value, _ := strings.Cut(piece, "="); strings.EqualFold(name, "x-amz-security-token") && strings.Contains(value, "+") {
			return true
		}
	}
	return false
}

func missingToken(c *collector) {
	f := finding{
		cause: "missing-token", certainty: Proved, place: "token",
		reason: "The access key id begins with ASIA, so it belongs to a session, and the request has no x-amz-security-token.",
	}
	if m := c.request(); m == nil || m.headersUnknown || !c.claim.inHeader && !c.claim.presigned { // its headers are not shown
		f.certainty = Likely
		f.reason = "The access key id begins with ASIA, so it belongs to a session. A store that knows the session refuses a bad or old token " +
			"in other words, so it saw none."
		c.add(f)
		c.also("The session's key may be unknown as well.", "unknown-key", "expired-token")
		return
	}
	if c.claim.covers("x-amz-security-token") && c.sent != nil && len(c.in.Paste) > 0 {
		f.certainty = Likely // it may have been removed before pasting
		f.reason += " SignedHeaders lists it: it was lost on the way, or cut out before pasting."
		defer c.also("If the token was sent and only cut out before pasting.", "invalid-token", "expired-token")
	}
	c.add(f)
}

// tokenOrKey: AWS calls the token or the key invalid, without saying which. The request and the profile show more.
func tokenOrKey(c *collector, said string) {
	c.ruleOut(goodTime)
	held := c.in.Credentials
	token := c.claim.token
	switch {
	case c.claim.isSession() && token == "" && (c.request() != nil || said == "key-unknown"):
		missingToken(c)
	case c.tokenNotForKey():
	case token != "" && c.sessionOver():
		c.add(finding{
			cause: "expired-token", certainty: Likely, place: "token",
			reason: "The session had expired when the request was made." + c.sessionEnd() + jwtEnd(token),
		})
		c.also("The key may be unknown nevertheless.", "unknown-key", "invalid-token")
	case token != "" && c.damage() != "":
		c.add(finding{cause: "invalid-token", detail: "damaged", certainty: Likely, place: "token", reason: c.damage()})
	case token != "" && held.SessionToken() != "" && (held.AccessKeyID == c.claim.keyID) != (held.SessionToken() == token):
		f := finding{
			cause: "token-not-for-key", certainty: Proved, place: "token",
			reason: "The token belongs to the profile's session, but the key is another one.",
		}
		if held.AccessKeyID == c.claim.keyID { // AWS says that the token is invalid; the comparison says why
			f.cause, f.certainty, f.reason = "invalid-token", Stated, "The key belongs to the profile's session, but the token "+
				"belongs to another session."
			defer c.also("Key and token must belong to the same session.", "token-not-for-key")
		}
		c.add(f)
	case token != "" && optIn(c.claim.region()) && (c.in.STSEndpoint == "" || strings.Contains(c.in.STSEndpoint, "sts.amazonaws.com")):
		c.add(finding{
			cause: "foreign-token", certainty: Likely, place: "token",
			reason: c.claim.region() + " is an opt-in region: it accepts sessions from regional STS endpoints, not those from sts.amazonaws.com.",
		})
		c.also("The token may be damaged or belong to another session.", "invalid-token", "unknown-key", "region-disabled")
	default:
		keyOrToken(c, said)
	}
}

// keyOrToken: nothing in the request decides.
func keyOrToken(c *collector, said string) {
	noToken := c.request() != nil && c.claim.token == ""
	switch {
	case said == "key-unknown" && c.claim.token == "" && (c.claim.isLongTerm() || noToken && !c.claim.isSession()):
		c.add(finding{cause: "unknown-key", certainty: Stated, place: "key", reason: "AWS says that it does not know " + c.claim.keyID + "."})
	case said == "key-unknown" || noToken:
		c.add(finding{cause: "unknown-key", certainty: Likely, place: "key", reason: c.keyReason(said)})
		c.also("A token that does not belong to the key is refused in the same words.", "invalid-token", "expired-token")
	case c.claim.token != "":
		c.add(finding{
			cause: "invalid-token", certainty: Likely, place: "token",
			reason: "The request has a session's key and a token, and AWS does not accept them together.",
		})
		c.also("The key may be deleted, or the token one of another session.", "token-not-for-key", "unknown-key")
	default:
		c.add(finding{
			cause: "invalid-token", certainty: Open, place: "token",
			reason: "AWS says the same about a missing, damaged or foreign token as about an unknown key.",
			fix: "Look at the access key id. If it begins with ASIA, send X-Amz-Security-Token unchanged beside it; if it begins with AKIA, send " +
				"no token. If that is so already, the key or the session is not valid: get a new one.",
		})
		c.also("The access key id may be unknown to AWS.", "unknown-key", "missing-token", "token-not-for-key")
		c.ask(Question{
			What: "Does the access key id begin with AKIA or ASIA, and was X-Amz-Security-Token sent?",
			Why:  "ASIA needs a token, AKIA has none.",
			How:  "Send the request with its headers; tokens are not kept.",
		})
	}
}

// tokenNotForKey: a long-term key, which has no token, was sent with one.
func (c *collector) tokenNotForKey() bool {
	if c.claim.token == "" || !c.claim.isLongTerm() {
		return false
	}
	c.add(finding{
		cause: "token-not-for-key", certainty: Proved, place: "token",
		reason: "The access key id begins with AKIA, a long-term key, which has no token; yet the request has one.",
	})
	return true
}

func (c *collector) keyReason(said string) string {
	if said == "key-unknown" {
		return "AWS says that the access key id does not exist in its records."
	}
	return "The request has no token, so it is the access key id " + c.claim.keyID + " that AWS does not know."
}

// sessionOver reports whether the session had ended by the time of the refusal.
func (c *collector) sessionOver() bool {
	now, ok := c.serverTime()
	if !ok {
		now, ok = c.in.ReceivedAt, !c.in.ReceivedAt.IsZero()
	}
	if !ok {
		return false
	}
	held := c.in.Credentials
	if end := c.in.SessionExpires; !end.IsZero() && (held.SessionToken() == c.claim.token || held.SessionToken() == "") && now.After(end) {
		return true
	}
	end, ok := jwtExpiry(c.claim.token)
	return ok && now.After(end)
}

// jwtExpiry reads the expiry of a token that is a JWT, as MinIO's are.
func jwtExpiry(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(parts[1]) > 16<<10 {
		return time.Time{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, false
	}
	var body struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(text, &body) != nil || body.Exp <= 0 || body.Exp > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(body.Exp), 0).UTC(), true
}

func jwtEnd(token string) string {
	if end, ok := jwtExpiry(token); ok {
		return " The token itself says that it ended at " + end.Format(time.RFC3339) + "."
	}
	return ""
}

// optInRegions must be enabled in an account (AWS Account Management Reference Guide, "Enable or disable AWS Regions
// in your account").
var optInRegions = []string{
	"af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6",
	"ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
}

func optIn(region string) bool { return slices.Contains(optInRegions, region) }
