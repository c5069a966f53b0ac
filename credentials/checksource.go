package credentials

import (
	"net/url"
	"slices"
	"strings"

	"countersign/endpoints"
	"countersign/signing"
)

// source checks the settings of p's source, and reports settings that belong to another source.
func (f *faults) source(p *Profile, env func(string) string) {
	hasKeys := !noKeys(p.Keys)
	switch p.Source {
	case SourceEnvironment:
		f.environment(env)
	case SourceStatic:
		f.keys(trimmed(p.Keys), "access_key_id", "secret_access_key", "session_token")
	case SourceSessionToken:
		f.sessionToken(p, env)
	case SourceAzureIdentity:
		f.azure(p.Azure)
	case SourceWebIdentityFile:
		if (p.WebIdentity == nil || p.WebIdentity.TokenFile == "") && lookup(env, "AWS_WEB_IDENTITY_TOKEN_FILE") == "" {
			f.add("web_identity.token_file", "is required, or AWS_WEB_IDENTITY_TOKEN_FILE")
		}
	case SourceCognito:
		f.cognito(p)
	case SourceRolesAnywhere:
		f.rolesAnywhere(p.RolesAnywhere)
	case SourceContainer:
		if _, err := containerEndpoint(p.Container, env); err != nil {
			f.add("container.endpoint", "%v", err)
		}
	}
	f.foreign(hasKeys && p.Source != SourceStatic && p.Source != SourceSessionToken, "access_key_id", p)
	f.foreign(p.Azure != nil && p.Source != SourceAzureIdentity, "azure", p)
	f.foreign(p.WebIdentity != nil && p.Source != SourceWebIdentityFile, "web_identity", p)
	f.foreign(p.Cognito != nil && p.Source != SourceCognito, "cognito", p)
	f.foreign(p.Container != nil && p.Source != SourceContainer, "container", p)
	f.foreign(p.RolesAnywhere != nil && p.Source != SourceRolesAnywhere, "roles_anywhere", p)
	f.foreign(p.SessionToken != nil && p.Source != SourceSessionToken, "session_token_options", p)
}

func noKeys(c signing.Credentials) bool {
	return c.AccessKeyID == "" && c.SecretAccessKey() == "" && c.SessionToken() == ""
}

func (f *faults) foreign(is bool, field string, p *Profile) {
	if is {
		f.add(field, "does not belong to the source %q", p.Source)
	}
}

