package diagnosis

import (
	"slices"
	"strings"

	"countersign/endpoints"
	"countersign/reading"
	"countersign/signing"
)

var askRequest = Question{
	What: "The request as it was sent: method, URL, headers and body.",
	Why:  "AWS's text shows what arrived; the request shows what was meant.",
	How:  "Copy the action's inputs, curl -v, or the client's trace. Secrets are not needed, and tokens are not kept.",
}

var askCanonical = Question{
	What: "The whole response of AWS, with its canonical request if it has one.",
	Why:  "It shows what arrived.",
	How:  "Copy the response's body as it came, not only its message.",
}

var askProfile = Question{
	What: "Which profile signed, or the canonical request and the string to sign of the signer.",
	Why:  "With the secret, what was signed can be proved.",
	How:  "Name the profile; or switch on the signer's debug log.",
}

// askSecret asks for what would prove what was signed.
func (c *collector) askSecret() Question {
	if held := c.in.Credentials; c.in.OtherSessions && c.claim.isSession() && c.claim.keyID != held.AccessKeyID {
		return Question{
			What: "A refused request that the profile's present session signed.",
			Why:  "Another session of the profile signed this one, and its secret is not kept: nothing can be proved about it.",
			How:  "Sign and send the request again, and diagnose that refusal.",
		}
	}
	return askProfile
}

// byDefault gives a verdict if no other rule has.
func byDefault(c *collector) {
	if c.hasFinding() || byStatus(c) || byForm(c) || bareDenial(c) {
		return
	}
	f := finding{cause: "unclear", certainty: Open, reason: "Nothing in it says why."}
	switch {
	case !c.refused && (c.status >= 200 && c.status < 300 || succeeded().MatchString(c.text)):
		f = success(c.status)
		c.ruleOut(rightSignature)
	case !c.refused && c.request() == nil:
		f.reason = "Neither a request nor a refusal was found in it."
		c.ask(askCanonical, askRequest)
	case !c.refused:
		f.reason = "There is a request, and no refusal."
		c.ask(askCanonical)
	default:
		c.ask(askRequest, askProfile)
	}
	c.add(f)
}

// succeeded matches a response that is not a refusal.
var succeeded = nocase(`\b(?:HTTP/[0-9.]+|HTTP|status(?: ?code)?:?) 2[0-9]{2}\b|` +
	`<(?:\w+Result|\w+Response) xmlns="https?://[^"]*amazonaws\.com`)

func success(status int) finding {
	f := finding{
		cause: "signature-right", certainty: Stated, place: "request", side: SideClient, reason: "The response is not a refusal.",
		fix:  "Nothing is wrong with signing or calling. Look at the condition that treats this response as a failure.",
		code: "Look at what the program expects: AWS accepted the request.",
	}
	if status > 0 {
		f.reason = "The response is not a refusal: its status is " + itoa(status) + "."
	} else {
		f.certainty = Likely // reported, but not shown
	}
	return f
}

// denied reports whether the refusal is an access denial, by its code or by its only words.
func (c *collector) denied() bool {
	return c.says("access-denied") || c.code("AllAccessDisabled", "UnauthorizedAccess", "AuthorizationError") ||
		slices.ContainsFunc(c.refusal.Codes, func(v reading.Value) bool { return strings.Contains(v.Text(), "AccessDenied") })
}

// bareDenial: access is denied, and nothing says by what.
func bareDenial(c *collector) bool {
	if c.says("authentication-failed") {
		return authenticationFailed(c)
	}
	denied := c.denied()
	if !denied && c.status != 403 {
		return false
	}
	c.ruleOut(goodTime)
	f := finding{
		cause: "denied-unspecified", certainty: Likely, place: "policy",
		reason: "AWS names neither action nor policy. Without s3:ListBucket, S3 says the same about an object that does not exist.",
	}
	if over, ok := c.expiredBy(); ok {
		c.add(finding{
			cause: "presign-expired", certainty: Likely, place: "time",
			reason: "It was over " + spokenDuration(over) + " before." + c.window(),
		})
		return true
	}
	switch m := c.request(); {
	case c.unsigned():
		c.add(finding{cause: "no-signature", certainty: Likely, place: "header:authorization", reason: "The request has no signature."})
		f.certainty = Open
	case m == nil || !denied:
		f.certainty = Open
		c.ask(askRequest)
	case !endpoints.IsAWS(c.host()):
		f.certainty = Open
		f.reason += " Some vendors' stores, Ceph among them, say the same about a wrong secret."
		defer c.also("Some stores say the same about a wrong secret.", "wrong-secret")
	case strings.EqualFold(m.method, "HEAD"):
		f.certainty = Open
		f.reason += " The response to a HEAD request has no body that could say more: repeat it as GET."
	}
	c.add(f)
	c.also("Usually a permission is missing.", "denied-identity", "denied-resource")
	c.ask(askPolicy)
	return true
}

// authenticationFailed: the CloudFront KeyValueStore says no more than that. It accepts only SigV4a.
func authenticationFailed(c *collector) bool {
	store := c.mentions("KeyValueStore") || strings.Contains(c.host(), "cloudfront-kvs")
	switch {
	case store && c.claim.algorithm != string(signing.ECDSA):
		c.add(finding{
			cause: "wrong-algorithm", detail: "needs-sigv4a", certainty: Open, place: "algorithm",
			reason: "The CloudFront KeyValueStore " +
				"accepts " + string(signing.ECDSA) + " (SigV4a) only, and says only that the authentication failed.",
		})
	default:
		c.add(finding{cause: "unclear", certainty: Open, reason: "The service says only that the authentication failed."})
	}
	c.also("A wrong secret or another mistake of the signer gives the same response.", "wrong-secret")
	c.ask(askRequest, askProfile)
	return true
}
