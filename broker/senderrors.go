package broker

import (
	"errors"

	"countersign/problem"
	"countersign/sending"
)

// sendErrors maps the errors of package sending to codes and details, but for those where AWS may have done what was asked for.
var sendErrors = []struct {
	err          error
	code, detail string
}{
	{sending.ErrAddressRefused, "host_not_sendable", "The host's name leads to an address that requests are not sent to."},
	{sending.ErrName, "aws_unreachable", "The host's name could not be resolved."},
	{sending.ErrTLS, "aws_unreachable", "There was no secure connection to the host. Where its certificate is not trusted, as behind a " +
		"proxy that opens TLS, the operator gives the issuer's in AWS_CA_BUNDLE."},
	{sending.ErrNotConnected, "aws_unreachable", "The host could not be connected to."},
	{sending.ErrBusy, "busy", "As many requests to this host are under way as may be."},
	{sending.ErrUnsendable, "request_unsendable", "The request cannot be sent as it was signed."},
	{sending.ErrBodyTooLarge, "body_too_large", "The body is larger than is held for its hash. With its SHA-256 in x-amz-content-sha256 it " +
		"is passed on as it comes; the operator can raise max_proxy_body_bytes."},
	{sending.ErrNoSpace, "busy", "There is no space to hold the body at the moment."},
	{sending.ErrPayloadHash, "header_invalid", "The header x-amz-content-sha256 holds neither a hash nor AWS's name for a payload."},
	{sending.ErrPayloadKind, "payload_unsupported", "A payload of this kind cannot be sent."},
	{sending.ErrChunk, "body_unreadable", "The body is not in signed chunks of at most 1 MiB, as its x-amz-content-sha256 says."},
	{sending.ErrBody, "body_unreadable", "The body is incomplete, or differs from what its headers announced."},
	{sending.ErrTooLarge, "answer_too_large", "The response is larger than may be passed on."},
}

// sendProblem is what the caller is told of a request without a whole response. Where AWS may have done what must not be done
// twice, it says so, and not with a status that workflows take for leave to repeat.
func sendProblem(err error, method string) error {
	if p := Problem(err); p.Code != "internal" && p.Code != "caller_gone" { // of signing
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
	answered := !errors.As(err, &failure) || errors.Is(err, sending.ErrBroken) // and it could not be read
	switch {
	case !answered && !failure.Report.Written() && errors.Is(err, sending.ErrNotSigned):
		return &problem.Error{Code: "session_unavailable", Detail: "Timed out getting an AWS session.", Cause: err}
	case !answered && !failure.Report.Written() && !errors.Is(err, sending.ErrNoResponse):
		return &problem.Error{Code: "aws_unreachable", Detail: "The request was given up before it was sent.", Cause: err}
	case !sending.Idempotent(method) && (answered || failure.Report.Written()):
		return &problem.Error{
			Code: "outcome_unknown", Detail: "The request was sent, and no whole response came. AWS may have done what it asks for.", Cause: err,
		}
	case answered:
		return &problem.Error{Code: "answer_broken", Detail: "The response ended too early.", Cause: err}
	}
	return &problem.Error{
		Code: "aws_timeout", Detail: "The request was sent, and no response came: AWS took too long, or the connection was lost.", Cause: err,
	}
}

// Problem is that of a response that could not be read to its end.
func (s *Sent) Problem(err error) error {
	if errors.Is(err, sending.ErrNoSpace) { // AWS did what it was asked for, so this is no leave to repeat it
		return &problem.Error{
			Code: "answer_too_large", Detail: "The response is larger than is held in memory, and spool_dir has no space for it.", Cause: err,
		}
	}
	return sendProblem(err, s.Method)
}
