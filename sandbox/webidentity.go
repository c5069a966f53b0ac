package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// assumeRoleWithWebIdentity is called without a signature: the token says who calls.
func (s *Sandbox) assumeRoleWithWebIdentity(host string, form url.Values, seen *Exchange) (any, *refusal) {
	var v validation
	const word = "=,.@-" // beside letters, digits and the underscore, which \w holds
	roleARN := v.text(form, "RoleArn", limits{min: 20, max: 2048, required: true})
	name := v.text(form, "RoleSessionName", limits{min: 2, max: 64, extra: "+" + word, pattern: `[\w+=,.@-]*`, required: true})
	token := v.secret(form, "WebIdentityToken", 4, 20000)
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
	parsed, _ := parseARN(role.ARN, "role/")
	assumed := principal{
		arn:    fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", parsed.partition, parsed.account, parsed.name, name),
		userID: uniqueID("AROA", role.ARN) + ":" + name,
		role:   true,
	}
	seen.CallerARN = assumed.arn
	_, provider, _ := strings.Cut(who.issuer, "://")
	return xmlWebIdentity{
		Namespace: stsNamespace, Subject: who.subject, Audience: Audience, ARN: assumed.arn, AssumedRoleID: assumed.userID,
		Credentials: credentialsOf(s.issue(assumed, d)),
		Provider:    fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", parsed.partition, parsed.account, provider), RequestID: seen.RequestID,
	}, nil
}

// secret is [validation.text] of a parameter that no message repeats.
func (v *validation) secret(form url.Values, name string, least, most int) string {
	member := strings.ToLower(name[:1]) + name[1:]
	value := form.Get(name)
	switch n := len(value); {
	case !form.Has(name):
		v.add("null", member, "Member must not be null")
	case n < least:
		v.faults = append(v.faults, fmt.Sprintf(
			"Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", member, least))
	case n > most:
		v.faults = append(v.faults, fmt.Sprintf(
			"Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, most))
	}
	return value
}
