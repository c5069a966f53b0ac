package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// assumeRoleWithWebIdentity is called without a signature: the token identifies the caller.
func (s *Sandbox) assumeRoleWithWebIdentity(host string, form url.Values, seen *Exchange) (any, *refusal) {
	var v validation
	roleARN := v.text(form, "RoleArn", roleARNLimits)
	name := v.text(form, "RoleSessionName", sessionNameLimits)
	token := v.text(form, "WebIdentityToken", limits{min: 4, max: 20000, required: true, secret: true})
	policy := v.text(form, "Policy", limits{min: 1, max: 2048})
	v.list(form, "PolicyArns", 10)
	d := v.duration(form, 900, 43200, 3600)
	if no := v.refusal(); no != nil {
		return nil, no
	}
	if policy != "" && !json.Valid([]byte(policy)) {
		return nil, &refusal{kind: badPolicy, message: "Syntax errors in policy."}
	}
	who, no := s.verifyToken(token, host)
	if no != nil {
		return nil, no
	}
	role, known := s.roles[roleARN]
	if !known || !role.WebIdentity {
		return nil, &refusal{kind: forbidden, message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	}
	if d > role.MaxSession {
		return nil, &refusal{kind: invalid, message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	assumed := role.assumed(name)
	seen.CallerARN = assumed.arn
	parsed, _ := parseARN(role.ARN, "role/")
	_, provider, _ := strings.Cut(who.issuer, "://")
	return xmlWebIdentity{
		Namespace: stsNamespace, Subject: who.subject, Audience: Audience, ARN: assumed.arn, AssumedRoleID: assumed.userID,
		Credentials: credentialsOf(s.issue(assumed, d)),
		Provider:    fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", parsed.partition, parsed.account, provider), RequestID: seen.RequestID,
	}, nil
}
