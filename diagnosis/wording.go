package diagnosis

import (
	"slices"
	"strings"
)

// byWording handles what the refusal says in words, in the order in which AWS checks: what comes before AWS, then the
// form, the scope, the time, the key and the token, and finally permissions.
func byWording(c *collector) {
	for _, rule := range []func(*collector) bool{
		clientRefused, registryToken, clientSession, noCredentials, frontAnswered, twoSignatures, authorizationForm,
		headersOfSignature, scopeStated, timeStated, presignStated, credentialsStated, permissionStated, gatewayStated, notReached,
	} {
		if rule(c) {
			return
		}
	}
}

// twoSignatures: the request has both a presigned URL and an Authorization header.
func twoSignatures(c *collector) bool {
	both := c.claim.presigned && c.claim.inHeader
	if !c.says("two-mechanisms") && !c.mentions("only one auth mechanism") {
		return false
	}
	f := finding{
		cause: "two-signatures", certainty: Stated, place: "header:authorization",
		reason: "AWS says that only one auth mechanism is allowed.",
	}
	if both {
		f.certainty = Proved
		f.reason += " The request has X-Amz-Signature in its URL and an Authorization header."
	}
	c.add(f)
	return true
}

// headersOfSignature: AWS names a header that is signed and missing, or present and not signed.
func headersOfSignature(c *collector) bool {
	name := strings.ToLower(strings.Join(splitNames(c.refusal.HeadersNotSigned.Text()), ","))
	switch {
	case c.says("host-not-signed") || c.says("headers-not-signed") && name == "host":
		c.add(finding{
			cause: "host-not-signed", certainty: Stated, place: "header:host", reason: "SignedHeaders does not list host.",
			evidence: []Evidence{{Part: "signed-headers", Signed: c.claim.signedHeaders, Arrived: "host"}},
		})
	case c.says("headers-not-signed"):
		return unsignedHeaders(c, name)
	case c.says("signed-header-missing"):
		c.add(finding{
			cause: "dropped-header", certainty: Stated, place: "header:" + name,
			reason:   "AWS says that " + name + " is named in SignedHeaders and did not arrive.",
			evidence: []Evidence{{Part: "header:" + name, Signed: c.signedValue(name), Arrived: ""}},
		})
	case c.says("hash-missing"), c.missingHeader("x-amz-content-sha256"):
		c.add(finding{
			cause: "missing-payload-hash-header", certainty: Stated, place: "header:x-amz-content-sha256",
			reason: "AWS asks for it.",
		})
	case c.missingHeader("x-amz-date"), c.code("MissingDateHeader"),
		c.mentions("requires a valid Date or x-amz-date", "X-Amz-Date must be in the ISO8601", "X-Amz-Date must be formatted",
			"date must be in ISO-8601", "missing date header"):
		return missingDate(c, Stated)
	default:
		return false
	}
	return true
}

// missingHeader reports whether the refusal names a header as missing.
func (c *collector) missingHeader(name string) bool {
	return strings.EqualFold(c.refusal.Field("MissingHeaderName").Text(), name) ||
		c.mentions("missing required header for this request: "+name, "missing a required header: "+name, "missing the '"+name+"'",
			"missing header: "+name, "missing "+name, name+" is missing", name+" header is missing", name+"' header is missing",
			name+" is required", name+" header is required", name+" must be signed", "must include "+name, "must contain "+name,
			"without "+name, "missing required header: "+name, "missing required headers: "+name)
}

func missingDate(c *collector, certainty Certainty) bool {
	reason := "AWS finds no signing time that it can read."
	if certainty != Stated {
		reason = "The request has neither X-Amz-Date nor Date."
	}
	if c.claim.date != "" {
		reason += " The request says " + clip(c.claim.date, 60) + "; the form is 20260131T120000Z."
	}
	c.add(finding{cause: "missing-date", certainty: certainty, place: "header:x-amz-date", reason: reason})
	return true
}

func unsignedHeaders(c *collector, listed string) bool {
	names := splitNames(listed)
	m := c.sent
	if m == nil {
		m = c.request()
	}
	shows := m != nil && c.claim.signedHeaders != ""
	for _, n := range names {
		shows = shows && m.has(n) && !c.claim.covers(n)
	}
	if len(names) == 0 && m != nil { // headers of the request that SignedHeaders lacks
		for _, h := range m.headers {
			if n := strings.ToLower(h.Name); strings.HasPrefix(n, "x-amz-") && !c.claim.covers(n) {
				names = append(names, n)
			}
		}
	}
	f := finding{cause: "unsigned-header", certainty: Stated, place: "header", reason: "AWS says that headers were sent and not signed."}
	if len(names) > 0 {
		f.place = "header:" + names[0]
		f.reason = "Sent and not signed: " + strings.Join(names, ", ") + "."
		f.evidence = []Evidence{{Part: "signed-headers", Signed: c.claim.signedHeaders, Arrived: strings.Join(names, ";")}}
	}
	if shows && len(names) > 0 {
		f.certainty = Proved
	}
	c.ruleOut(goodTime)
	c.add(f)
	return true
}

func splitNames(list string) []string {
	names := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
	names = slices.DeleteFunc(names, func(n string) bool { return safeName(n) == "" })
	return names[:min(len(names), 20)]
}

// signedValue returns the value of a header as it was signed, if it is known.
func (c *collector) signedValue(name string) string {
	if m := c.request(); m != nil {
		return m.header(name)
	}
	return ""
}
