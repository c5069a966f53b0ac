package credentials

import (
	"slices"
	"strings"

	"countersign/signing"
)

// Warnings returns what [New] accepts in profiles although it is unlikely to work, as *[ConfigError]s. env is
// [Options.Getenv].
func Warnings(profiles []Profile, env func(string) string) []error {
	var found []error
	for i := range profiles {
		f := &faults{profile: profiles[i].Name}
		f.warnings(&profiles[i], env)
		found = append(found, f.found...)
	}
	return found
}

func (f *faults) warnings(p *Profile, env func(string) string) {
	keys, id, session := trimmed(p.Keys), "access_key_id", "session_token"
	if p.Source == SourceEnvironment || p.Source == SourceSessionToken && noKeys(keys) {
		keys = environmentKeys(env)
		id, session = "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"
	}
	if strings.HasSuffix(keys.AccessKeyID, "EXAMPLE") {
		f.add(id, "is an example from AWS's documentation, which AWS refuses")
	}
	if p.AssumeRole != nil {
		f.chainingLimit(p, keys, session)
		f.sampleAccount(p.AssumeRole)
	}
}

// chainingLimit warns about durations that are not allowed for a role session. Whether the keys with a session token
// belong to a role or to a user shows only in STS's response.
func (f *faults) chainingLimit(p *Profile, keys signing.Credentials, session string) {
	const limit = "AWS refuses a session longer than 1h that is assumed with a role's session"
	switch {
	case p.AssumeRole.Duration <= longestChained:
	case keys.SessionToken() != "":
		f.add("assume_role.duration", "%s, and %s is set: use 1h at most, unless the token belongs to a user (GetSessionToken)", limit, session)
	case p.Source == SourceAWSDefault:
		f.add("assume_role.duration", "%s, and the default chain mostly yields one: use 1h at most", limit)
	}
}

// sampleAccount warns about the accounts in AWS's examples and in ours.
func (f *faults) sampleAccount(a *AssumeRole) {
	samples := []string{"123456789012", "111122223333", "000000000000"}
	_, account, _, _ := splitARN(a.RoleARN)
	switch {
	case slices.Contains(samples, account):
		f.add("assume_role.role_arn", "has the account id from the examples; set the ARN of your role")
	case slices.Contains(samples, a.AccountID):
		f.add("assume_role.account_id", "is the account id from the examples; set yours")
	}
}
