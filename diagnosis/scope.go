package diagnosis

import (
	"strings"

	"countersign/endpoints"
	"countersign/internal/lazyregexp"
	"countersign/signing"
)

var (
	notRegion    = lazyregexp.New(`(?i)scoped to a valid region, not ["']([\w-]*)["']`)
	wrongRegion  = lazyregexp.New(`(?i)region ["']([\w-]*)["'] is wrong|region name ["']([\w-]+)["'] is not valid`)
	rightRegion  = lazyregexp.New(`(?i)region(?: ["'][\w-]*["'])? is wrong; expecting ["']([\w-]+)["']`)
	bucketRegion = lazyregexp.New(`(?i)bucket is in (?:this region: |['"])([a-z0-9-]+)`)
	endpointIn   = lazyregexp.New(`(?i)(?:this endpoint|specified endpoint|endpoint)[:\s]+["']?([a-z0-9][a-z0-9.-]+\.[a-z]{2,})`)
)

// wrongRegion reports whether the refusal is about the region, in the words of AWS or other vendors.
func (c *collector) wrongRegion() bool {
	return c.says("wrong-region") || c.code("InvalidRegionName") || wrongRegion().MatchString(c.text) ||
		c.mentions("is wrong; expecting") && rightRegion().MatchString(c.text)
}

// inferred returns the scope that the host implies.
func (c *collector) inferred() (endpoints.Scope, bool) {
	m := c.request()
	if m == nil || m.host == "" {
		return endpoints.Scope{}, false
	}
	scope, err := c.in.Hosts.Infer(m.host, m.path)
	return scope, err == nil
}

// inferredFromText returns the scope that the host implies. Without a request, it uses an address in the text, such as that of
// a log line.
func (c *collector) inferredFromText() (endpoints.Scope, bool) {
	if place, ok := c.inferred(); ok || c.request() != nil {
		return place, ok
	}
	host := hostOfAWS().FindString(c.in.Paste)
	if host == "" {
		return endpoints.Scope{}, false
	}
	scope, err := c.in.Hosts.Infer(strings.ToLower(host), "/")
	return scope, err == nil
}

// scopeStated handles what AWS says about the credential scope. One message may report several faults; all are named.
func scopeStated(c *collector) bool {
	place, ok := c.inferredFromText()
	switch {
	case c.needsV4a(place, ok):
		c.add(finding{
			cause: "wrong-algorithm", detail: "needs-sigv4a", certainty: Likely, place: "algorithm",
			reason: "The service accepts " + string(signing.ECDSA) + " (SigV4a) only, and the request is signed with " + string(signing.HMAC) + ".",
		})
	case c.wrongRegion():
		regionStated(c, place, ok)
	}
	if c.says("wrong-service") || c.code("AuthorizationParametersError") && c.mentions("service") {
		serviceStated(c, place, ok)
	}
	if c.says("wrong-scope-date") {
		c.add(finding{
			cause: "wrong-scope-date", certainty: Stated, place: "scope:date", reason: "The day in the scope is not that of the signing time.",
			evidence: []Evidence{{Part: "scope:date", Signed: c.claim.day(), Arrived: clip(c.claim.date, 16)}},
		})
	}
	if c.says("wrong-terminator") || c.mentions("incorrect terminal") {
		c.add(finding{
			cause: "wrong-terminator", certainty: Stated, place: "scope:terminator", reason: "The scope must end in aws4_request.",
			evidence: []Evidence{{Part: "scope:terminator", Signed: c.claim.terminator(), Arrived: "aws4_request"}},
		})
	}
	if c.hasFinding() {
		return true
	}
	return endpointStated(c)
}

// needsV4a: AWS complains about the region although none was named, or cannot authenticate, and the host accepts only
// SigV4a.
func (c *collector) needsV4a(place endpoints.Scope, known bool) bool {
	if c.claim.algorithm == string(signing.ECDSA) {
		return false
	}
	bare := c.mentions("scoped to a valid region") && !notRegion().MatchString(c.text)
	if known {
		only := place.Algorithm == endpoints.SigV4a && place.Quirks.SigV4aOnly
		return only && (bare || c.says("wrong-region", "authentication-failed"))
	}
	return bare
}

