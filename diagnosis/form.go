package diagnosis

import (
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/signing"
)

// authorizationForm handles refusals of the form of the Authorization header, or of the query parameters that replace
// it.
func authorizationForm(c *collector) bool {
	switch {
	case c.says("mechanism-unsupported"), c.code("SignatureVersionNotSupported"),
		refusesV2().MatchString(c.text),
		c.mentions("unsupported authorization type", "authorization mechanism is not supported", "require aws signature version 4",
			"signature version 2 is not supported", "use aws signature version 4", "signature version 1 is not supported", "did not use sigv4"):
		return unsupportedMechanism(c)
	case c.mentions("should be seconds since epoch", "requires the signature, expires and awsaccesskeyid parameters"):
		c.add(finding{
			cause: "sigv2", certainty: Stated, place: "query",
			reason: "The wording is that for a presigned URL of Signature Version 2: " + c.quoted(200),
		})
		return true
	case c.wrongRegion(), c.says("wrong-service", "wrong-scope-date", "wrong-terminator"):
		return false // AWS says that the header is malformed, and then in what way
	case c.mentions("incorrect terminal"):
		return false
	case c.mentions("date must be in ISO-8601"):
		return missingDate(c, Stated)
	case c.says("component-missing"), c.says("not-key-value"), c.says("three-components"), c.code("MissingFields"):
		return malformedHeader(c)
	case c.says("credential-malformed"), c.mentions(badCredentialWords...):
		return malformedCredential(c)
	case c.says("query-incomplete"):
		return incompleteQuery(c)
	case c.mentions("X-Amz-Algorithm only supports", "unsupported algorithm", "'algorithm'"):
		return algorithmRefused(c)
	case c.missingHeader("x-amz-content-sha256"), c.missingHeader("x-amz-date"):
		return false
	case c.says("authorization-malformed"), c.code("IncompleteSignature"):
		return malformedHeader(c)
	case c.mentions("x-amz-content-sha256 must be"):
		return notAHash(c)
	case c.code("InvalidArgument") && c.claim.inHeader && !c.soundHeader():
		return malformedHeader(c)
	}
	return false
}

// refusesV2 matches the words that refuse Signature Version 2.
var refusesV2 = nocase(`\b(?:sig(?:nature)? ?v(?:ersion)? ?2|v2 signature)\b[^.\n]{0,80}\b(?:not (?:supported|allowed)|unsupported|` +
	`no longer|disabled)|` +
	`\b(?:please|must|should) use (?:aws )?sig(?:nature)? ?v(?:ersion)? ?4\b`)

func unsupportedMechanism(c *collector) bool {
	c.ruleOut(notSeen)
	scheme := strings.ToLower(c.claim.scheme)
	switch {
	case c.claim.algorithm == string(signing.ECDSA):
		return algorithmRefused(c)
	case c.mentions(string(signing.ECDSA)) && !c.mentions("use AWS4-HMAC-SHA256"):
		c.add(finding{
			cause: "wrong-algorithm", detail: "needs-sigv4a", certainty: Stated, place: "algorithm",
			reason: "AWS asks for " + string(signing.ECDSA) + " (SigV4a) instead of what was sent.",
		})
	case scheme == "bearer", scheme == "basic":
		return otherScheme(c, Stated)
	case c.claim.v2 || strings.HasPrefix(c.claim.raw, "AWS "):
		c.add(finding{
			cause: "sigv2", certainty: Proved, place: "header:authorization",
			reason: "The request has the form of Signature Version 2, which AWS does not accept.",
		})
	case c.mentions("AWS4-HMAC-SHA256", "signature version 4"), refusesV2().MatchString(c.text):
		c.add(finding{
			cause: "sigv2", certainty: Stated, place: "header:authorization",
			reason: "AWS asks for Signature Version 4 (AWS4-HMAC-SHA256) instead of what was sent.",
		})
	default:
		c.add(finding{
			cause: "not-sigv4", certainty: Likely, place: "header:authorization",
			reason: "AWS does not know the kind of authorization that was sent.",
		})
		c.also("An old client may have signed with Signature Version 2.", "sigv2")
	}
	return true
}

