package reading

import (
	"slices"
	"strings"
	"sync"
)

// Saying is a recognized sentence of AWS, or of something in front of it.
type Saying struct {
	ID    string
	Value Value
	Codes []string // the error codes that AWS uses with this sentence, if the text names none
}

// sentence says how to recognize a sentence. The text in has, which is in lower case, must occur, ignoring case. The
// pattern narrows the match and extracts values from it.
type sentence struct {
	id      string
	has     string
	pattern expression
	codes   string
}

// The groups of a pattern fill these facts: region, service, signed, server, headers, code.
var sentences = []sentence{
	{"mismatch", "ignature we calculated does not match", nil, "SignatureDoesNotMatch InvalidSignatureException"},
	{
		"signed-header-missing", "is named as a signedheader",
		lazy(`(?i)'?(?P<headers>[\w-]+)'? is named as a SignedHeader, but it does`),
		"InvalidSignatureException",
	},
	{"host-not-signed", "must be a 'signedheader'", nil, "InvalidSignatureException SignatureDoesNotMatch"},
	{"headers-not-signed", "headers present in the request which were not signed", nil, "AccessDenied"},
	{"component-missing", "authorization header requires", nil, "IncompleteSignatureException IncompleteSignature MissingAuthenticationToken"},
	{"not-key-value", "key=value pair", nil, "IncompleteSignatureException IncompleteSignature"},
	{"three-components", "requires three components", nil, "AuthorizationHeaderMalformed"},
	{"authorization-malformed", "authorization header is malformed", nil, "AuthorizationHeaderMalformed"},
	{"authorization-malformed", "authorization header that you provided is not valid", nil, "AuthorizationHeaderMalformed"},
	{"credential-malformed", "credential is mal-formed", nil, "AuthorizationHeaderMalformed"},
	{"two-mechanisms", "only one auth mechanism allowed", nil, "InvalidArgument"},
	{"mechanism-unsupported", "uthorization mechanism you have provided is not supported", nil, "InvalidRequest"},
	{
		"wrong-region", "is wrong; expecting",
		lazy(`(?i)region ['"][\w-]*['"] is wrong; expecting ['"]` +
			`(?P<region>[\w-]+)['"]`),
		"AuthorizationHeaderMalformed AuthorizationQueryParametersError",
	},
	{"wrong-region", "scoped to a valid region", nil, "InvalidSignatureException SignatureDoesNotMatch"},
	{
		"wrong-service", "correct service",
		lazy(`(?i)correct service:? ['"](?P<service>[\w-]+)['"]`),
		"InvalidSignatureException SignatureDoesNotMatch",
	},
	{
		"wrong-service", "incorrect service",
		lazy(`(?i)incorrect service[^.]{0,80}belongs to ['"](?P<service>[\w-]+)['"]|incorrect service`),
		"AuthorizationHeaderMalformed",
	},
	{"wrong-scope-date", "date in credential scope does not match", nil, "InvalidSignatureException SignatureDoesNotMatch"},
	{"wrong-scope-date", "invalid credential date", nil, "AuthorizationHeaderMalformed"},
	{"wrong-terminator", "scoped with a valid terminator", nil, "InvalidSignatureException SignatureDoesNotMatch"},
	{
		"signature-expired", "signature expired:",
		lazy(`(?i)Signature expired: (?P<signed>\S+) is now earlier than \S+(?: \(` +
			`(?P<server>\S+) [-+] [0-9]+ min)?`),
		"SignatureDoesNotMatch InvalidSignatureException",
	},
	{
		"not-yet-current", "signature not yet current",
		lazy(`(?i)Signature not yet current: (?P<signed>\S+) is still later than \S+(?: \(` +
			`(?P<server>\S+) [-+] [0-9]+ min)?`),
		"InvalidSignatureException SignatureDoesNotMatch",
	},
	{"clock-skew", "difference between the request time and the", nil, "RequestTimeTooSkewed"},
	{"clock-skew", "equest timestamp is too skewed", nil, "RequestTimeTooSkewed"},
	{"request-expired", "request has expired", nil, "AccessDenied RequestExpired"},
	{"expires-invalid", "x-amz-expires", lazy(`(?i)X-Amz-Expires (?:should|must) be[^<"\n]{0,80}`), "AuthorizationQueryParametersError"},
	{"query-incomplete", "uery-string authentication version 4 requires", nil, "AuthorizationQueryParametersError"},
	{
		"token-invalid", "ecurity token included in the request is invalid",
		nil, "UnrecognizedClientException InvalidClientTokenId InvalidTokenId",
	},
	{"token-expired", "ecurity token included in the request is expired", nil, "ExpiredTokenException ExpiredToken"},
	{"token-expired", "rovided token has expired", nil, "ExpiredToken"},
	{"token-malformed", "rovided token is malformed", nil, "InvalidToken"},
	{"key-unknown", "ccess key id you provided does not exist", nil, "InvalidAccessKeyId"},
	{"key-unknown", "access key id provided does not exist", nil, "InvalidClientTokenId UnrecognizedClientException"},
	{"auth-failure", "not able to validate the provided access credentials", nil, "AuthFailure"},
	{"no-signature", "issing authentication token", nil, "MissingAuthenticationTokenException MissingAuthenticationToken"},
	{"not-authorized", "is not authorized to perform", nil, "AccessDenied AccessDeniedException UnauthorizedOperation"},
	{"encoded-message", "ncoded authorization failure message", nil, "UnauthorizedOperation"},
	{"other-authorizer", "not authorized to access this resource", nil, "AccessDeniedException"},
	{"function-url", "for troubleshooting function url", nil, "AccessDeniedException"},
	{"hash-mismatch", "header does not match what was computed", nil, "XAmzContentSHA256Mismatch"},
	{"hash-missing", "missing required header for this request", nil, "InvalidRequest"},
	{"authentication-failed", "authentication failed", nil, "AccessDeniedException"},
	{"access-denied", "access denied", lazy(`Access Denied|(?i:access denied)[.!]?\s*(?:$|["'<])`), "AccessDenied"},
	{"wrong-endpoint", "must be addressed using the specified endpoint", nil, "PermanentRedirect TemporaryRedirect"},
	{"wrong-endpoint", "location constraint is incompatible", nil, "IllegalLocationConstraintException"},
	{"wrong-endpoint", "please send all future requests to this endpoint", nil, "PermanentRedirect"},
	{"not-subscribed", "needs a subscription", nil, "OptInRequired SubscriptionRequiredException"},
	{"not-subscribed", "have access to the model with the specified model id", nil, "AccessDeniedException"},
	{"throttled", "rate exceeded", nil, "ThrottlingException Throttling TooManyRequestsException"},
	{"throttled", "reduce your request rate", nil, "SlowDown"},
	{"waf-page", "enerated by cloudfront", nil, ""},
	{"waf-page", "request blocked", lazy(`Request blocked`), ""},
	{"client-refused-header", "the format of value '", nil, ""},
	{"client-refused-header", "failed to copy the http header", nil, ""},
}

