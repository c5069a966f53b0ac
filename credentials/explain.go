package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/signing"
)

// Explain tries the profile step by step and reports to the operator what works, what does not and what to change. The
// report contains no secret and no token.
func (s *Store) Explain(ctx context.Context, profile string) Diagnosis {
	d := Diagnosis{Profile: profile}
	p := s.find(profile)
	if p == nil {
		d.failed("profile", ErrUnknownProfile, "name one of the configured profiles")
		return d
	}
	d.Profile = p.Name
	p.explain(ctx, &d)
	return d
}

func (d *Diagnosis) passed(name, format string, args ...any) {
	d.Steps = append(d.Steps, Step{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (d *Diagnosis) failed(name string, err error, hint string) {
	text := err.Error()
	if e := (*Error)(nil); errors.As(err, &e) && e.local {
		text += " (" + e.Detail + ")"
	}
	d.Steps = append(d.Steps, Step{Name: name, Detail: text, Hint: hint})
}

// explain returns false if a step failed.
func (p *profile) explain(ctx context.Context, d *Diagnosis) bool {
	step := func(name string) string { return p.Name + ": " + name }
	if p.byLogin {
		d.passed(step("session"), "not tried: the profile signs as the caller, and there is no caller here with a token")
		return true
	}
	if p.parent != nil && !p.parent.explain(ctx, d) {
		return false
	}
	source, ok := p.explainSource(ctx, d, step("source "+p.Source))
	if !ok {
		return false
	}
	session, err := p.session(ctx, SessionRequest{Caller: "check", Host: "check"})
	if err != nil {
		look := hint(err, source.token != nil)
		if errors.Is(err, ErrDenied) && d.TrustPolicy != "" {
			look += "; the policy to paste is below"
		}
		d.failed(step("session"), err, look)
		return false
	}
	if session.Expires.IsZero() {
		d.passed(step("session"), "key id %s, which does not expire", session.Credentials.AccessKeyID)
	} else {
		d.passed(step("session"), "key id %s, until %s", session.Credentials.AccessKeyID, session.Expires.Format(time.RFC3339))
	}
	if session.Skew != 0 {
		d.passed(step("clock"), "this machine's clock is %v off; signatures are corrected for it", session.Skew)
	}
	who, err := identity(ctx, p.sts, session.Credentials)
	if err != nil {
		d.failed(step("identity"), err, hint(err, false))
		return false
	}
	d.passed(step("identity"), "AWS sees %s", who.ARN)
	return true
}

// material is the token or the keys that a role is assumed with.
type material struct {
	token *claims
	keys  signing.Credentials
}

// explainSource obtains the keys or the token for the role, and finds out which trust policy they need.
func (p *profile) explainSource(ctx context.Context, d *Diagnosis, step string) (m material, ok bool) {
	switch {
	case p.token != nil:
		token, err := p.token(ctx, false)
		if err != nil {
			d.failed(step, err, hint(p.sourceFailure(err), false))
			return m, false
		}
		m.token = decodeClaims(token)
		if m.token == nil {
			d.failed(step, errors.New("the token is not a JSON Web Token"), sourceHint(p.Source))
			return m, false
		}
		d.passed(step, "token with %s", m.token.describe())
		if advice := m.token.advice(p); advice != "" {
			d.passed(step, "note: %s", advice)
			d.TrustPolicy = "" // a policy for this token would not admit the right one
		} else {
			d.TrustPolicy = p.trustToken(m.token)
		}
		return m, true
	case p.parent != nil:
		s, err := p.parent.session(ctx, SessionRequest{Caller: "check", Host: "check"})
		if err != nil {
			d.failed(step, err, hint(err, false))
			return m, false
		}
		m.keys = s.Credentials
	default:
		if p.certificate != nil && !p.certificate.explain(d, step) {
			return m, false
		}
		s, err := p.keys(ctx)
		if err != nil {
			d.failed(step, err, hint(p.sourceFailure(err), false))
			return m, false
		}
		m.keys = s.Credentials
		d.passed(step, "key id %s", s.Credentials.AccessKeyID)
	}
	if p.role != nil {
		who, err := identity(ctx, p.sts, m.keys)
		if err != nil {
			d.failed(step, err, hint(err, false))
			return m, false
		}
		d.TrustPolicy = p.trustKeys(who.ARN)
	}
	return m, true
}

// hint says what to check, by AWS's error code. AWS's own text is not shown, since a server may put anything into it.
func hint(err error, token bool) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	if h := cmp.Or(e.Hint, hints[e.Code]); h != "" {
		return h
	}
	switch {
	case errors.Is(err, ErrDenied) && token:
		return "the role's trust policy does not admit this token: AWS compares iss with the identity provider's URL, " +
			"and aud and sub with the policy's conditions, character by character"
	case errors.Is(err, ErrDenied):
		return "the role's trust policy does not admit this caller, or the caller has no permission for sts:AssumeRole on the role"
	case errors.Is(err, ErrClockSkew):
		return "set this machine's clock: it is more than 15 minutes off AWS's"
	case e.unreachable():
		return "STS's endpoint cannot be reached from here: check outbound rules, private DNS and proxies"
	}
	return ""
}

func (e *Error) unreachable() bool {
	return strings.HasPrefix(e.Code, "HTTP") || e.Code == "timeout" || e.Code == "connection"
}

// sourceFailure classifies an error from the profile's source and adds what to check there. STS is not involved, except
// if the keys of an IAM user are used to call GetSessionToken.
func (p *profile) sourceFailure(err error) error {
	if p.Source == SourceSessionToken {
		return err
	}
	f := classify(err)
	look := sourceHint(p.Source)
	if f.unreachable() && (p.Source == SourceCognito || p.Source == SourceRolesAnywhere) {
		look = "the service's endpoint cannot be reached from here: check outbound rules, private DNS and proxies"
	}
	f.Hint = cmp.Or(f.Hint, hints[f.Code], look)
	return f
}

var hints = map[string]string{
	"InvalidIdentityToken": "the account has no identity provider whose URL is the token's iss " +
		"(for Azure including the slash at the end), or the token's aud is not among the provider's audiences; " +
		"a v2.0 token is refused too: set requestedAccessTokenVersion of the app registration to null or 1",
	"IDPCommunicationError": "AWS could not fetch the identity provider's keys: try again, " +
		"then check that the provider's URL can be reached from the internet",
	"IDPRejectedClaim":        "the token is expired or its provider was deleted",
	"ExpiredTokenException":   "the token or the source's session has expired: check that its file is renewed",
	"ExpiredToken":            "the source's session has expired",
	"InvalidClientTokenId":    "the access key does not exist, is inactive, or belongs to another partition",
	"SignatureDoesNotMatch":   "the secret access key does not belong to this access key ID",
	"RegionDisabledException": "activate the region for STS in the account settings of IAM, or set sts_region to another",
	"PackedPolicyTooLarge":    "the session policy and tags are too large once packed: shorten them",
	"MalformedPolicyDocument": "the session policy is not a valid IAM policy",
	"ValidationError": "one of the parameters is out of its bounds: " +
		"most often assume_role.duration is longer than the role's maximum session duration, or than one hour when chaining",
	"NotAuthorizedException": "the identity pool does not admit this: " +
		"guest access may be off, the login token may have expired, or the pool may have no role for it",
	"ResourceNotFoundException":                 "the identity pool or the identity does not exist in this region",
	"InvalidIdentityPoolConfigurationException": "the identity pool has no role, or the role's trust policy does not admit the pool",
}

func sourceHint(source string) string {
	switch source {
	case SourceAzureIdentity:
		return "check that the app has a managed identity, that azure.client_id is its client id if it is user-assigned, " +
			"and that azure.audience is the Application ID URI of an app registration in the same tenant"
	case SourceWebIdentityFile:
		return "check that the file exists, is readable by this user, and contains one token"
	case SourceCognito:
		return "check that the pool exists, admits this kind of user, and that identity_file can be written"
	case SourceRolesAnywhere:
		return "check that the certificate, private key and chain exist, belong together and are readable by this user"
	case SourceContainer:
		return "check that the task or pod has a role"
	case SourceAWSDefault:
		return "check what `aws sts get-caller-identity` says for the same user"
	}
	return ""
}
