package config

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"countersign/credentials"
	"countersign/endpoints"
	"countersign/signing"
)

// document is the YAML file. Its tags are those of [Settings], plus: free, a text that may contain quotes, braces and
// the like; empty, a text that may be empty.
type document struct {
	Settings
	Profiles map[string]profile `yaml:"profiles"`
	Callers  callers            `yaml:"callers"`
}

type profile struct {
	Description     string `yaml:"description" free:""`
	Region          string `yaml:"region"`
	Source          string `yaml:"source"`
	AccessKeyID     string `yaml:"access_key_id" secret:""`
	SecretAccessKey string `yaml:"secret_access_key" secret:""`
	SessionToken    string `yaml:"session_token" secret:""`

	AssumeRole          *assumeRole    `yaml:"assume_role"`
	Azure               *azure         `yaml:"azure"`
	WebIdentity         *webIdentity   `yaml:"web_identity"`
	Cognito             *cognito       `yaml:"cognito"`
	Container           *container     `yaml:"container"`
	RolesAnywhere       *rolesAnywhere `yaml:"roles_anywhere"`
	SessionTokenOptions *sessionToken  `yaml:"session_token_options"`

	Hosts           map[string]hostRule       `yaml:"hosts"`
	UpstreamHeaders map[string]upstreamHeader `yaml:"upstream_headers"`

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
	ExternalID     string            `yaml:"external_id" secret:""`
	SessionName    string            `yaml:"session_name"`
	Duration       time.Duration     `yaml:"duration"`
	Policy         any               `yaml:"policy" free:""`
	PolicyARNs     []string          `yaml:"policy_arns"`
	Tags           map[string]string `yaml:"tags" free:"" empty:""`
	TransitiveTags []string          `yaml:"transitive_tags"`
	SourceIdentity string            `yaml:"source_identity"`
}

type azure struct {
	Audience string `yaml:"audience"`
	ClientID string `yaml:"client_id"`
}

type webIdentity struct {
	TokenFile string `yaml:"token_file"`
}

type container struct {
	Endpoint  string `yaml:"endpoint"`
	TokenFile string `yaml:"token_file"`
}

type rolesAnywhere struct {
	CertificateFile     string `yaml:"certificate_file"`
	CertificateVariable string `yaml:"certificate_variable"`
	PrivateKeyFile      string `yaml:"private_key_file"`
	PrivateKeyVariable  string `yaml:"private_key_variable"`
	ChainFile           string `yaml:"chain_file"`
	ChainVariable       string `yaml:"chain_variable"`
	TrustAnchorARN      string `yaml:"trust_anchor_arn"`
	ProfileARN          string `yaml:"profile_arn"`
	RoleARN             string `yaml:"role_arn"`

	Duration time.Duration `yaml:"duration"`
}

type sessionToken struct {
	Duration time.Duration `yaml:"duration"`
}

type hostRule struct {
	Service   string   `yaml:"service"`
	Region    string   `yaml:"region"`
	RegionSet []string `yaml:"region_set"`
}

type cognito struct {
	IdentityPoolID string `yaml:"identity_pool_id"`
	IdentityID     string `yaml:"identity_id"`
	IdentityFile   string `yaml:"identity_file"`
	LoginProvider  string `yaml:"login_provider"`
	TokenFile      string `yaml:"token_file"`
	TokenVariable  string `yaml:"token_variable"`
	CallerToken    bool   `yaml:"caller_token"`
	CustomRoleARN  string `yaml:"custom_role_arn"`
	Basic          bool   `yaml:"basic"`
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

func (d *document) profiles(region string) []credentials.Profile {
	var list []credentials.Profile
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
			p.AssumeRole = &credentials.AssumeRole{
				RoleARN: r.RoleARN, AccountID: r.AccountID, RoleName: r.RoleName, Path: r.Path, ExternalID: r.ExternalID, SessionName: r.SessionName,
				Duration: r.Duration, Policy: policyText(r.Policy), PolicyARNs: r.PolicyARNs, Tags: r.Tags,
				TransitiveTags: r.TransitiveTags, SourceIdentity: r.SourceIdentity,
			}
		}
		list = append(list, p)
	}
	return list
}

// sources copies the settings for each kind of source.
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
			TokenFile: c.TokenFile, TokenVariable: c.TokenVariable, CallerToken: c.CallerToken, CustomRoleARN: c.CustomRoleARN, Basic: c.Basic,
		}
	}
	if c := in.Container; c != nil {
		p.Container = &credentials.Container{Endpoint: c.Endpoint, TokenFile: c.TokenFile}
	}
	if r := in.RolesAnywhere; r != nil {
		p.RolesAnywhere = &credentials.RolesAnywhere{
			CertificateFile: r.CertificateFile, CertificateVariable: r.CertificateVariable,
			PrivateKeyFile: r.PrivateKeyFile, PrivateKeyVariable: r.PrivateKeyVariable,
			ChainFile: r.ChainFile, ChainVariable: r.ChainVariable,
			TrustAnchorARN: r.TrustAnchorARN, ProfileARN: r.ProfileARN, RoleARN: r.RoleARN, Duration: r.Duration,
		}
	}
	if t := in.SessionTokenOptions; t != nil {
		p.SessionToken = &credentials.SessionToken{Duration: t.Duration}
	}
}

// policyText returns the JSON that STS needs, from a policy written as JSON text or as YAML.
func policyText(policy any) string {
	if text, isText := policy.(string); isText || policy == nil {
		return text
	}
	text, err := json.Marshal(policy)
	if err != nil {
		panic(err) // impossible: the decoder only makes maps, lists, strings, JSON numbers and booleans
	}
	return string(text)
}
