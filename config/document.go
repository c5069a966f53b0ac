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

// document is the YAML file. Its tags are those of [Settings], and: free, a text that may hold quotes, braces and the
// like; empty, a text that may be empty.
type document struct {
	Settings
	Profiles map[string]profile `yaml:"profiles" help:"Profiles by name: each is one AWS session on offer."`
	Callers  callers            `yaml:"callers" help:"Who may call."`
}

type profile struct {
	Description     string `yaml:"description" free:"" help:"What callers read in the list of profiles."`
	Region          string `yaml:"region" help:"Region of signatures where a URL names none, and of STS. Default: AWS_REGION."`
	Source          string `yaml:"source" help:"Where the keys come from: environment, static, aws-default, azure-identity, web-identity-file, caller-token, cognito, container, roles-anywhere, get-session-token, or the name of another profile."`
	AccessKeyID     string `yaml:"access_key_id" secret:"" help:"Access key ID, for the sources static and get-session-token."`
	SecretAccessKey string `yaml:"secret_access_key" secret:"" help:"Secret access key, for the sources static and get-session-token."`
	SessionToken    string `yaml:"session_token" secret:"" help:"Session token, for the source static."`

	AssumeRole          *assumeRole    `yaml:"assume_role" help:"Role to assume with what the source yields."`
	Azure               *azure         `yaml:"azure" help:"Settings of the source azure-identity."`
	WebIdentity         *webIdentity   `yaml:"web_identity" help:"Settings of the source web-identity-file."`
	Cognito             *cognito       `yaml:"cognito" help:"Settings of the source cognito."`
	Container           *container     `yaml:"container" help:"Settings of the source container."`
	RolesAnywhere       *rolesAnywhere `yaml:"roles_anywhere" help:"Settings of the source roles-anywhere."`
	SessionTokenOptions *sessionToken  `yaml:"session_token_options" help:"Settings of the source get-session-token."`

	Hosts           map[string]hostRule       `yaml:"hosts" help:"Service and region of hosts whose names do not tell them, by host pattern."`
	UpstreamHeaders map[string]upstreamHeader `yaml:"upstream_headers" help:"Headers that requests to some hosts are sent with, by name, such as x-api-key with the key of a usage plan. Callers neither set nor see them."`

	STSEndpoint     string   `yaml:"sts_endpoint" help:"STS to call in place of the region's own: https, or http on loopback."`
	STSRegion       string   `yaml:"sts_region" help:"Region of the STS to call. Default: the profile's region."`
	FallbackRegions []string `yaml:"fallback_regions" help:"Up to two regions whose STS is called when the first cannot be reached."`
	FIPS            bool     `yaml:"fips" help:"Call the FIPS endpoint of STS."`
	DualStack       bool     `yaml:"dualstack" help:"Call the dual-stack endpoint of STS."`
}

type assumeRole struct {
	RoleARN        string            `yaml:"role_arn" help:"ARN of the role. Or account_id and role_name."`
	AccountID      string            `yaml:"account_id" help:"Account of the role, 12 digits."`
	RoleName       string            `yaml:"role_name" help:"Name of the role."`
	Path           string            `yaml:"path" help:"Path of the role. Default: /."`
	ExternalID     string            `yaml:"external_id" secret:"" help:"External ID that the role's trust policy asks for."`
	SessionName    string            `yaml:"session_name" help:"Name of the session, which may hold {caller}, {profile} and {host}. Default: countersign-{profile}."`
	Duration       time.Duration     `yaml:"duration" help:"Life of the session, 15m to 12h; at most 1h where the source is a role's session. Default: 1h."`
	Policy         any               `yaml:"policy" free:"" help:"Session policy, as YAML or as JSON text."`
	PolicyARNs     []string          `yaml:"policy_arns" help:"Up to 10 managed policies that restrict the session."`
	Tags           map[string]string `yaml:"tags" free:"" empty:"" help:"Session tags."`
	TransitiveTags []string          `yaml:"transitive_tags" help:"Keys of the tags that survive role chaining."`
	SourceIdentity string            `yaml:"source_identity" help:"Source identity of the session, which may hold the same placeholders as session_name."`
}

