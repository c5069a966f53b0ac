package credentials

import (
	"context"
	"errors"
	"net"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// class says what an error code means for the requested session.
type class struct {
	kind error
	// revoked: the role or its caller lost its permission; a cached session must not be used any more.
	revoked bool
	// source: the keys or the token used for the call are bad; others may work.
	source bool
	// elsewhere: another region may work.
	elsewhere bool
	// busy: the call was not made.
	busy bool
	// throttled: AWS accepts no more calls for now.
	throttled bool
}

// codes are the known error codes of STS and Cognito, from the API references' lists of errors. Only these are ever
// shown: a server may write anything into its error code.
var codes = map[string]class{
	"AccessDenied":           {kind: ErrDenied, revoked: true},
	"AccessDeniedException":  {kind: ErrDenied, revoked: true},
	"NotAuthorizedException": {kind: ErrDenied, revoked: true},
	"OptInRequired":          {kind: ErrDenied, revoked: true},

	"ExpiredToken":                {kind: ErrConfiguration, source: true},
	"ExpiredTokenException":       {kind: ErrConfiguration, source: true},
	"InvalidIdentityToken":        {kind: ErrConfiguration, source: true},
	"InvalidClientTokenId":        {kind: ErrConfiguration, source: true, revoked: true},
	"UnrecognizedClientException": {kind: ErrConfiguration, source: true, revoked: true},
	"InvalidAccessKeyId":          {kind: ErrConfiguration, source: true, revoked: true},
	"SignatureDoesNotMatch":       {kind: ErrConfiguration, source: true},
	"InvalidSignatureException":   {kind: ErrConfiguration, source: true},
	"MissingAuthenticationToken":  {kind: ErrConfiguration, source: true},
	"IncompleteSignature":         {kind: ErrConfiguration, source: true},

	"RegionDisabledException":                   {kind: ErrConfiguration, elsewhere: true},
	"MalformedPolicyDocument":                   {kind: ErrConfiguration},
	"PackedPolicyTooLarge":                      {kind: ErrConfiguration},
	"ValidationError":                           {kind: ErrConfiguration},
	"ValidationException":                       {kind: ErrConfiguration},
	"SessionDurationEscalationException":        {kind: ErrConfiguration},
	"IDPRejectedClaim":                          {kind: ErrConfiguration},
	"InvalidParameterException":                 {kind: ErrConfiguration},
	"InvalidParameterValue":                     {kind: ErrConfiguration},
	"InvalidParameterCombination":               {kind: ErrConfiguration},
	"MissingParameter":                          {kind: ErrConfiguration},
	"InvalidAction":                             {kind: ErrConfiguration},
	"InvalidIdentityPoolConfigurationException": {kind: ErrConfiguration},
	"ResourceNotFoundException":                 {kind: ErrConfiguration},
	"ResourceConflictException":                 {kind: ErrConfiguration},
	"RequestTimeTooSkewed":                      {kind: ErrClockSkew},
	"RequestExpired":                            {kind: ErrClockSkew},

	"Throttling":               {kind: ErrUnavailable, elsewhere: true, throttled: true},
	"ThrottlingException":      {kind: ErrUnavailable, elsewhere: true, throttled: true},
	"TooManyRequestsException": {kind: ErrUnavailable, elsewhere: true, throttled: true},
	"RequestLimitExceeded":     {kind: ErrUnavailable, elsewhere: true, throttled: true},
	"LimitExceededException":   {kind: ErrUnavailable},
	"SlowDown":                 {kind: ErrUnavailable, elsewhere: true, throttled: true},
	"ServiceUnavailable":       {kind: ErrUnavailable, elsewhere: true},
	"InternalFailure":          {kind: ErrUnavailable, elsewhere: true},
	"InternalError":            {kind: ErrUnavailable, elsewhere: true},
	"InternalErrorException":   {kind: ErrUnavailable, elsewhere: true},
	"ExternalServiceException": {kind: ErrUnavailable},
	"RequestTimeout":           {kind: ErrUnavailable, elsewhere: true},
	"RequestTimeoutException":  {kind: ErrUnavailable, elsewhere: true},
	"IDPCommunicationError":    {kind: ErrUnavailable},
}

func fail(kind error, code string) *Error {
	return &Error{Kind: kind, Code: code, class: class{kind: kind, elsewhere: errors.Is(kind, ErrUnavailable)}}
}

// classify reduces any SDK error to a class and a known code. It fails closed: the text of an error that it does not
// recognise is kept only in Detail, and there without the secrets that were sent.
func classify(err error, secrets ...string) *Error {
	var known *Error
	if errors.As(err, &known) {
		out := *known // RetryAfter is set on it later
		return &out
	}
	status, id := httpStatus(err)
	out := classifyCode(err, status)
	out.Detail = detail(err, secrets...)
	if validRequestID(id) {
		out.RequestID = id
	}
	return out
}

func classifyCode(err error, status int) *Error {
	var api smithy.APIError
	if errors.As(err, &api) {
		if c, ok := codes[api.ErrorCode()]; ok {
			return &Error{Kind: c.kind, Code: api.ErrorCode(), class: c}
		}
	}
	var net net.Error
	var badReply *smithy.DeserializationError
	switch {
	case errors.Is(err, ErrLoginExpired): // from the profile below
		return fail(ErrLoginExpired, "")
	case errors.Is(err, errReplyTooLarge):
		return fail(ErrUnavailable, "answer too large")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &net) && net.Timeout():
		return fail(ErrUnavailable, "timeout")
	case errors.Is(err, context.Canceled):
		return fail(ErrUnavailable, "canceled")
	case status == http.StatusTooManyRequests:
		e := fail(ErrUnavailable, "HTTP "+http.StatusText(status))
		e.class.throttled = true
		return e
	case status == http.StatusRequestTimeout, status >= 500:
		return fail(ErrUnavailable, "HTTP "+http.StatusText(status))
	case errors.As(err, &badReply):
		return fail(ErrUnavailable, "malformed answer")
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		// A proxy can respond with 403 too: that is no reason to drop a session that works.
		return fail(ErrDenied, unrecognisedRefusal)
	case status >= 400:
		return fail(ErrConfiguration, "unrecognised error")
	}
	return fail(ErrUnavailable, "connection")
}

// unrecognisedRefusal is the code of a refusal that gives no reason.
const unrecognisedRefusal = "unrecognised refusal"

func httpStatus(err error) (status int, id string) {
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		id = resp.ServiceRequestID()
	}
	return status, id
}
