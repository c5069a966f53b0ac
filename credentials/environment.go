package credentials

import (
	"slices"
	"strings"
)

// withEnvironment lays over the profiles what AWS's own tools read from the environment about the endpoint of STS. An
// sts_endpoint of the profile is stronger.
func (o Options) withEnvironment() (Options, []error) {
	f := &faults{}
	o.Profiles = slices.Clone(o.Profiles)
	fips, dualStack := f.flag(o.Getenv, "AWS_USE_FIPS_ENDPOINT"), f.flag(o.Getenv, "AWS_USE_DUALSTACK_ENDPOINT")
	endpoint := lookup(o.Getenv, "AWS_ENDPOINT_URL_STS")
	if endpoint != "" {
		before := len(f.found)
		if f.endpointURL("AWS_ENDPOINT_URL_STS", endpoint); len(f.found) > before {
			endpoint = ""
		}
	}
	for i := range o.Profiles {
		p := &o.Profiles[i]
		p.FIPS, p.DualStack = p.FIPS || fips, p.DualStack || dualStack
		if p.STSEndpoint == "" {
			p.STSEndpoint = endpoint
		}
	}
	if o.STSEndpoint == "" {
		o.STSEndpoint = endpoint
	}
	o.fips, o.dualStack = fips, dualStack
	return o, f.found
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
