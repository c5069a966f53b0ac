package config

import (
	"cmp"
	"slices"
	"strings"
)

type upstreamHeader struct {
	Value         string   `yaml:"value" secret:""`
	ValueVariable string   `yaml:"value_variable"`
	Hosts         []string `yaml:"hosts"`
}

// UpstreamHeader is a header added to a profile's requests to some hosts. Its value is a secret.
type UpstreamHeader struct {
	Profile, Name, Value string
	Hosts                []string
}

func (c *Config) readUpstreamHeaders(getenv func(string) string) (faults []error) {
	for profile, p := range c.document.Profiles {
		for name, in := range p.UpstreamHeaders {
			h := UpstreamHeader{Profile: profile, Name: name, Value: in.Value, Hosts: in.Hosts}
			path := join(join(join("profiles", profile), "upstream_headers"), name)
			switch {
			case in.ValueVariable == "" && in.Value == "":
				faults = append(faults, c.fault(path, "give value_file, value_variable or value"))
			case in.ValueVariable != "" && in.Value != "":
				faults = append(faults, c.fault(path, "value and value_variable are both given; keep one"))
			case in.ValueVariable != "":
				if h.Value = strings.TrimSpace(getenv(in.ValueVariable)); h.Value == "" {
					faults = append(faults, c.fault(path, "value_variable names a variable that is not set"))
				}
			}
			c.UpstreamHeaders = append(c.UpstreamHeaders, h)
		}
	}
	slices.SortFunc(c.UpstreamHeaders, func(a, b UpstreamHeader) int {
		return cmp.Or(strings.Compare(a.Profile, b.Profile), strings.Compare(a.Name, b.Name))
	})
	return faults
}
