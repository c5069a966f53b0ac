package credentials

import (
	"time"

	"countersign/signing"
)

// The sources of a profile's keys. Any other value of [Profile.Source] is the
// name of another profile (role chaining).
const (
	SourceEnvironment     = "environment"       // AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN through Options.Getenv
	SourceStatic          = "static"            // Profile.Keys
	SourceAWSDefault      = "aws-default"       // the AWS SDK's own chain: shared files, SSO, container, instance metadata
	SourceAzureIdentity   = "azure-identity"    // an Azure identity's token, for AssumeRoleWithWebIdentity
	SourceWebIdentityFile = "web-identity-file" // a token in a file, for AssumeRoleWithWebIdentity
	SourceCognito         = "cognito"           // a Cognito identity pool
	SourceContainer       = "container"         // the ECS and EKS credentials endpoint
	SourceRolesAnywhere   = "roles-anywhere"    // IAM Roles Anywhere, with a certificate
	SourceCallerToken     = "caller-token"      // the caller's own token, for AssumeRoleWithWebIdentity
	SourceSessionToken    = "get-session-token" // STS GetSessionToken with Profile.Keys, or with the environment's
)

// Profile is one named session on offer. It holds plain values; [New] checks them. The field names in a [ConfigError]
// are those of the YAML file, shown here in brackets.
type Profile struct {
	// Name is how callers refer to it: 1…64 letters, digits, '.', '_' and '-', and not a source's name.
	Name string
	// Description is shown to callers in the list of profiles.
	Description string // [description]
	// Region is the default region for signatures, and for STS if STSRegion is empty.
	Region string // [region]
	// Source is one of the Source… constants or the name of another profile.
	Source string // [source]

	// Keys are the long-lived keys for the sources static and get-session-token.
	Keys signing.Credentials // [access_key_id, secret_access_key, session_token]
	// SharedProfile is the ~/.aws profile that aws-default uses, in preference to keys in the environment. Empty:
	// AWS_PROFILE, otherwise default. It can be set on the command line only.
	SharedProfile string
	// Azure configures azure-identity, which requires it.
	Azure *AzureIdentity // [azure]
	// WebIdentity configures web-identity-file.
	WebIdentity *WebIdentity // [web_identity]
	// Cognito configures cognito, which requires it.
	Cognito *Cognito // [cognito]
	// Container configures container; nil: the AWS_CONTAINER_… variables apply.
	Container *Container // [container]
	// RolesAnywhere configures roles-anywhere, which requires it.
	RolesAnywhere *RolesAnywhere // [roles_anywhere]
	// SessionToken configures get-session-token; nil: defaults.
	SessionToken *SessionToken // [session_token_options]

	// AssumeRole is the role to assume with the source's keys or token. Required for sources that yield a token.
	AssumeRole *AssumeRole // [assume_role]

	// STSEndpoint replaces the regional endpoint: an https URL, or http on loopback.
	STSEndpoint string // [sts_endpoint]
	// STSRegion is the region in which STS is called. Empty: Region.
	STSRegion string // [sts_region]
	// FallbackRegions are tried in order when STS cannot be reached in STSRegion.
	FallbackRegions []string // [fallback_regions]
	// FIPS and DualStack select that variant of the regional endpoint.
	FIPS, DualStack bool // [fips, dualstack]
}

// AssumeRole holds the parameters of AssumeRole and AssumeRoleWithWebIdentity. With a token (web identity) STS accepts
// neither an external id nor tags nor a source identity: those are refused, and belong in a second profile on top.
type AssumeRole struct {
	// RoleARN, or AccountID and RoleName (and Path, default "/"), name the role.
	RoleARN                   string // [role_arn]
	AccountID, RoleName, Path string // [account_id, role_name, path]
	// ExternalID is 2…1224 characters of [\w+=,.@:/-].
	ExternalID string // [external_id]
	// SessionName may contain {caller}, {profile} and {host}; characters that STS does not accept are replaced, and the
	// result is cut to 64 characters. Empty: "countersign-{profile}".
	SessionName string // [session_name]
	// Duration is 15m…12h, at most 1h when the source is itself an assumed role. Zero: 1h.
	Duration time.Duration // [duration]
	// Policy is an inline session policy, JSON, up to 2048 characters.
	Policy string // [policy]
	// PolicyARNs are up to 10 managed session policies.
	PolicyARNs []string // [policy_arns]
	// Tags are up to 50 session tags.
	Tags map[string]string // [tags]
	// TransitiveTags are the keys from Tags that survive role chaining.
	TransitiveTags []string // [transitive_tags]
	// SourceIdentity may contain the same placeholders as SessionName.
	SourceIdentity string // [source_identity]
}

