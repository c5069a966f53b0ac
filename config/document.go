package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/signing"
)

// document is the YAML file.
type document struct {
	Settings `yaml:",inline"`
	Profiles map[string]profile `yaml:"profiles"`
	Callers  callers            `yaml:"callers"`
}

type profile struct {
	Description     string      `yaml:"description"`
	Region          string      `yaml:"region"`
	Source          string      `yaml:"source"`
	AccessKeyID     string      `yaml:"access_key_id"`
	SecretAccessKey string      `yaml:"secret_access_key"`
	SessionToken    string      `yaml:"session_token"`
	AssumeRole      *assumeRole `yaml:"assume_role"`
	Azure           *azure      `yaml:"azure"`
	WebIdentity     *struct {
		TokenFile string `yaml:"token_file"`
	} `yaml:"web_identity"`
	Cognito   *cognito `yaml:"cognito"`
	Container *struct {
		Endpoint  string `yaml:"endpoint"`
		TokenFile string `yaml:"token_file"`
	} `yaml:"container"`
	SessionTokenOptions *struct {
		Duration time.Duration `yaml:"duration"`
	} `yaml:"session_token_options"`
	Hosts map[string]struct {
		Service   string   `yaml:"service"`
		Region    string   `yaml:"region"`
		RegionSet []string `yaml:"region_set"`
	} `yaml:"hosts"`
	STSEndpoint     string   `yaml:"sts_endpoint"`
	STSRegion       string   `yaml:"sts_region"`
	FallbackRegions []string `yaml:"fallback_regions"`
	FIPS            bool     `yaml:"fips"`
	DualStack       bool     `yaml:"dualstack"`
}

type assumeRole struct {
	RoleARN        string            `yaml:"role_arn"`
	AccountID      string            `yaml:"account_id"`
	RoleName       string            `yaml:"role_name"`
	Path           string            `yaml:"path"`
	ExternalID     string            `yaml:"external_id"`
	SessionName    string            `yaml:"session_name"`
	Duration       time.Duration     `yaml:"duration"`
	Policy         any               `yaml:"policy"`
	PolicyARNs     []string          `yaml:"policy_arns"`
	Tags           map[string]string `yaml:"tags"`
	TransitiveTags []string          `yaml:"transitive_tags"`
	SourceIdentity string            `yaml:"source_identity"`
}

type azure struct {
	Audience string `yaml:"audience"`
	ClientID string `yaml:"client_id"`
}

type cognito struct {
	IdentityPoolID string `yaml:"identity_pool_id"`
	IdentityID     string `yaml:"identity_id"`
	IdentityFile   string `yaml:"identity_file"`
	LoginProvider  string `yaml:"login_provider"`
	TokenFile      string `yaml:"token_file"`
	TokenVariable  string `yaml:"token_variable"`
	CustomRoleARN  string `yaml:"custom_role_arn"`
	Basic          bool   `yaml:"basic"`
}

type callers struct {
	APIKeys       []apiKey   `yaml:"api_keys"`
	Entra         *directory `yaml:"entra"`
	TrustedHeader *directory `yaml:"trusted_header"`
}

// directory says which identities of Microsoft Entra ID are callers.
type directory struct {
	Tenant   string            `yaml:"tenant"`
	Audience texts             `yaml:"audience"`
	Roles    []string          `yaml:"roles"`
	Users    bool              `yaml:"users"`
	Callers  map[string]string `yaml:"callers"`
	KeysURL  string            `yaml:"keys_url"`
}

// texts is one text or a list of them.
type texts []string

func (t *texts) UnmarshalYAML(decode func(any) error) error {
	var one string
	if decode(&one) == nil {
		*t = texts{one}
		return nil
	}
	return decode((*[]string)(t))
}

func (d *directory) admission() access.Admission {
	return access.Admission{Roles: d.Roles, Users: d.Users, Callers: d.Callers}
}

func (d *document) entra() *access.Entra {
	e := d.Callers.Entra
	if e == nil {
		return nil
	}
	return &access.Entra{Tenant: e.Tenant, Audiences: e.Audience, Admission: e.admission(), KeysURL: e.KeysURL}
}

func (d *document) trustedHeader() *access.TrustedHeader {
	h := d.Callers.TrustedHeader
	if h == nil {
		return nil
	}
	return &access.TrustedHeader{Tenant: h.Tenant, Admission: h.admission()}
}