func regionStated(c *collector, place endpoints.Scope, known bool) {
	was := c.claim.region()
	for _, p := range []lazyregexp.Expression{wrongRegion, notRegion} {
		if m := p().FindStringSubmatch(c.text); m != nil {
			was = m[len(m)-1]
			if m[1] != "" {
				was = m[1]
			}
		}
	}
	want := safeName(c.refusal.Region.Text())
	if want == "" {
		want = safeName(c.refusal.Field("Region").Text())
	}
	if m := rightRegion().FindStringSubmatch(c.text); m != nil && want == "" {
		want = m[1]
	}
	if want == "" && c.mentions(", auto") && c.mentions("must be one of") { // R2
		want = "auto"
	}
	f := finding{
		cause: "wrong-region", certainty: Stated, place: "scope:region",
		reason: "It was signed for " + orUnknown(was) + ", and AWS does not say which region it expects.",
		fix:    "Sign for the region that the host of the URL names: give it to the signing step, or leave region out there.",
	}
	switch {
	case want != "":
		f.reason = "It was signed for " + orUnknown(was) + ", and AWS expects " + want + "."
	case known && place.Region != "" && place.Region != was:
		want = place.Region
		f.reason = "It was signed for " + orUnknown(was) + ", and the host is in " + want + "."
	}
	if want != "" {
		f.fix = "Sign for region " + want + ": give it to the signing step, or leave region out where the host names it."
	} else {
		c.ask(Question{
			What: "Which region is in the address of the endpoint?",
			Why:  "AWS does not name the right one here.",
			How:  "Send the URL of the request.",
		})
	}
	f.evidence = []Evidence{{Part: "scope:region", Signed: was, Arrived: want}}
	c.ruleOut(goodTime)
	c.add(f)
}

func orUnknown(s string) string {
	if s == "" {
		return "another region"
	}
	return s
}

func serviceStated(c *collector, place endpoints.Scope, known bool) {
	want, was := safeName(c.refusal.Service.Text()), c.claim.service()
	if want == "" && known {
		want = place.Service
	}
	f := finding{
		cause: "wrong-service", certainty: Stated, place: "scope:service", reason: "AWS refuses the service of the scope.",
		evidence: []Evidence{{Part: "scope:service", Signed: was, Arrived: want}},
	}
	if want != "" {
		f.reason = "AWS expects " + want
		if was != "" && was != want {
			f.reason += ", and it was signed for " + was
		}
		f.reason += "."
		f.fix = "Sign for service " + want + ": give it to the signing step, or leave service out where the host names it."
	}
	c.ruleOut(goodTime)
	c.add(f)
}

// endpointStated: the request belongs to another endpoint.
func endpointStated(c *collector) bool {
	bucket := safeName(c.responseHeader("x-amz-bucket-region"))
	moved := c.says("wrong-endpoint") || c.code("PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException",
		"InvalidAddress") ||
		c.mentions("is not valid for this endpoint", "the bucket is in this region", "incorrect region, the bucket is not in") ||
		c.status == 301 || c.status == 307 && c.response != nil && c.responseHeader("x-amz-request-id") != ""
	bare := len(c.refusal.Codes) == 0 && len(c.refusal.Says) == 0 && c.status == 400 // a HEAD response has no body
	if !moved && !(bare && bucket != "" && bucket != c.claim.region()) {
		return false
	}
	want := c.refusal.Field("Endpoint").Text()
	if !plainHost().MatchString(want) {
		want = ""
	}
	if want == "" {
		if m := endpointIn().FindStringSubmatch(c.text); m != nil {
			want = m[1]
		}
	}
	f := finding{cause: "wrong-endpoint", certainty: Stated, place: "host", reason: "AWS sends the request elsewhere."}
	if want != "" {
		f.reason = "AWS names the endpoint " + want + "."
		if !c.sameVendor(want) {
			f.certainty, f.reason = Likely, "The response names the endpoint "+want+", which is not one of AWS's."
			f.fix = "Send no signed request to " + want + ", unless you know whose it is. Take the address of the endpoint from its " +
				"maker's documentation."
			f.code = f.fix
		}
	}
	if m := bucketRegion().FindStringSubmatch(c.text); m != nil && bucket == "" {
		bucket = m[1]
	}
	if bucket != "" {
		f.reason += " The bucket is in " + bucket + "."
	}
	if want == "" && bucket == "" && !c.says("wrong-endpoint") && len(c.refusal.Codes) == 0 {
		f.certainty = Likely
	}
	if place, ok := c.inferred(); bare && ok && bucket == place.Region && bucket != c.claim.region() && c.claim.region() != "" {
		f = finding{
			cause: "wrong-region", certainty: Stated, place: "scope:region",
			reason: "It was signed for " + c.claim.region() + ", and bucket and host are in " + bucket + ".",
		}
	}
	f.evidence = []Evidence{{Part: "host", Signed: c.host(), Arrived: strings.TrimSpace(want + " " + bucket)}}
	c.add(f)
	return true
}

// sameVendor reports whether an endpoint is one of AWS's, or belongs to the domain that the request went to.
func (c *collector) sameVendor(endpoint string) bool {
	name, _, _ := strings.Cut(endpoint, ":")
	labels := strings.Split(c.host(), ".")
	domain := strings.Join(labels[max(0, len(labels)-2):], ".")
	return endpoints.IsAWS(name) || len(labels) > 1 && (name == domain || strings.HasSuffix(name, "."+domain))
}
