package diagnosis

// Places are where in a request something can be wrong, in its order: those of its
// canonical request by the names that the lines of an explanation have, then what it
// was signed with, then what is no part of it. A place may name a part of it behind a
// colon: header:content-type, scope:region.
func Places() []string {
	return []string{
		"method", "path", "query", "host", "header", "signed-headers", "payload-hash", "body",
		"string-to-sign", "credential", "time", "scope", "algorithm", "key", "secret", "token", "signature",
		"request", "action", "policy", "account", "aws",
	}
}
