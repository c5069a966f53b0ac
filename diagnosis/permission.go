package diagnosis

import (
	"strings"

	"countersign/internal/lazyregexp"
)

// deniedAction finds caller, action and resource, in the quotation marks of any service.
var deniedAction = lazyregexp.New("(?i)(?:User:? [\"'`]?([^\\s\"'`]+)[\"'`]? is )?not authorized to perform:? ?" +
	"[\"'`]?([\\w-]+:[\\w*-]+)[\"'`]?(?: on (?:the )?resources?:? ?[\"'`]?([^\\s\"'`]+))?")

// policyPhrases are the endings of IAM messages, which name the kind of policy.
var policyPhrases = []struct {
	text               string
	implicit, explicit Cause
}{
	{"service control policy", "denied-scp", "denied-scp"},
	{"resource control policy", "denied-rcp", "denied-rcp"},
	{"permissions boundary", "denied-boundary", "denied-boundary"},
	{"session policy", "denied-session", "denied-session"},
	{"vpc endpoint policy", "denied-endpoint", "denied-endpoint"},
	{"service-based polic", "denied-resource", "denied-explicit-resource"}, // VPC Lattice's, and the next
	{"network-based polic", "denied-resource", "denied-explicit-resource"},
	{"resource-based polic", "denied-resource", "denied-explicit-resource"},
	{"identity-based polic", "denied-identity", "denied-explicit-identity"},
}

// notSubscribed is what AWS says if an account may not use a service or a model.
var notSubscribed = []string{
	"model access is denied", "use case details have not been submitted", "use case details form", "is marked by provider as legacy",
	"account is not authorized to invoke this api operation", "is not subscribed to", "is not enabled for accessing",
	"not signed up for", "need to sign up for",
}

// ownPermissions is what services with their own permissions say.
var ownPermissions = []string{
	"lake formation permission", "not authorized to access topics", "not authorized to access group", "topicauthorizationexception",
	"groupauthorizationexception", "clusterauthorizationexception", "does not have permissions to",
}

// permissionStated handles refusals by policies. They rule out every problem with signing.
func permissionStated(c *collector) bool {
	switch {
	case c.says("not-subscribed"), c.code("OptInRequired", "SubscriptionRequiredException", "NotSignedUp"), c.mentions(notSubscribed...):
		c.ruleOut(rightSignature)
		c.add(finding{cause: "not-subscribed", certainty: Stated, place: "account", reason: "AWS says so."})
	case c.code("AccountProblem", "InvalidPayer", "PendingVerification", "Blocked"):
		c.ruleOut(rightSignature)
		c.add(finding{cause: "not-subscribed", certainty: Likely, place: "account", reason: "AWS refers to the account: " + c.quoted(200)})
	case c.code("RegionDisabledException") || c.mentions("is not activated in this region", "region is disabled", "region is not enabled"):
		c.add(finding{cause: "region-disabled", certainty: Stated, place: "account", reason: "AWS says so" + c.inRegion() + "."})
	case c.says("not-authorized") || c.mentions("not authorized to perform") && deniedAction().MatchString(c.text):
		return deniedByPolicy(c)
	case c.mentions("security_exception") && c.mentions("no permissions for"):
		c.ruleOut(rightSignature)
		c.add(finding{
			cause: "denied-unspecified", certainty: Likely, place: "policy", reason: "OpenSearch's own fine-grained access control " +
				"denies: " + quote(permissions().FindString(c.text), 200) + ".",
			fix: "The workflow is right. Ask whoever runs the domain to map the caller's role to a role of OpenSearch that has this permission.",
		})
	case c.says("encoded-message"):
		c.ruleOut(rightSignature)
		deniedEncoded(c)
	case c.says("function-url"):
		deniedFunction(c)
	case strings.Contains(orThe(c.host(), hostOfAWS().FindString(c.text)), ".aoss.") && c.status == 403 ||
		c.responseHeader("x-aoss-response-hint") != "":
		deniedCollection(c)
	default:
		return deniedInWords(c)
	}
	return true
}

