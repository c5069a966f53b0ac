package credentials

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// sources are the values of Profile.Source that are not names of profiles. token is true if the source yields a token
// instead of keys.
var sources = map[string]struct{ token bool }{
	SourceEnvironment: {}, SourceStatic: {}, SourceAWSDefault: {}, SourceCognito: {}, SourceContainer: {}, SourceSessionToken: {},
	SourceRolesAnywhere: {},
	SourceAzureIdentity: {token: true}, SourceWebIdentityFile: {token: true}, SourceCallerToken: {token: true},
}

// faults collects the errors in one profile.
type faults struct {
	profile string
	found   []error
}

func (f *faults) add(field, format string, args ...any) {
	f.found = append(f.found, &ConfigError{Profile: f.profile, Field: field, Reason: fmt.Sprintf(format, args...)})
}

// checkOptions returns all faults of o, joined with those found earlier.
func checkOptions(o Options, found []error) error {
	all := &faults{found: found}
	if o.Now == nil {
		all.add("now", "a clock is required")
	}
	named := map[string]*Profile{}
	for i := range o.Profiles {
		p := &o.Profiles[i]
		f := &faults{profile: p.Name}
		switch {
		case !validProfileName(p.Name):
			f.add("name", "must be 1 to 64 letters, digits, '.', '_' and '-'")
		case isSource(p.Name):
			f.add("name", "is the name of a source")
		case named[p.Name] != nil:
			f.add("name", "is used twice")
		}
		named[p.Name] = p
		all.found = append(all.found, f.found...)
	}
	for i := range o.Profiles {
		f := &faults{profile: o.Profiles[i].Name}
		f.check(&o.Profiles[i], named, o.Getenv)
		f.login(&o.Profiles[i], o.Issuers)
		all.found = append(all.found, f.found...)
	}
	options := &Profile{STSEndpoint: o.STSEndpoint, Region: o.Region, FIPS: o.fips, DualStack: o.dualStack}
	all.sts(options)
	if o.Default != "" && named[o.Default] == nil {
		all.add("default_profile", "%q is not a profile", o.Default)
	}
	return errors.Join(all.found...)
}

func validProfileName(s string) bool {
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool {
		return !isNameRune(r) || strings.ContainsRune("+=,@", r)
	}) < 0
}

func isSource(s string) bool { _, ok := sources[s]; return ok }

func (f *faults) check(p *Profile, named map[string]*Profile, env func(string) string) {
	switch {
	case p.Source == "":
		f.add("source", "is required: environment, static, aws-default, azure-identity, web-identity-file, caller-token, cognito, "+
			"container, roles-anywhere, get-session-token or another profile")
	case !isSource(p.Source) && named[p.Source] == nil:
		f.add("source", "%q is neither a source nor a profile", p.Source)
	case !isSource(p.Source):
		f.chain(p, named)
	}
	f.source(p, env)
	f.sts(p)
	if p.AssumeRole != nil {
		f.role(p, chained(p, named))
	} else if yieldsToken(p) {
		f.add("assume_role", "is required: source %s yields a token, and a token needs a role", p.Source)
	}
}

func yieldsToken(p *Profile) bool {
	return sources[p.Source].token || p.Source == SourceCognito && p.Cognito != nil && p.Cognito.Basic
}

// chain follows the sources of p. A cycle is reported at each profile that is part of it.
func (f *faults) chain(p *Profile, named map[string]*Profile) {
	path := []string{p.Name}
	for at := named[p.Source]; at != nil; at = named[at.Source] {
		path = append(path, at.Name)
		if at == p {
			f.add("source", "is circular: %s", strings.Join(path, " → "))
			return
		}
		if slices.Contains(path[:len(path)-1], at.Name) {
			return // a cycle that p is not part of; reported at its own profiles
		}
	}
}

