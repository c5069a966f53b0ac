package diagnosis

import (
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

// gatewayStated handles API Gateway's terse messages and bare denials.
func gatewayStated(c *collector) bool {
	message := strings.TrimSuffix(strings.TrimSpace(c.refusal.Message.Text()), ".")
	switch {
	case c.says("no-signature"), c.code("MissingAuthenticationToken"),
		c.mentions("access credentials are missing"):
		return noSignature(c)
	case message == "Unauthorized" && c.code("Unauthorized") && c.mentions("<code>unauthorized"): // R2, in S3's form
		c.add(finding{
			cause: "denied-unspecified", certainty: Open, place: "policy",
			reason: "The store says only Unauthorized: its API token may not have access to this bucket, or it does not know the key.",
		})
		c.also("The store does not tell them apart.", "unknown-key", "wrong-secret")
		c.ask(askRequest, askPolicy)
		return true
	case c.says("other-authorizer") || message == "Unauthorized" || c.code("UnauthorizedException") && message == "Token has expired" ||
		c.mentions("the incoming token", "not authorized to make this call", "valid authorization header not provided",
			"make sure your api key is valid"):
		c.ruleOut(notSeen)
		c.add(finding{
			cause: "other-authorizer", certainty: Likely, place: "path",
			reason: "The wording is that of an API Gateway authorizer other than IAM.",
		})
		return true
	case c.mentions("unable to determine service/operation name to be authorized"):
		c.add(finding{
			cause: "unknown-route", certainty: Likely, place: "path",
			reason: "The service has no operation with this method and path, so there is nothing to authorize.",
			fix:    "Check method and path, and the X-Amz-Target header if there is one, against the service's documentation.",
			code:   "Check method and path, and the X-Amz-Target header if there is one, against the service's API reference.",
		})
		return true
	case message == "Forbidden" && strings.Contains(c.host(), ".lambda-url."):
		deniedFunction(c)
		return true
	case message == "Forbidden" && c.mentions(`"traceid"`), message == "Forbidden" && strings.Contains(c.host(), ".iot."):
		c.add(finding{
			cause: "denied-unspecified", certainty: Likely, place: "policy",
			reason: "AWS IoT says Forbidden, and names neither action nor policy.",
			fix:    "Ask whoever runs AWS whether the policy of the caller allows the action, such as iot:Publish, on this topic or thing.",
		})
		c.ask(askPolicy)
		return true
	case message == "Forbidden" && c.mentions("operation error s3", "amazon s3", "service: s3", " s3 bucket", "headobject", "headbucket"):
		return false // the word that SDKs put in place of a response to HEAD
	case message == "Forbidden":
		return forbidden(c)
	}
	return false
}

func noSignature(c *collector) bool {
	m := c.request()
	gateway := strings.Contains(c.host(), ".execute-api.") || c.host() == "" && !c.mentions("request is missing "+
		"authentication token", "<errorresponse", "__type", "detailedmessage")
	switch {
	case m != nil && (c.claim.signed() || c.claim.raw != "") && !strings.Contains(c.host(), "sts"):
		unknownRoute(c, m)
	case gateway && strings.Contains(c.in.Paste, "AWS4-HMAC-SHA256 Credential="):
		if m != nil {
			unknownRoute(c, m)
			return true
		}
		c.ruleOut("A signature was sent, so it is not missing: the route is.")
		c.add(finding{
			cause: "unknown-route", certainty: Likely, place: "path",
			reason: "A signature was sent, so API Gateway does not know the method or the path.",
		})
	case m != nil && c.claim.signed():
		c.add(finding{
			cause: "no-signature", certainty: Likely, place: "header:authorization",
			reason: "The given request is signed, but AWS saw no signature: its Authorization header was lost on the way.",
		})
	case m != nil && !m.headersUnknown:
		f := finding{
			cause: "no-signature", certainty: Proved, place: "header:authorization",
			reason: "The request has no Authorization header and no X-Amz-Signature.",
		}
		if gateway {
			f.certainty = Likely
			c.add(f)
			c.also("API Gateway says the same about a route that does not exist.", "unknown-route")
			return true
		}
		c.add(f)
	case gateway:
		c.add(finding{
			cause: "unknown-route", certainty: Open, place: "path",
			reason: "API Gateway says this both about signed requests whose path, method or stage does not exist and about unsigned requests.",
			fix: "If the request had an Authorization header, compare its address with the invoke URL of the stage, " +
				"https://id.execute-api.region.amazonaws.com/stage/path. If it had none, sign it.",
		})
		c.also("If no signature was sent, that is why.", "no-signature")
		c.ask(Question{
			What: "Was the request signed, and which URL and method did it have?",
			Why:  "With a signature the route is wrong; without one the signature is missing.",
			How:  "Send the request with its headers.",
		})
	default:
		c.add(finding{
			cause: "no-signature", certainty: Stated, place: "header:authorization",
			reason: "AWS says that the request has no signature.",
		})
	}
	return true
}

// unknownRoute: API Gateway has no route for a signed request.
func unknownRoute(c *collector, m *message) {
	c.ruleOut("A signature was sent, so it is not missing: the route is.")
	f := finding{
		cause: "unknown-route", certainty: Likely, place: "path",
		reason: "A signature was sent, so API Gateway does not know " + m.method + " " + clip(m.path, 200) + ".",
	}
	segments := strings.FieldsFunc(m.path, func(r rune) bool { return r == '/' })
	switch {
	case m.fragment:
		f.detail = "fragment"
		f.reason += " There is a # in the address: what follows it is not sent. Write %23."
	case len(segments) == 1 && !strings.HasSuffix(m.path, "/"):
		f.reason += " The stage alone needs a slash after it: " + m.path + "/."
		f.fix = "Write the address with a slash after the stage: " + m.path + "/."
	case len(segments) == 0:
		f.reason += " The path has no stage: https://id.execute-api.region.amazonaws.com/stage/path."
	}
	c.add(f)
}

func forbidden(c *collector) bool {
	c.ruleOut("API Gateway says Forbidden for reasons other than a wrong signature.")
	f := finding{cause: "denied-api-key", certainty: Likely, place: "header:x-api-key", reason: "API Gateway says only Forbidden."}
	if m := c.request(); m != nil {
		switch {
		case strings.HasPrefix(m.path, "/@connections"):
			c.add(finding{
				cause: "unknown-route", certainty: Likely, place: "path", reason: "@connections is called without the stage before it.",
				fix: "Put the stage before @connections: https://id.execute-api.region.amazonaws.com/stage/@connections/id.",
			})
			f.certainty = Open
		case !m.has("x-api-key"):
			f.reason += " The request has no x-api-key."
		default:
			f.reason += " The request has an x-api-key: its usage plan may not include this stage."
		}
	}
	c.add(f)
	c.also("WAF, a private API or a custom domain without mapping give the same "+
		"response.", "waf-blocked", "unknown-route", "denied-resource")
	return true
}

var throttleCodes = []string{
	"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
	"ProvisionedThroughputExceededException", "TransactionInProgressException", "RequestLimitExceeded", "BandwidthLimitExceeded",
	"LimitExceededException", "SlowDown", "PriorRequestNotComplete", "EC2ThrottledException", "TooManyRequests", "Throttled",
}

var faultCodes = []string{
	"InternalError", "InternalFailure", "InternalServerError", "InternalServerException", "InternalServiceError", "ServiceUnavailable",
	"ServiceUnavailableException", "ServiceException", "RequestTimeout", "RequestTimeoutException", "InternalErrorException",
	"ServiceFailureException", "ModelNotReadyException", "XMinioServerNotInitialized", "ModelErrorException", "Unavailable",
	"BadGatewayException",
}

// byStatus handles what has nothing to do with signing: limits, server errors, and errors that come after the
// signature check.
func byStatus(c *collector) bool {
	has := func(list []string) bool { // LimitExceeded is a quota, LimitExceededException a rate
		return slices.ContainsFunc(c.refusal.Codes, func(code reading.Value) bool { return slices.Contains(list, code.Text()) })
	}
	switch {
	case c.status == 429 || has(throttleCodes) || c.says("throttled") || has(faultCodes) && c.mentions("slow down"):
		c.ruleOut("The signature is not the reason.")
		c.add(finding{cause: "throttled", certainty: Stated, place: "request", reason: "AWS says that there are too many requests."})
	case c.status >= 500 && c.status <= 530 || has(faultCodes) || c.status == 0 && c.refusal.Code.Text() == "" &&
		c.mentions("internal server error", "endpoint request timed out", "service unavailable", "server not initialized"):
		if strings.Contains(c.host(), ".execute-api.") || strings.Contains(c.host(), ".lambda-url.") {
			c.ruleOut(rightSignature)
		}
		c.ruleOut("The signature is not the reason.")
		c.add(finding{
			cause: "aws-fault", certainty: Stated, place: "aws",
			reason: "The response is an error of the service" + c.withStatus() + ".",
		})
	default:
		return byGist(c) || c.signatureAccepted()
	}
	return true
}

func (c *collector) withStatus() string {
	if c.status == 0 {
		return ""
	}
	return ", status " + itoa(c.status)
}

// authCodes come before or together with the signature check: they do not show that the signature was right.
var authCodes = []string{
	"AccessDenied", "AccessDeniedException", "AuthFailure", "SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignature",
	"IncompleteSignature", "IncompleteSignatureException", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError",
	"AuthorizationParametersError", "Forbidden", "ForbiddenException", "Unauthorized", "UnauthorizedException", "NotAuthorized",
	"NotAuthorizedException", "UnauthorizedAccess", "UnauthorizedOperation", "InvalidArgument", "InvalidRequest", "MissingFields",
	"MissingSecurityHeader", "XAmzContentSHA256Mismatch", "AuthorizationError", "AuthorizationErrorException", "AllAccessDisabled",
	"InvalidClientTokenId", "UnrecognizedClientException", "InvalidTokenId", "InvalidToken", "BadRequestException", "BadRequest",
}

// acceptedCode matches codes that AWS gives for the content of a request.
var acceptedCode = lazyregexp.New(`^NoSuch|NotFound|^Validation|^Invalid(?:Parameter|Bucket|Range|Part|Object|Digest|Input|State)|` +
	`^Malformed|Exists|AlreadyOwned|Conflict|^Precondition|^ConditionalCheck|^ResourceInUse|^EntityToo|^BadDigest|^MethodNotAllowed|` +
	`^MissingParameter|^NotModified|^Gone|^NotImplemented|^BucketNot|^Kms|^QueueDoesNotExist|NonExistentQueue|^LimitExceeded|` +
	`^UnsupportedOperation|^Expired(?:Iterator|NextToken|ImportToken|Stream|Trim)|^Iterator|^DryRun|` +
	`^MessageRejected|^TransactionCanceled|^ItemCollection|^RequestEntityTooLarge|^KeyTooLong`)

// authWords matches words in codes that may be about a signature, whichever service gives them.
var authWords = lazyregexp.New(`(?i)auth|signature|credential|denied|forbidden|permission|accesskey|securitytoken|identitytoken`)

// aboutContent reports whether a code that AWS uses both for signatures and for other things is about other things here:
// its message mentions no part of a signature.
func (c *collector) aboutContent(code string) bool {
	shared := code == "InvalidArgument" || code == "InvalidRequest" || code == "BadRequestException" || code == "BadRequest"
	return shared && c.refusal.Message.Text() != "" && !c.claimsMalformed() && !c.mentions(
		"signature", "signed", "authoriz", "authentic", "credential", "x-amz-content-sha256", "x-amz-date", "security token", "security-token",
		"access key", "expires", "algorithm", "mechanism",
	)
}

// claimsMalformed reports whether the request itself shows a malformed claim.
func (c *collector) claimsMalformed() bool {
	return c.claim.inHeader && !c.soundHeader() || c.claim.presigned && c.badCredential() != ""
}

// signatureAccepted reports whether the code is one that AWS gives only after it has accepted the signature.
func (c *collector) signatureAccepted() bool {
	code := c.refusal.Code.Text()
	unnamed := code == "" && (c.status == 404 || c.status == 405 || c.status >= 409 && c.status <= 422) // these come after the signature check
	if code != "" && (slices.Contains(authCodes, code) || !acceptedCode().MatchString(code) && authWords().MatchString(code)) &&
		!c.aboutContent(code) || code == "" && !unnamed || c.status > 0 && c.status < 300 {
		return false
	}
	message := strings.TrimSuffix(strings.TrimSpace(c.refusal.Message.Text()), ".")
	if message == "Not Found" && (c.host() == "" || strings.Contains(c.host(), ".execute-api.")) {
		c.add(finding{
			cause: "unknown-route", certainty: Likely, place: "path",
			reason: "API Gateway's HTTP APIs say Not Found for a route that does not exist.",
		})
		return true
	}
	f := finding{cause: "signature-right", detail: "bad-request", certainty: Stated, place: "request"}
	f.reason = "AWS answers " + orThe(code, itoa(c.status)) + ", which comes after the signature was checked."
	if strings.HasPrefix(code, "NoSuch") || strings.Contains(code, "NotFound") || strings.Contains(code, "NotExist") ||
		strings.Contains(code, "NonExistent") || code == "GoneException" || c.status == 404 || c.status == 410 {
		f.detail = "not-found"
	}
	if unnamed || !acceptedCode().MatchString(code) {
		f.certainty = Likely
	}
	if m := c.quoted(300); m != "" {
		f.reason += " It says: " + m
	}
	c.ruleOut(rightSignature)
	c.add(f)
	return true
}