type azure struct {
	Audience string `yaml:"audience" help:"Application ID URI that the IAM identity provider lists, such as api://countersign."`
	ClientID string `yaml:"client_id" help:"Client ID of a user-assigned identity. Default: AZURE_CLIENT_ID, else the system-assigned one."`
}

type webIdentity struct {
	TokenFile string `yaml:"token_file" help:"File with the token. Default: AWS_WEB_IDENTITY_TOKEN_FILE."`
}

type container struct {
	Endpoint  string `yaml:"endpoint" help:"Credentials endpoint. Default: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI."`
	TokenFile string `yaml:"token_file" help:"File with the Authorization header. Default: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, AWS_CONTAINER_AUTHORIZATION_TOKEN."`
}

type rolesAnywhere struct {
	CertificateFile     string `yaml:"certificate_file" help:"File with the certificate in PEM, which its chain may follow; read for each session."`
	CertificateVariable string `yaml:"certificate_variable" help:"Environment variable with the same, in place of the file."`
	PrivateKeyFile      string `yaml:"private_key_file" help:"File with the private key in PEM: PKCS #8, PKCS #1 or SEC 1, without a password; read for each session."`
	PrivateKeyVariable  string `yaml:"private_key_variable" help:"Environment variable with the same, in place of the file."`
	ChainFile           string `yaml:"chain_file" help:"File with the certificates between the certificate and the trust anchor, its issuer first."`
	ChainVariable       string `yaml:"chain_variable" help:"Environment variable with the same, in place of the file."`
	TrustAnchorARN      string `yaml:"trust_anchor_arn" help:"ARN of the trust anchor, in the region where IAM Roles Anywhere is called."`
	ProfileARN          string `yaml:"profile_arn" help:"ARN of the profile of IAM Roles Anywhere that lists the role."`
	RoleARN             string `yaml:"role_arn" help:"ARN of the role. For a role of another account, put assume_role on top."`

	Duration time.Duration `yaml:"duration" help:"Life of the session, 15m to 12h, and never beyond the certificate's end. Default: 1h."`
}

type sessionToken struct {
	Duration time.Duration `yaml:"duration" help:"Life of the session, 15m to 36h. Default: 12h."`
}

type hostRule struct {
	Service   string   `yaml:"service" help:"Signing name of the service."`
	Region    string   `yaml:"region" help:"Region of the signature."`
	RegionSet []string `yaml:"region_set" help:"Regions of a Version 4a signature."`
}

type cognito struct {
	IdentityPoolID string `yaml:"identity_pool_id" help:"Identity pool, as eu-west-1:11111111-2222-3333-4444-555555555555."`
	IdentityID     string `yaml:"identity_id" help:"Identity of the pool, where it is known."`
	IdentityFile   string `yaml:"identity_file" help:"File that keeps the identity which the pool made for a guest."`
	LoginProvider  string `yaml:"login_provider" help:"Name of the login provider. Default: a guest."`
	TokenFile      string `yaml:"token_file" help:"File with the login token."`
	TokenVariable  string `yaml:"token_variable" help:"Environment variable with the login token."`
	CallerToken    bool   `yaml:"caller_token" help:"Log each caller in with the token that it brings, in place of one for all."`
	CustomRoleARN  string `yaml:"custom_role_arn" help:"One of the roles that the login token allows."`
	Basic          bool   `yaml:"basic" help:"Take the basic flow, into the role of assume_role."`
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

// policyText gives the JSON that STS needs, from a policy written as JSON text or as YAML.
func policyText(policy any) string {
	if text, isText := policy.(string); isText || policy == nil {
		return text
	}
	text, err := json.Marshal(policy)
	if err != nil {
		panic(err) // the decoder makes maps, lists, texts, numbers of JSON and booleans alone
	}
	return string(text)
}