func (d *document) hosts() map[string][]endpoints.HostRule {
	out := map[string][]endpoints.HostRule{}
	for name, p := range d.Profiles {
		for _, pattern := range slices.Sorted(maps.Keys(p.Hosts)) {
			h := p.Hosts[pattern]
			out[name] = append(out[name], endpoints.HostRule{Pattern: pattern, Service: h.Service, Region: h.Region, RegionSet: h.RegionSet})
		}
	}
	return out
}

type apiKey struct {
	ID      string `yaml:"id"`
	SHA256  string `yaml:"sha256"`
	Expires string `yaml:"expires"`
}

func (d *document) profiles(region string) ([]credentials.Profile, []error) {
	var list []credentials.Profile
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(d.Profiles)) {
		in := d.Profiles[name]
		p := credentials.Profile{
			Name: name, Description: in.Description, Region: in.Region, Source: in.Source,
			STSEndpoint: in.STSEndpoint, STSRegion: in.STSRegion, FallbackRegions: in.FallbackRegions, FIPS: in.FIPS, DualStack: in.DualStack,
		}
		if p.Region == "" {
			p.Region = region
		}
		if in.AccessKeyID != "" || in.SecretAccessKey != "" || in.SessionToken != "" {
			p.Keys = signing.NewCredentials(in.AccessKeyID, in.SecretAccessKey, in.SessionToken)
		}
		in.sources(&p)
		if r := in.AssumeRole; r != nil {
			policy, err := policyText(r.Policy)
			if err != nil {
				faults = append(faults, fmt.Errorf("profile %q: assume_role.policy: %w", name, err))
			}
			p.AssumeRole = &credentials.AssumeRole{
				RoleARN: r.RoleARN, AccountID: r.AccountID, RoleName: r.RoleName, Path: r.Path, ExternalID: r.ExternalID, SessionName: r.SessionName,
				Duration: r.Duration, Policy: policy, PolicyARNs: r.PolicyARNs, Tags: r.Tags, TransitiveTags: r.TransitiveTags, SourceIdentity: r.SourceIdentity,
			}
		}
		list = append(list, p)
	}
	return list, faults
}

// sources hands on what single sources need.
func (in *profile) sources(p *credentials.Profile) {
	if a := in.Azure; a != nil {
		p.Azure = &credentials.AzureIdentity{Audience: a.Audience, ClientID: a.ClientID}
	}
	if w := in.WebIdentity; w != nil {
		p.WebIdentity = &credentials.WebIdentity{TokenFile: w.TokenFile}
	}
	if c := in.Cognito; c != nil {
		p.Cognito = &credentials.Cognito{
			IdentityPoolID: c.IdentityPoolID, IdentityID: c.IdentityID, IdentityFile: c.IdentityFile, LoginProvider: c.LoginProvider,
			TokenFile: c.TokenFile, TokenVariable: c.TokenVariable, CustomRoleARN: c.CustomRoleARN, Basic: c.Basic,
		}
	}
	if c := in.Container; c != nil {
		p.Container = &credentials.Container{Endpoint: c.Endpoint, TokenFile: c.TokenFile}
	}
	if t := in.SessionTokenOptions; t != nil {
		p.SessionToken = &credentials.SessionToken{Duration: t.Duration}
	}
}

// policyText gives the JSON that STS wants, from a policy written as JSON text or as YAML.
func policyText(policy any) (string, error) {
	switch policy := policy.(type) {
	case nil:
		return "", nil
	case string:
		return policy, nil
	default:
		text, err := json.Marshal(policy)
		return string(text), err
	}
}

func (d *document) apiKeys() ([]access.APIKey, []error) {
	var keys []access.APIKey
	var faults []error
	for i, in := range d.Callers.APIKeys {
		key := access.APIKey{ID: in.ID, SHA256: in.SHA256}
		if in.Expires != "" {
			var err error
			if key.Expires, err = parseDay(in.Expires); err != nil {
				faults = append(faults, fmt.Errorf("callers.api_keys[%d].expires: want a day as 2027-01-31 or a time as 2027-01-31T12:00:00Z", i))
			}
		}
		keys = append(keys, key)
	}
	return keys, faults
}

func parseDay(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}
