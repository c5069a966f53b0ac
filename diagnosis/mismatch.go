package diagnosis

// mismatched says whether AWS computed another signature.
func (c *collector) mismatched() bool {
	return c.says("mismatch") || c.code("SignatureDoesNotMatch", "InvalidSignatureException") || c.arrived.given()
}

// byMismatch finds what differs where AWS computed another signature.
func byMismatch(c *collector) {
	if c.answered() || !c.mismatched() {
		return
	}
	c.ruleOut(goodScope)
	c.add(finding{cause: "unclear", certainty: Open, reason: "The signature does not match, and what is at hand does not tell why. Look at the body and content-type first."})
	c.ask(askRequest, askCanonical, askProfile)
}
