package broker

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// sentinels maps the errors of the packages below to codes and details. Any other error is a 500 without details.
var sentinels = []struct {
	err          error
	code, detail string
}{
	{access.ErrNoCredentials, "unauthenticated", "The request has no API key and no token."},
	{access.ErrTokenTime, "unauthenticated", "The token has expired, or is not valid yet. Get a new one for each call."},
	{access.ErrTokenAudience, "unauthenticated", "The token is for another audience. Request one for this " +
		"service: its application ID URI, or the client ID that the operator has listed."},
	{access.ErrPerson, "forbidden", "The token is a person's, and this service accepts only those of applications. The " +
		"operator can admit people with users: true."},
	{access.ErrNoRole, "forbidden", "The caller has none of the roles that this service requires. The " +
		"administrator of the directory can assign one."},
	{access.ErrTwoKeys, "credentials_conflict", "The request has two different keys, or a key beside the sign-in of a platform."},
	{access.ErrBadCredentials, "unauthenticated", "The API key or token is not valid."},
	{credentials.ErrUnknownProfile, "profile_unknown", "There is no such profile, or none is named and there is no default profile."},
	{credentials.ErrDenied, "session_denied", "AWS refused a session to this profile."},
	{credentials.ErrConfiguration, "session_misconfigured", "The profile's credentials are misconfigured."},
	{credentials.ErrClockSkew, "session_misconfigured", "The clock of this server is more than 15 minutes off."},
	{credentials.ErrTooShort, "session_short", "No session of this profile lasts as long as requested."},
	{credentials.ErrLoginRequired, "login_required", "This profile signs as the caller and needs a token of the caller's own."},
	{credentials.ErrLoginIssuer, "login_required", "This profile accepts tokens from another issuer."},
	{credentials.ErrLoginAudience, "login_required", "The token has no audience (aud), as access tokens of Amazon Cognito have " +
		"none: send the ID token."},
	{credentials.ErrLoginExpired, "login_expired", "The token ends too soon to sign with it."},
	{credentials.ErrUnavailable, "session_unavailable", "The source of the AWS session did not respond, or has no keys."},
	{access.ErrForbidden, "forbidden", "The caller is known, but may not use this service."},
	{access.ErrUnavailable, "identity_unavailable", "Your identity cannot be checked at the moment."},
	{access.ErrAudit, "audit_unavailable", "The audit record could not be written, so nothing was signed."},
}

// Problem gives every error a code. Only a [problem.Error] has details of its own.
func Problem(err error) *problem.Error {
	var p *problem.Error
	if errors.As(err, &p) {
		return p
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			p := &problem.Error{Code: s.code, Detail: s.detail, Cause: err}
			if e := new(credentials.Error); errors.As(err, &e) {
				p.RetryAfter = e.RetryAfter
			}
			if s.code == "profile_unknown" {
				p.Fields = []problem.Field{{Part: "profile", Detail: "must be a profile that GET /v1/profiles lists."}}
			}
			return p
		}
	}
	if busy := new(access.BusyError); errors.As(err, &busy) {
		return &problem.Error{Code: "busy", Detail: "The service is handling as many requests as it can.", RetryAfter: busy.RetryAfter}
	}
	if errors.Is(err, context.Canceled) {
		return &problem.Error{Code: "caller_gone", Detail: "The caller has closed the connection.", Cause: err}
	}
	return &problem.Error{Code: "internal", Detail: "The request could not be served.", Cause: err}
}

// InputProblem turns an error about an input into the problem of a part. It returns other errors unchanged.
func InputProblem(err error) error { return problemIn(err, false) }

func (op *operation) problem(err error) error {
	if err == nil {
		return nil
	}
	var input *signing.InputError
	if op.stream != nil && errors.As(err, &input) && input.Part == signing.InputPayloadHash { // which came in a header
		return inputProblem(&signing.InputError{Part: signing.InputHeaders, Name: "x-amz-content-sha256", Reason: input.Reason})
	}
	return problemIn(err, op.in.Credentials != nil)
}

// problemIn is [InputProblem] for credentials that may not be the caller's: about those it reveals nothing.
func problemIn(err error, ownKeys bool) error {
	var input *signing.InputError
	var given *credentials.InputError
	switch {
	case errors.As(err, new(*problem.Error)):
	case errors.As(err, &given):
		return problem.InvalidPart(credentialParts[given.Part], "", given.Reason+".")
	case errors.As(err, &input) && input.Part == signing.InputCredentials && !ownKeys:
		return errors.Join(credentials.ErrConfiguration, err)
	case input != nil:
		return inputProblem(input)
	}
	return err
}

