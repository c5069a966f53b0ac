package diagnosis

import (
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/signing"
)

var quotedCredential = lazyregexp.New(`(?:component ["']Credential=|elements, [^"']*got ["'])([^"'\n]*)["']`)

// badCredentialWords are the words of AWS and other vendors for a Credential or a key id that they cannot read.
var badCredentialWords = []string{
	`component "credential=`, "component 'credential=", "non-empty access key", "credential access key has length",
	"slash-delimited elements", "malformed access key id", "credential is mal-formed",
	"incorrect date format", "date in the credential must be", "error parsing the x-amz-credential parameter",
}

// keyIDForm is the form of access key ids at AWS and at S3-compatible stores.
var keyIDForm = lazyregexp.New(`^[A-Za-z0-9_-]{3,128}$`)

// badCredential returns the detail of a Credential that no service accepts, or "".
func (c *collector) badCredential() string {
	want := 4
	if c.claim.algorithm == string(signing.ECDSA) {
		want = 3
	}
	switch {
	case c.claim.credential == "":
		return ""
	case !keyIDForm().MatchString(c.claim.keyID):
		return "key-id"
	case len(c.claim.scope) != want:
		return "parts"
	}
	return ""
}

func malformedCredential(c *collector) bool {
	if m := quotedCredential().FindStringSubmatch(c.text); m != nil && c.claim.credential == "" {
		c.claim.set("Credential", m[1])
	}
	f := finding{
		cause: "malformed-credential", detail: c.badCredential(), certainty: Stated, place: "header:authorization",
		reason: "AWS cannot read the Credential; it reads id/date/region/service/aws4_request.",
	}
	if c.claim.presigned {
		f.place = "query"
	}
	switch f.detail {
	case "":
		if c.mentions("non-empty access key", "has length", "malformed access key id") {
			f.detail, f.reason, f.side = "key-id", "AWS does not accept the access key id: "+c.quoted(200), SideCredentials
		}
	case "parts":
		f.reason = "The Credential has " + plural(len(c.claim.scope)+1, "part") + " in place of five: id/date/region/service/aws4_request."
	case "key-id":
		f.reason = "The access key id in the Credential is empty or has characters that no key has: " +
			"id/date/region/service/aws4_request is the form."
		f.side = SideCredentials
	}
	if c.claim.swapped() != nil {
		f.side = SideCredentials
		f.reason += " It begins with what looks like a secret access key: key id and secret were swapped."
		f.fix = "Ask whoever runs the profile to make a new key, since this secret was sent and perhaps logged, and to enter id and secret " +
			"each in its own place."
		f.code = "Make a new key, since this secret was sent and perhaps logged; give id and secret each in its own place."
	}
	if c.claim.credential != "" {
		f.evidence = []Evidence{{Part: "credential", Signed: c.claim.credential, Arrived: "id/date/region/service/aws4_request"}}
	}
	c.add(f)
	return true
}

func plural(n int, word string) string {
	s := itoa(n) + " " + word
	if n != 1 {
		s += "s"
	}
	return s
}

// byForm looks at the request itself if the refusal says nothing about its form or is not given.
func byForm(c *collector) bool {
	m := c.request()
	switch {
	case m == nil:
		return false
	case c.claim.inHeader && c.claim.presigned:
		c.add(finding{
			cause: "two-signatures", certainty: Proved, place: "header:authorization",
			reason: "The request has X-Amz-Signature in its URL and an Authorization header.",
		})
	case c.claim.v2:
		c.add(finding{
			cause: "sigv2", certainty: Proved, place: "header:authorization",
			reason: "The request has the form of Signature Version 2.",
		})
	case c.claim.raw != "" && !strings.HasPrefix(c.claim.scheme, "AWS4-"):
		return otherScheme(c, Proved)
	case c.claim.inHeader && !c.soundHeader():
		return headerAtHand(c, nil)
	case c.claim.presigned && c.badCredential() != "":
		return malformedCredential(c)
	case c.claim.signed() && c.claim.signedHeaders != "" && !c.claim.covers("host") && !c.claim.covers(":authority"):
		c.add(finding{cause: "host-not-signed", certainty: Proved, place: "header:host", reason: "SignedHeaders does not list host."})
	case c.claim.signed() && c.claim.date == "":
		return missingDate(c, Likely)
	default:
		return false
	}
	return true
}