func algorithmRefused(c *collector) bool {
	f := finding{cause: "wrong-algorithm", certainty: Stated, place: "algorithm", reason: "AWS refuses the algorithm of the signature."}
	switch c.claim.algorithm {
	case string(signing.ECDSA):
		f.detail = "sigv4a"
		f.reason = "The request is signed with " + c.claim.algorithm + ", which AWS does not accept here."
	case "":
	default:
		f.reason += " The request says " + clip(c.claim.algorithm, 60) + "."
	}
	c.add(f)
	return true
}

// otherScheme: another authorization scheme is in the place of the signature.
func otherScheme(c *collector, certainty Certainty) bool {
	f := finding{
		cause: "not-sigv4", certainty: certainty, place: "header:authorization", side: SideClient,
		reason: "The Authorization header does not begin with AWS4-HMAC-SHA256.",
	}
	switch scheme := strings.ToLower(c.claim.scheme); {
	case scheme == "bearer" || strings.HasPrefix(c.claim.raw, "eyJ"):
		f.detail, f.reason = "bearer", "The Authorization header has a Bearer token."
	case scheme == "basic":
		f.detail, f.reason = "basic", "The Authorization header has Basic credentials."
	}
	c.ruleOut(notSeen)
	c.add(f)
	if strings.Contains(c.host(), "execute-api") || c.host() == "" {
		c.also("API Gateway gives the same response if the route does not exist, or if its method has IAM authorization.", "unknown-route")
	}
	return true
}

var echoedScheme = lazyregexp.New(`(?i)Authorization(?: header: |=)['"]?(Bearer|Basic|eyJ|AWS4-[A-Z0-9-]+|AWS )`)

var echoedHeader = lazyregexp.New(`Authorization(?: header: |=)['"]?(AWS4-[^"'<\n]{1,1000})`)

// takeEcho reads the Authorization header that the refusal echoes, or at least its scheme.
func (c *collector) takeEcho() {
	if c.claim.raw != "" {
		return
	}
	if m := echoedHeader().FindStringSubmatch(c.text); m != nil {
		c.claim.readAuthorization(strings.TrimSpace(m[1]))
		return
	}
	if m := echoedScheme().FindStringSubmatch(c.text); m != nil {
		c.claim.raw, c.claim.scheme, c.claim.inHeader = m[1], strings.TrimSpace(m[1]), true
		if strings.HasPrefix(m[1], "eyJ") {
			c.claim.scheme = "Bearer"
		}
	}
}

// malformedHeader inspects a header that AWS refuses in general terms.
func malformedHeader(c *collector) bool {
	c.takeEcho()
	lacks := c.lacking()
	switch raw, scheme := c.claim.raw, c.claim.scheme; {
	case c.claim.presigned && raw == "":
		return incompleteQuery(c)
	case raw != "" && scheme == "AWS":
		c.add(finding{
			cause: "sigv2", certainty: Stated, place: "header:authorization",
			reason: "The Authorization header has the form of Signature Version 2.",
		})
	case raw != "" && !strings.HasPrefix(scheme, "AWS4-"):
		return otherScheme(c, Stated)
	case len(lacks) == 1 && lacks[0] == "X-Amz-Date":
		return missingDate(c, Stated)
	case raw == "" && (len(lacks) >= 3 || c.says("not-key-value")):
		otherScheme(c, Likely)
		c.also("An Authorization header without all three components would be refused in the same "+
			"words.", "malformed-authorization", "no-signature")
	case raw == "":
		c.add(finding{
			cause: "malformed-authorization", detail: statedDetail(lacks), certainty: c.statedOrLikely(lacks), place: "header:authorization",
			reason: "AWS cannot read the Authorization header." + missing(lacks),
		})
		c.also("A Bearer token or Basic credentials in the header give the same refusal.", "not-sigv4")
		c.ask(askRequest)
	default:
		return headerAtHand(c, lacks)
	}
	return true
}

// lacking returns the components that AWS reports missing.
func (c *collector) lacking() []string {
	var names []string
	for _, n := range []string{"Credential", "SignedHeaders", "Signature"} {
		if c.mentions("requires '"+n+"'", "missing "+n, n+" field is missing") {
			names = append(names, n)
		}
	}
	if c.mentions("existence of either a 'X-Amz-Date'") {
		names = append(names, "X-Amz-Date")
	}
	return names
}

func statedDetail(lacks []string) string {
	if len(lacks) > 0 {
		return "component-missing"
	}
	return ""
}