// knownCodes are the codes that are recognized wherever they come before a colon.
var knownCodes = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, s := range sentences {
		for code := range strings.FieldsSeq(s.codes) {
			known[code] = true
		}
	}
	for code := range strings.FieldsSeq(`AccessDenied AllAccessDisabled BadDigest BadRequestException ConditionalCheckFailedException
		EntityAlreadyExists ForbiddenException InternalError InternalFailure InternalServerError InvalidArgument
		InvalidBucketName InvalidClientTokenIdException InvalidDigest InvalidParameterValue
		InvalidParameterCombination InvalidRequestException InvalidURI KMSAccessDeniedException LimitExceededException
		MalformedXML MalformedPOSTRequest MalformedPolicyDocument MethodNotAllowed MissingFields MissingParameter
		MissingSecurityHeader NoSuchBucket NoSuchKey NoSuchUpload NotFoundException NotImplemented NotSignedUp
		OptInRequired RegionDisabledException RequestTimeout ResourceNotFoundException ServiceUnavailable
		ServiceUnavailableException SignatureVersionNotSupported TooManyRequestsException UnauthorizedAccess
		UnknownOperationException ValidationError ValidationException WAFBlockedException XMinioInvalidObjectName
		AuthorizationParametersError InvalidRegionName BucketRegionError ExpiredRequest InvalidSecurity AuthenticationRequired
		InvalidSignature UnrecognizedClient AccountProblem RequestExpired InternalServerException`) {
		known[code] = true
	}
	return known
})

// sentences looks for known sentences and for the wording of SDKs in a text. It reports whether it found any.
func (g *gatherer) sentences(v Value) bool {
	before := len(g.out.Says) + len(g.out.Codes)
	g.wordings(v)
	s := lowerASCII(v.Text())
	for i := range sentences {
		if at := strings.Index(s, sentences[i].has); at >= 0 {
			g.say(v, &sentences[i], at)
		}
	}
	g.canonicalIn(v)
	g.authorizationIn(v)
	return len(g.out.Says)+len(g.out.Codes) > before
}