// AzureIdentity gets a token from Azure: from a managed identity on Functions and Container Apps, from workload
// identity on AKS, from the developer's login elsewhere.
type AzureIdentity struct {
	// Audience is the Application ID URI that the IAM identity provider lists, such as api://countersign. Required.
	Audience string // [audience]
	// ClientID selects a user-assigned identity. Empty: AZURE_CLIENT_ID, otherwise the system-assigned one.
	ClientID string // [client_id]
}

// WebIdentity reads a token from a file, each time a session is fetched.
type WebIdentity struct {
	// TokenFile is the path. Empty: AWS_WEB_IDENTITY_TOKEN_FILE.
	TokenFile string // [token_file]
}

// Cognito gets credentials from an identity pool, for a guest or for the holder of a login token.
type Cognito struct {
	// IdentityPoolID is region:uuid. Required.
	IdentityPoolID string // [identity_pool_id]
	// IdentityID is the identity in the pool to use, if it is known.
	IdentityID string // [identity_id]
	// IdentityFile stores the identity that the pool creates, so that the next start uses it again.
	// A guest profile needs IdentityID or IdentityFile: without them each GetId creates an identity that stays for
	// good.
	IdentityFile string // [identity_file]
	// LoginProvider is the key in the Logins map; if it is set, one of TokenFile, TokenVariable and CallerToken is
	// required.
	LoginProvider string // [login_provider]
	// TokenFile and TokenVariable name the file or the variable with the login token, which is read again for each
	// session.
	TokenFile, TokenVariable string // [token_file, token_variable]
	// CallerToken logs each caller in with its own token, instead of one token for all.
	CallerToken bool // [caller_token]
	// CustomRoleARN selects one of the roles that the login token allows.
	CustomRoleARN string // [custom_role_arn]
	// Basic selects the basic flow: GetOpenIdToken, then AssumeRoleWithWebIdentity into AssumeRole's role.
	Basic bool // [basic]
}

// Container is the credentials endpoint of ECS and EKS.
type Container struct {
	// Endpoint is https, or http on loopback and the link-local addresses of ECS and EKS.
	// Empty: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI.
	Endpoint string // [endpoint]
	// TokenFile is the file with the Authorization header. Empty: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or
	// AWS_CONTAINER_AUTHORIZATION_TOKEN.
	TokenFile string // [token_file]
}

// RolesAnywhere gets sessions from IAM Roles Anywhere with a certificate. The certificate, private key and chain are
// PEM, each in a file or in an environment variable, and are read again for each session.
type RolesAnywhere struct {
	// CertificateFile or CertificateVariable names the end-entity certificate, which its chain may follow. Required.
	CertificateFile, CertificateVariable string // [certificate_file, certificate_variable]
	// PrivateKeyFile or PrivateKeyVariable names its key, RSA or EC, in PKCS #8, PKCS #1 or SEC 1, without a password.
	// Required.
	PrivateKeyFile, PrivateKeyVariable string // [private_key_file, private_key_variable]
	// ChainFile or ChainVariable names the certificates between the certificate and the trust anchor, its issuer first.
	ChainFile, ChainVariable string // [chain_file, chain_variable]
	// TrustAnchorARN and ProfileARN are IAM Roles Anywhere resources in the region in which it is called. Required.
	TrustAnchorARN, ProfileARN string // [trust_anchor_arn, profile_arn]
	// RoleARN is the role that the session is for. Required.
	RoleARN string // [role_arn]
	// Duration is 15m…12h. Zero: 1h.
	Duration time.Duration // [duration]
}

// SessionToken holds the parameters of GetSessionToken.
type SessionToken struct {
	// Duration is 15m…36h. Zero: 12h.
	Duration time.Duration // [duration]
}
