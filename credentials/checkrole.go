package credentials

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/endpoints"
)

// Limits from the STS API reference, AssumeRole.
const (
	shortestSession = 15 * time.Minute
	longestSession  = 12 * time.Hour
	longestChained  = time.Hour // "Role chaining limits your role session to a maximum of one hour"; a longer one is refused, not cut
	policyLimit     = 2048      // characters, inline and managed together
	policyARNLimit  = 10
	tagLimit        = 50
	tagKeyLimit     = 128
	tagValueLimit   = 256
)

// role checks each field of assume_role against the API reference, so that a typing error is found at start-up and not
// as a ValidationError at night.
func (f *faults) role(p *Profile, chained bool) {
	a := p.AssumeRole
	account := f.roleName(p)
	if a.ExternalID != "" && !validExternalID(a.ExternalID) {
		f.add("assume_role.external_id", "must be 2 to 1224 of letters, digits and _+=,.@:/-")
	}
	f.template("assume_role.session_name", a.SessionName)
	f.template("assume_role.source_identity", a.SourceIdentity)
	if strings.HasPrefix(strings.ToLower(a.SourceIdentity), "aws:") {
		f.add("assume_role.source_identity", "cannot begin with aws:")
	}
	most := longestSession
	if chained {
		most = longestChained
	}
	f.duration("assume_role.duration", a.Duration, shortestSession, most)
	f.policies(a, account)
	f.tags(a)
	if yieldsToken(p) {
		f.notWithToken(a)
	}
}

// roleName checks the settings that name the role, and returns the role's account.
func (f *faults) roleName(p *Profile) (account string) {
	a := p.AssumeRole
	parts := a.AccountID != "" || a.RoleName != "" || a.Path != ""
	switch {
	case a.RoleARN != "" && parts:
		f.add("assume_role.role_arn", "or account_id, role_name and path, not both")
	case a.RoleARN != "":
		return f.fullARN(p)
	case !parts:
		f.add("assume_role.role_arn", "is required, or account_id and role_name")
	default:
		if !ValidAccount(a.AccountID) {
			f.add("assume_role.account_id", "must be 12 digits, in quotes if they begin with 0")
		}
		if !validRoleName(a.RoleName) {
			f.add("assume_role.role_name", "must be 1 to 64 of letters, digits and _+=,.@-")
		}
		if a.Path != "" && !validPath(a.Path) {
			f.add("assume_role.path", "must begin and end with /")
		}
	}
	return a.AccountID
}

func (f *faults) fullARN(p *Profile) (account string) {
	arn := p.AssumeRole.RoleARN
	if len(arn) < 20 || len(arn) > 2048 {
		f.add("assume_role.role_arn", "must have 20 to 2048 characters")
		return ""
	}
	if p.STSEndpoint != "" { // services that imitate STS have their own role names
		if !strings.HasPrefix(arn, "arn:") || !plain(arn) {
			f.add("assume_role.role_arn", "must begin with arn:")
		}
		return ""
	}
	partition, account, ok := parseRoleARN(arn)
	if !ok {
		f.add("assume_role.role_arn", "must look like arn:aws:iam::123456789012:role/name")
		return ""
	}
	if here := endpoints.PartitionOf(stsRegion(p)); here != "" && here != partition {
		f.add("assume_role.role_arn", "is in partition %s, but the region %s is in %s", partition, stsRegion(p), here)
	}
	return account
}

func (f *faults) template(field, text string) {
	if err := template(text).check(); err != nil {
		f.add(field, "%v", err)
	}
	if len(text) > 1024 {
		f.add(field, "is longer than 1024 characters")
	}
}

func (f *faults) policies(a *AssumeRole, account string) {
	length := utf8.RuneCountInString(a.Policy)
	if a.Policy != "" {
		var object map[string]any
		switch err := json.Unmarshal([]byte(a.Policy), &object); {
		case err != nil:
			f.add("assume_role.policy", "is not a JSON object")
		case strings.IndexFunc(a.Policy, func(r rune) bool { return r > 0xFF || r < ' ' && !strings.ContainsRune("\t\n\r", r) }) >= 0:
			f.add("assume_role.policy", "contains control characters or characters above U+00FF")
		}
	}
	if len(a.PolicyARNs) > policyARNLimit {
		f.add("assume_role.policy_arns", "%d given, at most %d", len(a.PolicyARNs), policyARNLimit)
	}
	for i, arn := range a.PolicyARNs {
		length += len(arn)
		switch owner, ok := parsePolicyARN(arn); {
		case !ok:
			f.add(fmt.Sprintf("assume_role.policy_arns[%d]", i), "must look like arn:aws:iam::123456789012:policy/name")
		case account != "" && owner != "aws" && owner != account:
			f.add(fmt.Sprintf("assume_role.policy_arns[%d]", i), "is in a different account from the role")
		}
	}
	if length > policyLimit {
		f.add("assume_role.policy", "has %d characters together with policy_arns, at most %d", length, policyLimit)
	}
}

func (f *faults) tags(a *AssumeRole) {
	if len(a.Tags) > tagLimit {
		f.add("assume_role.tags", "%d given, at most %d", len(a.Tags), tagLimit)
	}
	seen := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		value := a.Tags[key]
		field := "assume_role.tags." + key
		if n := utf8.RuneCountInString(key); n < 1 || n > tagKeyLimit || !tagText(key) {
			f.add(field, "a key must be 1 to %d of letters, digits, spaces and _.:/=+-@", tagKeyLimit)
		}
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			f.add(field, "a key cannot begin with aws:")
		}
		if utf8.RuneCountInString(value) > tagValueLimit || !tagText(value) {
			f.add(field, "a value must be up to %d of letters, digits, spaces and _.:/=+-@", tagValueLimit)
		}
		if seen[strings.ToLower(key)] {
			f.add(field, "differs from another key only in case, and AWS ignores case")
		}
		seen[strings.ToLower(key)] = true
	}
	for i, key := range a.TransitiveTags {
		if !seen[strings.ToLower(key)] {
			f.add(fmt.Sprintf("assume_role.transitive_tags[%d]", i), "%q is not among the tags", key)
		}
	}
}

func tagText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r)
	}) < 0
}

// notWithToken reports settings that AssumeRoleWithWebIdentity has no parameter for: if they were ignored silently, a
// condition on them would never be met.
func (f *faults) notWithToken(a *AssumeRole) {
	const reason = "AssumeRoleWithWebIdentity does not take it: put it into a second profile whose source is this one"
	if a.ExternalID != "" {
		f.add("assume_role.external_id", reason)
	}
	if a.SourceIdentity != "" {
		f.add("assume_role.source_identity", reason)
	}
	if len(a.Tags) > 0 {
		f.add("assume_role.tags", reason)
	}
	if len(a.TransitiveTags) > 0 {
		f.add("assume_role.transitive_tags", reason)
	}
}
