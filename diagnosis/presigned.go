package diagnosis

import (
	"strconv"
	"strings"
	"time"
)

// presignStated handles refusals of the time and lifetime of a presigned URL.
func presignStated(c *collector) bool {
	switch {
	case c.mentions("signature expired at"): // Google, which calls it an expired token
		c.add(finding{
			cause: "presign-expired", certainty: Stated, place: "time",
			reason: "The store says when the signature expired: " + c.quoted(200) + c.window(),
		})
		return true
	case c.mentions("invalid according to policy"):
		return formPolicyStated(c)
	case c.says("expires-invalid"), c.mentions("X-Amz-Expires must", "X-Amz-Expires should", "less than a week", "must be less than 604800"):
		return lifetimeStated(c)
	case c.mentions("request is not yet valid", "request is not valid yet"),
		c.mentions("in the future", "not yet valid") && (c.claim.presigned || c.mentions("x-amz-", "request date", "url")):
		c.add(finding{cause: "presign-not-yet", certainty: Stated, place: "time", reason: "AWS says that it is not valid yet." + c.window()})
		return true
	case c.says("request-expired") || c.code("RequestExpired") || c.claim.presigned && c.mentions("has expired"):
		if c.says("token-expired") || c.code("ExpiredToken") {
			return false
		}
		c.ruleOut("AWS read the URL: it has only expired, or its time is checked first.")
		c.add(finding{
			cause: "presign-expired", certainty: Stated, place: "time",
			reason: "AWS says that the request has expired." + c.window(),
		})
		return true
	}
	return false
}

// formPolicyStated: S3 accepted the signature of a form, and the form's policy refuses it.
func formPolicyStated(c *collector) bool {
	if c.mentions("policy expired") {
		c.add(finding{
			cause: "presign-expired", certainty: Stated, place: "time", reason: "The policy of the form has expired.",
			fix: "Create the form just before it is used, or with a longer expiresInSeconds.",
		})
		return true
	}
	c.ruleOut(rightSignature)
	c.add(finding{
		cause: "signature-right", detail: "bad-request", certainty: Stated, place: "request",
		reason: "A field of the form does not meet the policy that was signed: " + c.quoted(300),
		fix:    "Send exactly the fields of the signing step's response, key and content-type among them, and allow the rest in its conditions.",
	})
	return true
}

// window says when a presigned URL was valid, as far as that is known.
func (c *collector) window() string {
	var b strings.Builder
	if d, ok := c.lifetime(); ok {
		b.WriteString(" It was valid for " + strconv.Itoa(int(d/time.Second)) + " seconds")
		if !c.claim.time.IsZero() {
			b.WriteString(" from " + c.claim.time.Format(time.RFC3339))
		}
		b.WriteString(".")
	}
	if end, ok := parseTime(c.refusal.Field("Expires").Text()); ok {
		b.WriteString(" It ended at " + end.Format(time.RFC3339) + ".")
	}
	if server, ok := c.serverTime(); ok {
		b.WriteString(" AWS's clock said " + server.Format(time.RFC3339) + ".")
	}
	return b.String()
}

func (c *collector) lifetime() (time.Duration, bool) {
	text := c.refusal.Field("X-Amz-Expires").Text()
	if text == "" {
		text = c.claim.expires
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	return time.Duration(n) * time.Second, err == nil
}

func lifetimeStated(c *collector) bool {
	f := finding{cause: "presign-lifetime", certainty: Stated, place: "query", reason: "AWS does not accept its X-Amz-Expires."}
	n, err := strconv.ParseInt(c.claim.expires, 10, 64)
	switch {
	case c.claim.expires != "" && err != nil:
		f.detail, f.reason = "not-a-number", "X-Amz-Expires is "+clip(c.claim.expires, 40)+", which is not a number of seconds."
	case c.claim.expires != "" && n > 604800:
		f.detail, f.reason = "too-long", "X-Amz-Expires is "+c.claim.expires+"; AWS accepts up to 604800 seconds."
	case c.claim.expires != "":
		f.reason = "X-Amz-Expires is " + c.claim.expires + "; AWS accepts 1 to 604800 seconds."
	case c.mentions("should be a number"):
		f.detail = "not-a-number"
	case c.mentions("less than a week", "604800"):
		f.detail = "too-long"
	}
	c.add(f)
	return true
}

// expiredBy returns how long ago a presigned URL had expired when AWS refused it.
func (c *collector) expiredBy() (time.Duration, bool) {
	server, ok := c.serverTime()
	if !ok {
		server, ok = c.in.ReceivedAt, !c.in.ReceivedAt.IsZero()
	}
	d, known := c.lifetime()
	if !ok || !known || !c.claim.presigned || c.claim.time.IsZero() {
		return 0, false
	}
	over := server.Sub(c.claim.time.Add(d))
	return over, over > 0
}