// deniedInWords handles denials that name no policy.
func deniedInWords(c *collector) bool {
	switch {
	case c.mentions("may not be assumed by root"):
		c.ruleOut(rightSignature)
		c.add(finding{
			cause: "denied-trust", certainty: Likely, place: "policy",
			reason: "STS does not let the root user of an account assume a role.",
			fix:    "Ask whoever runs the profile for the keys of a user or a role: the keys of a root user should not exist.",
			code:   "Use the keys of a user or a role, not those of the account's root user.",
		})
	case c.mentions("not authorized to call this api", "not authorized to perform this action"):
		c.ruleOut(rightSignature)
		c.add(finding{
			cause: "denied-unspecified", certainty: Likely, place: "policy", reason: "AWS does not allow the caller to do this: " + c.quoted(200),
			fix: "The workflow is right. Ask whoever runs AWS which permission the caller lacks.",
		})
		c.also("Usually no identity-based policy allows it.", "denied-identity")
		c.ask(askPolicy)
	case c.mentions(ownPermissions...), c.mentionsAll([]string{"not authorized to access ", " on type "}):
		c.ruleOut(rightSignature)
		c.add(finding{
			cause: "denied-unspecified", certainty: Likely, place: "policy",
			reason: "The service has its own permissions besides those of IAM, and they deny it: " + c.quoted(200),
			fix:    "The workflow is right. Ask whoever runs this service for the permission that its response names.",
		})
		c.also("A policy of IAM may be missing as well.", "denied-identity")
		c.ask(askPolicy)
	case c.mentions("multifactorauthentication failed"):
		c.ruleOut(rightSignature)
		c.add(finding{
			cause: "denied-trust", certainty: Likely, place: "policy",
			reason: "The role requires a one-time code (MFA), and AWS does not accept the one given.",
			fix:    "A workflow has no one-time codes: ask for a role whose trust policy requires none.",
			code:   "Send SerialNumber and a fresh TokenCode, or use a role without aws:MultiFactorAuthPresent in its trust policy.",
		})
	default:
		return false
	}
	return true
}

func (c *collector) inRegion() string {
	if r := c.claim.region(); r != "" {
		return " of " + r
	}
	return ""
}

func deniedByPolicy(c *collector) bool {
	var who, action, resource string
	if m := deniedAction().FindStringSubmatch(c.text); m != nil {
		who, action, resource = safeID(m[1]), clip(m[2], 100), safeID(strings.TrimRight(m[3], ".,\"'"))
	}
	if strings.HasSuffix(who, "anonymous") || who == "*" {
		c.anonymous(action, resource)
		return true
	}
	c.ruleOut(rightSignature)
	f := finding{cause: "denied-unspecified", certainty: Likely, place: "policy", reason: c.deniedReason(who, action, resource)}
	explicit := c.mentions("explicit deny")
	for _, t := range policyPhrases {
		if c.mentions(t.text) {
			f.cause, f.certainty = t.implicit, Stated
			if explicit {
				f.cause = t.explicit
			}
			break
		}
	}
	if trustAction(action) && (f.cause == "denied-unspecified" || f.cause == "denied-resource") {
		f.cause, f.certainty = "denied-trust", Likely
		c.ask(Question{
			What: "Does the role's trust policy name this caller, and does it ask for an external id?",
			Why:  "AWS does not say which of trust policy, external id and the caller's own permission is missing.",
			How:  "Look at the trust policy of " + orThe(resource, "the role") + " and at CloudTrail.",
		})
	}
	if c.says("encoded-message") {
		f.reason += " aws sts decode-authorization-message tells more."
	}
	if action != "" {
		f.evidence = []Evidence{{Part: "action", Signed: action, Arrived: resource}}
	}
	c.add(f)
	if f.cause == "denied-unspecified" {
		c.also("Usually no identity-based policy allows it.", "denied-identity", "denied-resource")
		c.ask(askPolicy)
	}
	return true
}

