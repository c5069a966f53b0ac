package diagnosis

// Places lists where something can be wrong in a request, in order: first the parts of its canonical request, named
// as in the lines of an explanation, then what it was signed with, then what is not part of it. A place may name one
// of its parts after a colon: header:content-type, scope:region.
func Places() []string {
	return []string{
		"method", "path", "query", "host", "header", "signed-headers", "payload-hash", "body",
		"string-to-sign", "credential", "time", "scope", "algorithm", "key", "secret", "token", "signature",
		"request", "action", "policy", "account", "aws",
	}
}