func (c *collector) statedOrLikely(lacks []string) Certainty {
	if len(lacks) > 0 && len(lacks) < 3 || c.says("three-components") {
		return Stated
	}
	return Likely
}

func missing(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " Missing: " + strings.Join(names, ", ") + "."
}

// headerAtHand: the header begins correctly, so its parts show what is wrong.
func headerAtHand(c *collector, lacks []string) bool {
	f := finding{cause: "malformed-authorization", certainty: Stated, place: "header:authorization"}
	var absent []string
	for _, n := range []string{"Credential", "SignedHeaders", "Signature"} {
		if !c.claim.components[n] {
			absent = append(absent, n)
		}
	}
	raw := c.claim.raw
	switch {
	case c.claim.scheme != string(signing.HMAC) && c.claim.scheme != string(signing.ECDSA) && c.claim.components["Credential"] &&
		strings.Contains(c.claim.scheme, "Credential"):
		f.detail, f.reason = "separator", "There is no space between the algorithm and Credential."
	case strings.ContainsAny(raw, `"'`):
		f.detail, f.reason = "quoted", "There are quotes in the Authorization header."
	case len(absent) > 0 && c.claim.components["Credential"] || len(absent) == 1:
		f.detail, f.reason = "component-missing", "The Authorization header has no "+strings.Join(absent, ", no ")+"."
	case len(lacks) > 0 && len(lacks) < 3 && !slices.ContainsFunc(lacks, func(n string) bool { return c.claim.components[n] }):
		f.detail, f.reason = "component-missing", "The Authorization header has no "+strings.Join(lacks, ", no ")+"."
	case strings.Count(raw, ",") < 2:
		f.detail, f.reason = "separator", "The commas between the components of the Authorization header are missing."
	case len(absent) > 0:
		f.detail, f.reason = "component-missing", "The Authorization header has no "+strings.Join(absent, ", no ")+"."
	case c.badCredential() != "":
		return malformedCredential(c)
	default:
		f.detail, f.reason, f.certainty = statedDetail(lacks), "AWS cannot read the Authorization "+
			"header."+missing(lacks), c.statedOrLikely(lacks)
	}
	c.add(f)
	return true
}

// soundHeader reports whether the Authorization header has the form that AWS expects.
func (c *collector) soundHeader() bool {
	return strings.HasPrefix(c.claim.scheme, "AWS4-") && len(c.claim.components) >= 3 && c.badCredential() == "" &&
		strings.Count(c.claim.raw, ",") >= 2 && !strings.ContainsAny(c.claim.raw, `"'`)
}

func incompleteQuery(c *collector) bool {
	f := finding{
		cause: "malformed-authorization", detail: "component-missing", certainty: Stated, place: "query",
		reason: "The presigned URL lacks a parameter.",
	}
	if m := c.request(); m != nil {
		var lacks []string
		have := map[string]bool{}
		for _, p := range queryPairs(m.query) {
			have[strings.ToLower(p.Name)] = true
		}
		for _, n := range []string{
			"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires",
		} {
			if !have[strings.ToLower(n)] {
				lacks = append(lacks, n)
			}
		}
		if len(lacks) > 0 {
			f.certainty, f.reason = Proved, "The presigned URL lacks "+strings.Join(lacks, ", ")+"."
		}
	}
	f.fix = "Use the response's url as it is, including the whole query."
	c.add(f)
	return true
}

// notAHash: the value of x-amz-content-sha256 is not a hash.
func notAHash(c *collector) bool {
	f := finding{
		cause: "signed-payload", certainty: Stated, place: "header:x-amz-content-sha256",
		reason: "AWS says that x-amz-content-sha256 is neither a hash nor UNSIGNED-PAYLOAD.",
	}
	switch claimed := c.claim.payloadHash; {
	case claimed == "":
	case formFault(claimed) == "upper-case", formFault(claimed) == "base64":
		f.detail = formFault(claimed)
	default:
		f.detail = "other"
	}
	if f.detail != "" {
		f.reason += " " + strings.ToUpper(bodyNote(f.detail)[:1]) + bodyNote(f.detail)[1:] + "."
		f.evidence = []Evidence{{"header:x-amz-content-sha256", c.claim.payloadHash, "64 hexadecimal digits in lower case, or UNSIGNED-PAYLOAD"}}
	}
	c.add(f)
	return true
}
