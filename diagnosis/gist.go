package diagnosis

import (
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

// gist is the meaning of a refusal whose exact sentence is unknown: services and vendors of compatible stores say the
// same thing in many words.
type gist struct {
	words     lazyregexp.Expression
	not       lazyregexp.Expression // it is about something else if these match
	cause     Cause
	detail    string
	certainty Certainty
	place     string
	reason    string
	others    []Cause // other causes that are possible
	ask       *Question
}

// nocase compiles an expression that ignores case, on first use.
func nocase(text string) lazyregexp.Expression { return lazyregexp.New(`(?i)` + text) }

// otherAuth matches words for tokens and signatures that are not AWS's.
var otherAuth = nocase(`\b(?:jwt|bearer|oauth|saml|openid|oidc|webhook|cookie|csrf|refresh token|id token|access token|api key|password|` +
	`login|ssh|licen[sc]e|certificate)`)

// gists are in the order in which services check.
var gists = []gist{
	{
		words: nocase(`\bno (?:such )?(?:method|route|resource|operation|integration)\b[^.\n]{0,60}\b(?:found|match(?:es|ing)?|defined|` +
			`exists?)\b|` +
			`\broute not found\b|\bno such (?:route|method|operation)\b`),
		cause: "unknown-route", certainty: Likely, place: "path",
		reason: "The wording fits a route that does not exist: ", others: []Cause{"signature-right"},
	},
	{
		words: nocase(`\bwaf\b[^.\n]{0,40}\bblock|\bblocked by (?:\w+ ){0,3}(?:waf|firewall)\b`),
		cause: "waf-blocked", certainty: Likely, place: "host",
		reason: "The wording is that of a firewall: ", others: []Cause{"front-refused"},
	},
	{
		words: nocase(`\bregion\b[^.\n]{0,60}\b(?:wrong|incorrect|mismatch|invalid|not valid|expect(?:ed|s|ing)|does(?: not|n't) match)|` +
			`\b(?:wrong|incorrect|invalid|unexpected|mismatched) (?:\w+ ){0,2}region\b|\bunexpected scope\b|` +
			`\bnot in (?:the )?['"]?[\w-]+['"]? region\b`),
		cause: "wrong-region", certainty: Likely, place: "scope:region",
		reason: "The wording fits a wrong region: ", others: []Cause{"wrong-endpoint"}, ask: &askRequest,
	},
	{
		words: nocase(`\b(?:authori[sz]ation|credential|signature|auth)(?: header| query| parameters?| or parameters| scope)*\b[^.\n]{0,40}` +
			`(?:mal-?formed|not formatted|not well-formed|in(?:correct|valid) format|(?:can(?: ?not|'t)|could not|unable to|` +
			`failed to) (?:be )?pars|` +
			`is not (?:valid|in the))|\b(?:invalid|malformed|incorrect|bad|unparsable|unable to parse|failed to parse|incomplete)` +
			` (?:the )?authori[sz]ation(?: header|$|:|\.)`),
		not:   otherAuth,
		cause: "malformed-authorization", certainty: Likely, place: "header:authorization",
		reason: "The wording fits an Authorization header that cannot be read: ", others: []Cause{"not-sigv4"}, ask: &askRequest,
	},
	{
		words: nocase(`\b(?:anonymous|unauthenticated|unsigned)\b[^.\n]{0,80}\b(?:not|no|denied|forbidden|unsupported|disabled|unauthorized)\b|` +
			`\bnot support (?:anonymous|unauthenticated|unsigned)|\bauthentication (?:is )?required\b|` +
			`\b(?:missing|no|without|lacks) (?:an? |any )?(?:authentication|authorization|signature|credentials)\b`),
		not:   nocase(`identity pool`),
		cause: "no-signature", certainty: Likely, place: "header:authorization",
		reason: "The wording fits a request without a signature: ", others: []Cause{"malformed-authorization"}, ask: &askRequest,
	},
	{
		words: nocase(`\b(?:request|signature|date|time ?stamp|clock|time)\b[^.\n]{0,60}` +
			`\b(?:too (?:old|far|skewed|late|early|large)|skew(?:ed)?|out of sync|drift|in the past|in the future|older than|earlier than)\b|` +
			`\bclock skew\b|\bsignature (?:has |is )?expired\b`),
		not:   otherAuth,
		cause: "clock-behind", certainty: Open, place: "time",
		reason: "The wording fits a signing time that is too far from the server's: ",
		others: []Cause{"clock-ahead", "stale-signature"}, ask: &askTimes,
	},
	{
		words: nocase(`\bapi[ -]?key\b[^.\n]{0,40}\b(?:format|prefix|disabled|expired|revoked)\b|\bjwt\b|` +
			`\b(?:access|authentication|bearer|id|refresh|oauth|login|identity) token\b[^.\n]{0,60}\b(?:missing|expired|revoked|invalid|malformed|` +
			`not valid|could not be)|\b(?:missing|expired|revoked|invalid|malformed) (?:access|bearer|id|refresh|oauth|login|identity) token\b`),
		cause: "other-authorizer", certainty: Likely, place: "path",
		reason: "The wording fits a token or key of another kind than AWS's: ",
	},
	{
		words: nocase(`\b(?:missing|invalid|unknown|no|required) api[ -]?key\b|\bapi[ -]?key\b[^.\n]{0,40}\b(?:missing|invalid|not valid|` +
			`required)\b`),
		cause: "denied-api-key", certainty: Likely, place: "header:x-api-key",
		reason: "The wording fits an API key of a usage plan: ", others: []Cause{"other-authorizer"},
	},
	{
		words: nocase(`\b(?:token|credentials?|session)\b[^.\n]{0,40}\b(?:has|have|is|are|was|were|already) ` +
			`(?:already )?(?:expired|over|no longer valid)\b|\bexpired (?:security |session |temporary )?(?:token|credentials?|session)\b`),
		not:   otherAuth,
		cause: "expired-token", certainty: Likely, place: "token",
		reason: "The wording fits a session that has expired: ", others: []Cause{"invalid-token"},
	},
	{
		words: nocase(`\b(?:access ?key(?: ?ids?)?|key ?ids?|key)\b[^.\n]{0,60}\b(?:does(?: not|n't) exist|` +
			`(?:is|was|are|has been) (?:not valid|invalid|disabled|deactivated|deleted|inactive|not active|revoked|unknown|not found|` +
			`not recogni[sz]ed)|` +
			`not found|could not be found)|\b(?:unknown|invalid|no such|unrecogni[sz]ed|inactive|disabled) access ?key\b|` +
			`\bforbidden: no such key\b`),
		not: nocase(`specified key|master key|ciphertext|object key|kms|key pair|api key|encryption|primary key|partition|attribute|` +
			`hash key|nosuchkey`),
		cause: "unknown-key", certainty: Likely, place: "key",
		reason: "The wording fits an unknown access key: ", others: []Cause{"invalid-token"},
	},
	{
		words: nocase(`\bnot (?:authori[sz]ed|permitted|entitled|allowed)\b|\b(?:access|permission)\b[^.\n]{0,80}\b(?:denied|forbidden)\b|` +
			`\b(?:no|insufficient|lacks?|without|missing|sufficient|necessary|required) (?:\w+ ){0,2}(?:permissions?|privileges?|access|` +
			`rights?)\b|` +
			`\bdo(?:es)? not have\b[^.\n]{0,80}\b(?:permissions?|access|privileges?|rights?)\b`),
		cause: "denied-unspecified", certainty: Likely, place: "policy",
		reason: "The wording fits a missing permission: ", others: []Cause{"denied-identity", "denied-resource"}, ask: &askPolicy,
	},
	{
		words: nocase(`\b(?:invalid|missing|required|malformed|unsupported)\b[^.\n]{0,40}\b(?:request parameters?|parameters?|` +
			`(?:request )?body|` +
			`field|media type|arguments?|json|input)\b`),
		cause: "signature-right", detail: "bad-request", certainty: Likely, place: "request",
		reason: "The wording fits a request whose content is refused: ",
	},
}

// byGist understands wording that no particular service uses. An error code counts more, and a bare denial has a rule
// of its own.
func byGist(c *collector) bool {
	if acceptedCode().MatchString(c.refusal.Code.Text()) || !c.refused && (c.request() != nil || c.text == "") ||
		c.status > 0 && c.status < 300 {
		return false
	}
	text := c.wording()
	for i := range gists {
		g := &gists[i]
		if !g.words().MatchString(text) || g.not != nil && g.not().MatchString(text) {
			continue
		}
		certainty := g.certainty
		if g.cause == "denied-unspecified" && c.denied() {
			break
		}
		if !c.refused { // the refusal is described but not shown
			certainty = Open
			c.ask(askCanonical)
		}
		c.add(finding{
			cause: g.cause, detail: g.detail, certainty: certainty, place: g.place,
			reason: g.reason + quote(c.masker()(reading.Redact(lineOf(text, g.words().FindStringIndex(text)))), 300) + ".",
		})
		c.also("The wording does not distinguish them.", g.others...)
		if g.ask != nil {
			c.ask(*g.ask)
		}
		return true
	}
	if c.code("AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "MalformedAuthorization", "InvalidAuthorization") {
		return malformedHeader(c)
	}
	return false
}

// lineOf returns the whole line of a text in which something was found. It must not be cut, because half a secret is
// not recognized as one.
func lineOf(text string, at []int) string {
	start := strings.LastIndexByte(text[:at[0]], '\n') + 1
	end := strings.IndexByte(text[at[1]:], '\n')
	if end < 0 {
		end = len(text) - at[1]
	}
	return text[start : at[1]+end]
}

// wording returns what the refusal says besides its code.
func (c *collector) wording() string {
	text := ""
	for _, m := range c.refusal.Messages {
		text += m.Text() + "\n"
	}
	for _, name := range []string{"Details", "Detail", "Reason", "Hint", "error_description"} {
		text += "\n" + c.refusal.Field(name).Text()
	}
	if text = strings.TrimSpace(text); text == "" {
		return c.text
	}
	return text
}

// mismatchWords matches the words for a signature that is not the one the service computed.
var mismatchWords = nocase(`\bsignature\b[^.\n]{0,60}\b(?:do(?:es)?|did)(?: not|n't) match|\bsignature (?:mismatch|(?:validation|` +
	`verification) failed)|` +
	`\bsignature is (?:invalid|not valid|incorrect|wrong)|\binvalid signature\b|\bnot been correctly signed\b`)

// mismatchInWords reports whether the refusal of a signed request speaks of its signature in words that are not
// AWS's.
func (c *collector) mismatchInWords() bool {
	text := c.wording()
	return c.refused && !c.says("mismatch") && mismatchWords().MatchString(text) && !otherAuth().MatchString(text) &&
		!acceptedCode().MatchString(strings.TrimPrefix(c.refusal.Code.Text(), "Invalid"))
}