// anonymous: AWS saw no signature, or did not look for one.
func (c *collector) anonymous(action, resource string) {
	f := finding{
		cause: "no-signature", certainty: Stated, place: "header:authorization",
		reason: "AWS calls the caller anonymous: no signature arrived" + forAction(action, resource) + ".",
	}
	if strings.HasPrefix(action, "execute-api:") && !c.unsigned() {
		f.certainty = Likely // API Gateway says this to every caller of a method without authorization
	}
	if c.claim.signed() && c.request() != nil {
		f.certainty = Likely
		f.reason += " The given request has one: it was lost on the way, or the method has no IAM authorization, so nothing checks it."
		defer c.also("If nothing checks the signature, the resource's policy denies.", "denied-resource", "other-authorizer")
		c.ask(askPolicy)
	}
	c.add(f)
}

func trustAction(action string) bool {
	return strings.HasPrefix(action, "sts:AssumeRole") || action == "sts:TagSession" || action == "sts:SetSourceIdentity"
}

func orThe(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func forAction(action, resource string) string {
	s := ""
	if action != "" {
		s += " for " + action
	}
	if resource != "" {
		s += " on " + resource
	}
	return s
}

var permissions = lazyregexp.New(`(?i)no permissions for \[[^\]]{0,200}\]`)

var policyARN = lazyregexp.New(`arn:aws[\w-]*:(?:iam|organizations)::[\w-]*:(?:aws:)?policy/[\w./+=,@-]*[\w]`)

// deniedReason names the caller, the action, the resource and the policy.
func (c *collector) deniedReason(who, action, resource string) string {
	reason := "AWS does not allow"
	if who != "" {
		reason += " " + who
	} else {
		reason += " the caller"
	}
	reason += " " + orThe(action, "this action")
	if resource != "" {
		reason += " on " + resource
	}
	if arn := policyARN().FindString(c.text); arn != "" {
		reason += "; the policy is " + arn
	}
	return reason + "."
}

var askPolicy = Question{
	What: "What do CloudTrail's event and the policies of caller and resource say?",
	Why:  "The response names no policy.",
	How:  "Search CloudTrail for the request id of the response.",
}

func deniedEncoded(c *collector) {
	c.add(finding{
		cause: "denied-unspecified", certainty: Likely, place: "policy",
		reason: "AWS wrote the reason in an encoded message: aws sts decode-authorization-message --encoded-message … shows it.",
		fix: "The workflow is right. Give the encoded message to whoever runs AWS: aws sts decode-authorization-message " +
			"shows which policy denies.",
	})
	c.also("Usually no identity-based policy allows it.", "denied-identity")
	c.ask(askPolicy)
}

func deniedFunction(c *collector) {
	if c.unsigned() {
		c.add(finding{
			cause: "no-signature", certainty: Likely, place: "header:authorization",
			reason: "The request to the function URL has no signature.",
		})
		c.also("The function's policy may deny as well.", "denied-function-url")
		return
	}
	c.ruleOut(rightSignature)
	c.add(finding{
		cause: "denied-function-url", certainty: Likely, place: "policy",
		reason: "Lambda's own words: the caller lacks lambda:InvokeFunctionUrl or, since October 2025, lambda:InvokeFunction.",
	})
}

func deniedCollection(c *collector) {
	reason := "The host belongs to OpenSearch Serverless, which responds with 403 in all these cases."
	if hint := c.responseHeader("x-aoss-response-hint"); hint != "" {
		reason += " Its hint is " + quote(hint, 80) + "."
	}
	if c.claim.covers("content-length") {
		reason += " The signature covers content-length, which aoss refuses."
	}
	if c.request() != nil && c.claim.payloadHash == "" {
		reason += " The request has no x-amz-content-sha256, which aoss requires."
	}
	c.add(finding{cause: "denied-aoss", certainty: Open, place: "policy", reason: reason})
	c.ask(Question{
		What: "Which of IAM aoss:APIAccessAll, data access policy and network policy names the caller?",
		Why:  "OpenSearch Serverless does not tell them apart.",
		How:  "Look at the three in the console of the collection.",
	})
}