func (f *faults) environment(env func(string) string) {
	f.keys(environmentKeys(env), "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
}

func (f *faults) sessionToken(p *Profile, env func(string) string) {
	token := p.Keys.SessionToken() != ""
	if !noKeys(p.Keys) {
		f.keys(trimmed(p.Keys), "access_key_id", "secret_access_key", "session_token")
	} else {
		f.environment(env)
		token = environmentKeys(env).SessionToken() != ""
	}
	if token {
		f.add("source", "get-session-token needs the long-lived keys of an IAM user: a session cannot call GetSessionToken")
	}
	if p.SessionToken != nil {
		f.duration("session_token_options.duration", p.SessionToken.Duration, shortestSession, longestLife)
	}
}

func (f *faults) azure(a *AzureIdentity) {
	switch {
	case a == nil || a.Audience == "":
		f.add("azure.audience", "is required: the Application ID URI that the IAM identity provider lists, such as api://countersign")
	case strings.HasSuffix(a.Audience, "/.default"):
		f.add("azure.audience", "must be the Application ID URI itself, without /.default")
	case !plain(a.Audience):
		f.add("azure.audience", "contains a space or a character that is not allowed in a URI")
	}
}

func (f *faults) rolesAnywhere(r *RolesAnywhere) {
	if r == nil {
		f.add("roles_anywhere.certificate_file", "is required")
		return
	}
	either := func(name, file, variable string, required bool) {
		switch {
		case file != "" && variable != "":
			f.add("roles_anywhere."+name+"_file", "or %s_variable, not both", name)
		case file == "" && variable == "" && required:
			f.add("roles_anywhere."+name+"_file", "or %s_variable is required", name)
		}
	}
	either("certificate", r.CertificateFile, r.CertificateVariable, true)
	either("private_key", r.PrivateKeyFile, r.PrivateKeyVariable, true)
	either("chain", r.ChainFile, r.ChainVariable, false)
	f.duration("roles_anywhere.duration", r.Duration, shortestSession, longestSession)
	region, account, partition, ok := parseAnchorARN(r.TrustAnchorARN, "trust-anchor")
	if !ok || endpoints.PartitionOf(region) != partition {
		f.add("roles_anywhere.trust_anchor_arn", "must look like "+
			"arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555")
		return
	}
	switch thereRegion, thereAccount, _, ok := parseAnchorARN(r.ProfileARN, "profile"); {
	case !ok:
		f.add("roles_anywhere.profile_arn", "must look like "+
			"arn:aws:rolesanywhere:eu-west-1:123456789012:profile/11111111-2222-3333-4444-555555555555")
	case thereRegion != region || thereAccount != account:
		f.add("roles_anywhere.profile_arn", "must be in the same region and account as trust_anchor_arn")
	}
	switch therePartition, thereAccount, ok := parseRoleARN(r.RoleARN); {
	case !ok:
		f.add("roles_anywhere.role_arn", "must look like arn:aws:iam::123456789012:role/name")
	case therePartition != partition || thereAccount != account:
		f.add("roles_anywhere.role_arn", "must be in the same account as trust_anchor_arn; for roles in other accounts add assume_role")
	}
}

func (f *faults) cognito(p *Profile) {
	c := p.Cognito
	if c == nil {
		f.add("cognito.identity_pool_id", "is required")
		return
	}
	if region, ok := splitIdentity(c.IdentityPoolID); !ok || endpoints.PartitionOf(region) == "" {
		f.add("cognito.identity_pool_id", "must look like eu-west-1:11111111-2222-3333-4444-555555555555")
	}
	if _, ok := splitIdentity(c.IdentityID); c.IdentityID != "" && !ok {
		f.add("cognito.identity_id", "must look like eu-west-1:11111111-2222-3333-4444-555555555555")
	}
	login := c.LoginProvider != ""
	tokens := 0
	for _, given := range []bool{c.TokenFile != "", c.TokenVariable != "", c.CallerToken} {
		if given {
			tokens++
		}
	}
	switch {
	case tokens > 1:
		f.add("cognito.token_file", "or token_variable or caller_token: only one of them may be set")
	case login && tokens == 0:
		f.add("cognito.token_file", "or token_variable or caller_token is required with login_provider")
	case !login && tokens > 0:
		f.add("cognito.login_provider", "is required with a token")
	case !login && c.IdentityID == "" && c.IdentityFile == "":
		f.add("cognito.identity_file", "or identity_id is required for a guest: the pool keeps every identity it ever made, "+
			"and each start would make one")
	}
	if c.CallerToken {
		f.callerPool(c)
	}
	if c.CustomRoleARN != "" && (c.Basic || !login) {
		f.add("cognito.custom_role_arn", "is for the enhanced flow with a login")
	}
}

// callerPool reports settings for a single identity, since with caller_token each caller has its own.
func (f *faults) callerPool(c *Cognito) {
	const reason = "is for one identity; with caller_token each caller has its own"
	if c.IdentityID != "" {
		f.add("cognito.identity_id", reason)
	}
	if c.IdentityFile != "" {
		f.add("cognito.identity_file", reason)
	}
	if c.Basic {
		f.add("cognito.basic", "cannot be used with caller_token: the source caller-token does the same without a pool")
	}
}

// login checks that callers can log in with tokens if the profile signs as the caller.
func (f *faults) login(p *Profile, issuers []string) {
	if !p.signsAsCaller() {
		return
	}
	if len(issuers) == 0 {
		f.add("source", "%s with the caller's token needs callers.oidc or callers.entra: other callers have no token", p.Source)
		return
	}
	provider := ""
	if p.Cognito != nil {
		provider = providerOf(p.Cognito.LoginProvider)
	}
	if provider != "" && !slices.ContainsFunc(issuers, func(issuer string) bool { return providerOf(issuer) == provider }) {
		f.add("cognito.login_provider", "must be an issuer of callers.oidc, or that of callers.entra, without https://")
	}
}

func lookup(env func(string) string, name string) string {
	if env == nil {
		return ""
	}
	return strings.TrimSpace(env(name))
}

// The addresses other than loopback at which ECS and EKS serve credentials: AWS SDKs and Tools Reference Guide,
// container credential provider.
const ecsEndpoint = "http://169.254.170.2"

var containerHosts = map[string]bool{"169.254.170.2": true, "169.254.170.23": true, "fd00:ec2::23": true}

func containerEndpoint(c *Container, env func(string) string) (string, error) {
	endpoint := ""
	if c != nil {
		endpoint = c.Endpoint
	}
	if relative := lookup(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); endpoint == "" && relative != "" {
		if relative[0] != '/' { // it must not become part of the host name
			return "", errContainerURL
		}
		return ecsEndpoint + relative, nil
	}
	if endpoint == "" {
		endpoint = lookup(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	}
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return "", errNoContainer
	case err != nil || u.Host == "" || u.User != nil:
		return "", errContainerURL
	case u.Scheme == "https":
		return endpoint, nil
	case u.Scheme == "http" && (endpoints.IsLoopback(u.Hostname()) || containerHosts[u.Hostname()]):
		return endpoint, nil
	}
	return "", errContainerHost
}
