package broker

import (
	"errors"
	"strings"

	"countersign/problem"
	"countersign/sending"
)

// sendErrors maps the errors of package sending to codes and details, except those after which AWS may have acted.
var sendErrors = []struct {
	err          error
	code, detail string
}{
	{sending.ErrAddressRefused, "host_not_sendable", "The host's name resolves to an address that requests are not sent to."},
	{sending.ErrName, "aws_unreachable", "The host's name could not be resolved."},
	{sending.ErrTLS, "aws_unreachable", "No secure connection to the host could be made. If its certificate is not trusted, for " +
		"example behind a proxy that intercepts TLS, the operator must set AWS_CA_BUNDLE to the issuer's certificate."},
	{sending.ErrNotConnected, "aws_unreachable", "The host could not be connected to."},
	{sending.ErrBusy, "busy", "The limit of simultaneous requests to this host is reached."},
	{sending.ErrUnsendable, "request_unsendable", "The request cannot be sent as it was signed."},
	{sending.ErrBodyTooLarge, "body_too_large", "The body is too large to be stored while its hash is computed. With its SHA-256 in " +
		"x-amz-content-sha256 it is streamed; the operator can raise max_proxy_body_bytes."},
	{sending.ErrNoSpace, "busy", "There is no space to store the body at the moment."},
	{sending.ErrPayloadHash, "header_invalid", "The header x-amz-content-sha256 has neither a hash nor one of " +
		"AWS's names for a kind of payload."},
	{sending.ErrPayloadKind, "payload_unsupported", "This kind of payload cannot be sent."},
	{sending.ErrChunk, "body_unreadable", "The body is not in signed chunks of at most 1 MiB, as its x-amz-content-sha256 says."},
	{sending.ErrBody, "body_unreadable", "The body is incomplete, or differs from what its headers announced."},
	{sending.ErrTooLarge, "answer_too_large", "The response is larger than may be passed on."},
}

// sendProblem returns the problem of a request without a complete response. If AWS may have done something that must
// not be done twice, the problem says so, and not with a status that makes workflows retry.
func sendProblem(err error, method string) error {
	if p := Problem(err); p.Code != "internal" && p.Code != "caller_gone" { // from signing
		return p
	}
	var failure *sending.Error
	if errors.As(err, &failure) && errors.Is(failure.Kind, sending.ErrUnsendable) && failure.Cause != nil {
		return &problem.Error{
			Code: "request_unsendable", Detail: "The request cannot be sent as it was signed: " + failure.Cause.Error() + ".", Cause: err,
		}
	}
	for _, known := range sendErrors {
		if errors.Is(err, known.err) {
			return &problem.Error{Code: known.code, Detail: known.detail, Cause: err}
		}
	}
	answered := !errors.As(err, &failure) || errors.Is(err, sending.ErrBroken) // but it could not be read
	switch {
	case !answered && !failure.Report.Written() && errors.Is(err, sending.ErrNotSigned):
		return &problem.Error{Code: "session_unavailable", Detail: "Timed out getting an AWS session.", Cause: err}
	case !answered && !failure.Report.Written() && !errors.Is(err, sending.ErrNoResponse):
		return &problem.Error{Code: "aws_unreachable", Detail: "The request was abandoned before it was sent.", Cause: err}
	case !sending.Idempotent(method) && (answered || failure.Report.Written()):
		return &problem.Error{
			Code: "outcome_unknown", Cause: err,
			Detail: "The request was sent, but no complete response arrived. AWS may have done what it asks for.",
		}
	case answered:
		return &problem.Error{Code: "answer_broken", Detail: "The response ended too early.", Cause: err}
	}
	return &problem.Error{
		Code: "aws_timeout", Detail: "The request was sent, but no response arrived: AWS took too long, or the connection was lost.", Cause: err,
	}
}

// sendProblem returns the problem of a request without a response. Lambda responds when the function has ended, which may
// take longer than anybody waits.
func (op *operation) sendProblem(err error) error {
	err = sendProblem(err, op.request.Method)
	var p *problem.Error
	invokes := op.request.Scope.Service == "lambda" && strings.HasSuffix(op.request.URL.Path(), "/invocations")
	if invokes && errors.As(err, &p) && p.Code == "outcome_unknown" {
		p.Detail += " If the function takes long, invoke it with X-Amz-Invocation-Type: Event: Lambda then responds at once, " +
			"and the function has up to 15 minutes."
	}
	return err
}

// Problem returns the problem of a response that could not be read to its end.
func (s *Sent) Problem(err error) error {
	if errors.Is(err, sending.ErrNoSpace) { // AWS has acted, so this must not invite a retry
		return &problem.Error{
			Code: "answer_too_large", Detail: "The response is too large to be held in memory, and spool_dir has no space for it.", Cause: err,
		}
	}
	return sendProblem(err, s.Method)
}
