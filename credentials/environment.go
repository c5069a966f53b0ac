package credentials

import (
	"cmp"
	"slices"
	"strings"
)

// withEnvironment applies the endpoint settings that AWS's own tools read from the environment for STS, Cognito and IAM
// Roles Anywhere. A profile's sts_endpoint takes precedence.
func (o Options) withEnvironment() (Options, []error) {
	f := &faults{}
	o.Profiles = slices.Clone(o.Profiles)
	fips, dualStack := f.flag(o.Getenv, "AWS_USE_FIPS_ENDPOINT"), f.flag(o.Getenv, "AWS_USE_DUALSTACK_ENDPOINT")
	endpoint := ""
	if !f.flag(o.Getenv, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		all := f.endpointVariable(o.Getenv, "AWS_ENDPOINT_URL")
		endpoint = cmp.Or(f.endpointVariable(o.Getenv, "AWS_ENDPOINT_URL_STS"), all)
		o.cognitoEndpoint = cmp.Or(f.endpointVariable(o.Getenv, "AWS_ENDPOINT_URL_COGNITO_IDENTITY"), all)
		o.rolesAnywhereEndpoint = cmp.Or(f.endpointVariable(o.Getenv, "AWS_ENDPOINT_URL_ROLESANYWHERE"), all)
	}
	for i := range o.Profiles {
		p := &o.Profiles[i]
		p.FIPS, p.DualStack = p.FIPS || fips, p.DualStack || dualStack
		if p.STSEndpoint == "" {
			p.STSEndpoint = endpoint
		}
		if p.Cognito != nil && o.cognitoEndpoint != "" && (p.FIPS || p.DualStack) {
			f.found = append(f.found, &ConfigError{
				Profile: p.Name, Field: "cognito",
				Reason: "AWS_ENDPOINT_URL_COGNITO_IDENTITY and AWS_ENDPOINT_URL cannot be used with fips, dualstack or the variables for them",
			})
		}
		if p.RolesAnywhere != nil && o.rolesAnywhereEndpoint != "" && (p.FIPS || p.DualStack) {
			f.found = append(f.found, &ConfigError{
				Profile: p.Name, Field: "roles_anywhere",
				Reason: "AWS_ENDPOINT_URL_ROLESANYWHERE and AWS_ENDPOINT_URL cannot be used with fips, dualstack or the variables for them",
			})
		}
	}
	if o.STSEndpoint == "" {
		o.STSEndpoint = endpoint
	}
	o.fips, o.dualStack = fips, dualStack
	return o, f.found
}

// endpointVariable returns the URL in a variable, or "" if there is no valid one.
func (f *faults) endpointVariable(env func(string) string, name string) string {
	text, before := lookup(env, name), len(f.found)
	if text == "" {
		return ""
	}
	if f.endpointURL(name, text); len(f.found) > before {
		return ""
	}
	return text
}

func (f *faults) flag(env func(string) string, name string) bool {
	switch strings.ToLower(lookup(env, name)) {
	case "", "false":
		return false
	case "true":
		return true
	}
	f.add(name, "must be true or false")
	return false
}