// lowerASCII returns a text in lower case without moving any byte.
func lowerASCII(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) < 0 {
		return s
	}
	out := []byte(s)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}

func (g *gatherer) say(v Value, rule *sentence, at int) {
	s := v.Text()
	start := at
	if rule.pattern != nil {
		window := s[max(0, at-200):min(len(s), at+1000)]
		m := rule.pattern().FindStringSubmatchIndex(window)
		if m == nil {
			return
		}
		shift := max(0, at-200)
		start = shift + m[0]
		for i, name := range rule.pattern().SubexpNames() {
			if name != "" && m[2*i] >= 0 {
				g.fact(name, v.Slice(shift+m[2*i], shift+m[2*i+1]))
			}
		}
	}
	g.strong = true
	message := v
	if !g.wholeText || hasMarks(s) {
		message = messageAt(v, start)
	}
	if len(g.out.Says) < 40 && !g.said(rule.id) {
		g.out.Says = append(g.out.Says, Saying{rule.id, message, strings.Fields(rule.codes)})
	}
	g.message(message)
}

// bareSentence is all that API Gateway says in some refusals.
var bareSentence = sentence{"forbidden", "Forbidden", nil, "ForbiddenException AccessDeniedException UnauthorizedException"}

func (g *gatherer) said(id string) bool {
	return slices.ContainsFunc(g.out.Says, func(s Saying) bool { return s.ID == id })
}

func isMessage(key string) bool {
	return key == "message" || key == "errormessage" || key == "errordescription"
}

func (g *gatherer) fact(name string, v Value) {
	switch name {
	case "region":
		set(&g.out.Region, v)
	case "service":
		set(&g.out.Service, v)
	case "signed":
		set(&g.out.SignedTime, v)
	case "server":
		set(&g.out.ServerTime, v)
	case "headers":
		set(&g.out.HeadersNotSigned, v)
	case "code":
		g.code(v)
	case "requestid":
		set(&g.out.RequestID, v)
	case "hostid":
		set(&g.out.HostID, v)
	case "status":
		g.field(derived("statusCode", v), v)
	}
}

// messageAt returns the message in which a sentence was found. A short text is the message as a whole; in a longer
// one it is the line, from where the message begins, with AWS's own texts after it.
func messageAt(v Value, at int) Value {
	s := v.Text()
	if v.Len() <= 4096 && !strings.Contains(strings.TrimSpace(s), "\n\tat ") && leadingText(s[:at]) && !hasMarks(s) {
		return v
	}
	start := strings.LastIndexAny(s[:at], "\n") + 1
	head := s[start:at]
	if i := strings.LastIndex(head, "User: "); i >= 0 {
		start += i
	} else {
		for _, stop := range []string{": ", "- "} {
			if i := strings.LastIndex(head, stop); i >= 0 {
				start += i + len(stop)
				break
			}
		}
	}
	end := start + len(firstLine(s[start:]))
	if echo := strings.Index(s[end:min(len(s), end+400)], canonicalLead); echo >= 0 {
		end = echoEnd(s, end)
	} else if i := strings.IndexAny(s[at:end], "<"); i >= 0 {
		end = at + i
	} else if i := strings.Index(s[at:end], " (Service: "); i >= 0 {
		end = at + i
	} else if i := strings.Index(s[at:end], " (Aws::"); i >= 0 {
		end = at + i
	}
	if start < len(s) && (s[start] == '"' || s[start] == '\'') { // Message: "…"
		if closing := strings.IndexByte(s[start+1:end], s[start]); closing >= 0 && start+1+closing > at {
			return v.Slice(start+1, start+1+closing)
		}
	}
	return v.Slice(min(start, at), max(end, at)).trim()
}

// leadingText reports whether the text before a sentence is part of its message.
func leadingText(before string) bool {
	return !strings.Contains(before, "\n") && !strings.Contains(before, ": ") && !strings.Contains(before, ":\t")
}

// hasMarks reports whether a text is a log or an exception rather than a message alone.
func hasMarks(s string) bool {
	for _, mark := range []string{" (Service: ", "status code: ", "{", "<", "\n    at ", "\n   at ", "\n\tat ", "Traceback", "' RequestId: "} {
		if strings.Contains(s, mark) {
			return true
		}
	}
	return false
}