// chained reports whether p's source already yields a role session.
func chained(p *Profile, named map[string]*Profile) bool {
	for range len(named) + 1 { // bounded, since there may be a cycle
		switch p.Source {
		case SourceContainer, SourceCognito, SourceRolesAnywhere:
			return !yieldsToken(p)
		}
		if p = named[p.Source]; p == nil {
			return false
		}
		if p.AssumeRole != nil {
			return true
		}
	}
	return false
}

// keys checks configured keys and names the part that is not valid.
func (f *faults) keys(c signing.Credentials, id, secret, token string) {
	part := func(field, value string, required bool) {
		switch {
		case value == "" && required:
			f.add(field, "is required")
		case value == "":
		case Unusable(value) != "":
			f.add(field, "%s", Unusable(value))
		case !plain(value):
			f.add(field, "contains a space, a line break or another character that keys never contain: was it pasted along with the key?")
		}
	}
	part(id, c.AccessKeyID, true)
	part(secret, c.SecretAccessKey(), true)
	part(token, c.SessionToken(), false)
	if swapped := c.SecretAccessKey(); len(swapped) == 20 && (strings.HasPrefix(swapped, "AKIA") || strings.HasPrefix(swapped, "ASIA")) {
		f.add(secret, "is an access key ID; the secret access key is the longer of the two")
	}
	if strings.HasPrefix(c.AccessKeyID, "ASIA") && c.SessionToken() == "" {
		f.add(token, "is required: a key id that begins with ASIA is temporary")
	}
}

// trimmed removes white space around pasted keys.
func trimmed(c signing.Credentials) signing.Credentials {
	trim := strings.TrimSpace
	return signing.NewCredentials(trim(c.AccessKeyID), trim(c.SecretAccessKey()), trim(c.SessionToken()))
}

// sts checks the STS endpoint settings. Profiles that never call STS need no region.
func (f *faults) sts(p *Profile) {
	region := func(field, name string) {
		if name != "" && endpoints.PartitionOf(name) == "" {
			f.add(field, "%q is not an AWS region", name)
		}
	}
	region("region", p.Region)
	region("sts_region", p.STSRegion)
	for i, name := range p.FallbackRegions {
		region(fmt.Sprintf("fallback_regions[%d]", i), name)
		if there := endpoints.PartitionOf(name); there != "" && there != endpoints.PartitionOf(stsRegion(p)) {
			f.add(fmt.Sprintf("fallback_regions[%d]", i), "%q is in another partition than %q", name, stsRegion(p))
		}
	}
	if len(p.FallbackRegions) > maxAttempts-1 {
		f.add("fallback_regions", "%d given, at most %d: STS is tried %d times in all", len(p.FallbackRegions), maxAttempts-1, maxAttempts)
	}
	if p.STSEndpoint != "" {
		f.endpoint(p)
		return
	}
	if (p.AssumeRole != nil || p.Source == SourceSessionToken) && p.Region == "" && p.STSRegion == "" && p.RolesAnywhere == nil {
		f.add("region", "is required: STS is called in a region")
	}
}

func (f *faults) endpoint(p *Profile) {
	f.endpointURL("sts_endpoint", p.STSEndpoint)
	if p.FIPS {
		f.add("fips", "and AWS_USE_FIPS_ENDPOINT cannot be used with sts_endpoint, AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL")
	}
	if p.DualStack {
		f.add("dualstack", "and AWS_USE_DUALSTACK_ENDPOINT cannot be used with sts_endpoint, AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL")
	}
	if len(p.FallbackRegions) > 0 {
		f.add("fallback_regions", "cannot be used with sts_endpoint, AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL")
	}
}

func (f *faults) endpointURL(field, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		f.add(field, "must be a URL such as https://sts.example.com")
	case u.Scheme != "https" && (u.Scheme != "http" || !endpoints.IsLoopback(u.Hostname())):
		f.add(field, "must be https, or http on loopback")
	}
}

func (f *faults) duration(field string, d, least, most time.Duration) {
	switch {
	case d == 0:
	case d < least || d > most:
		f.add(field, "%v is not between %v and %v", d, least, most)
	case d%time.Second != 0:
		f.add(field, "%v is not a whole number of seconds", d)
	}
}