func inputProblem(e *signing.InputError) *problem.Error {
	reason := e.Reason + "."
	switch e.Part {
	case signing.InputURL:
		return &problem.Error{Code: "url_invalid", Fields: []problem.Field{{Part: "url", Detail: reason}}}
	case signing.InputQuery:
		return &problem.Error{
			Code: "url_invalid", Fields: []problem.Field{{Part: "query", Name: e.Name, Detail: "the query " + reason}},
		}
	case signing.InputHeaders:
		p := &problem.Error{Code: "header_invalid"}
		if strings.EqualFold(e.Name, "host") {
			p.Detail = "The header Host differs from the URL."
			reason += " For a private API of API Gateway behind a VPC endpoint, leave Host out " +
				"and give the header x-apigw-api-id with the id of the API; for another host, put it into the URL."
		}
		p.Fields = []problem.Field{{Part: "header", Name: e.Name, Detail: reason}}
		return p
	}
	return problem.InvalidPart(inputParts[e.Part], e.Name, reason)
}

// inputParts are the parts of an [Input], a [FormInput] and a [ConnectInput], as problems name them.
var inputParts = map[signing.InputPart]string{
	signing.InputMethod: "method", signing.InputSignedHeaders: "signedHeader", signing.InputPayloadHash: "payloadSha256",
	signing.InputService: "service", signing.InputRegion: "region", signing.InputAlgorithm: "algorithm", signing.InputTime: "signingTime",
	signing.InputCredentials: "credentials", signing.InputTokenMode: "options.sessionToken", signing.InputExpires: "expiresInSeconds",
	signing.InputBucket: "bucket", signing.InputFields: "fields", signing.InputStartsWith: "startsWith", signing.InputMaxLength: "maxLength",
	signing.InputKind: "kind", signing.InputUser: "user", signing.InputEndpoint: "endpoint",
}

// credentialParts are the parts of the credentials in an [Input]. The region is the request's.
var credentialParts = map[credentials.InputPart]string{
	credentials.InputAccessKeyID: "credentials.accessKeyId", credentials.InputSecretAccessKey: "credentials.secretAccessKey",
	credentials.InputSessionToken: "credentials.sessionToken", credentials.InputRoleARN: "credentials.roleArn",
	credentials.InputAccountID: "credentials.accountId", credentials.InputRoleName: "credentials.roleName",
	credentials.InputExternalID: "credentials.externalId", credentials.InputSessionName: "credentials.sessionName",
	credentials.InputDuration: "credentials.durationSeconds", credentials.InputRegion: "region",
}

// inferProblem asks the caller for what cannot be inferred from the host.
func inferProblem(r *endpoints.InferError, in *Input) error {
	switch r.Kind {
	case endpoints.NoSigV4:
		way := "Use " + r.UseInstead + "."
		if strings.HasPrefix(r.UseInstead, "no signature") {
			way = "Send the request as it is, without a signature."
		}
		return &problem.Error{
			Code: "host_not_signed", Detail: "This host accepts no AWS signature: " + r.Reason + ".",
			Fields: []problem.Field{{Part: "url", Detail: way}},
		}
	case endpoints.Ambiguous:
		return &problem.Error{
			Code: "scope_needed", Detail: "The host does not name the " + r.Field + ": " + r.Reason + ".",
			Fields: []problem.Field{{Part: r.Field, Detail: "is required here."}},
		}
	}
	var fields []problem.Field
	if in.Service == "" {
		fields = append(fields, problem.Field{Part: "service", Detail: "is required here: the signing name of the " +
			"service, such as execute-api, or s3 for an S3-compatible store."})
	}
	if in.Region == "" {
		fields = append(fields, problem.Field{Part: "region", Detail: "is required here, such as eu-west-1; " +
			"S3-compatible stores have names of their own, such as auto."})
	}
	return &problem.Error{Code: "host_not_aws", Detail: "Service and region cannot be read from this host: " + r.Reason + ".", Fields: fields}
}

func isSHA256(text string) bool {
	if len(text) != 64 {
		return false
	}
	var sum [32]byte
	_, err := hex.Decode(sum[:], []byte(text))
	return err == nil
}
