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
	SourceAzureIdentity   = "azure-identity"    // a token of an Azure identity, for AssumeRoleWithWebIdentity
	SourceWebIdentityFile = "web-identity-file" // a token in a file, for AssumeRoleWithWebIdentity
	SourceCognito         = "cognito"           // a Cognito identity pool
	SourceContainer       = "container"         // the ECS and EKS credentials endpoint
	SourceRolesAnywhere   = "roles-anywhere"    // IAM Roles Anywhere, with a certificate
	SourceCallerToken     = "caller-token"      // the caller's own token, for AssumeRoleWithWebIdentity
	SourceSessionToken    = "get-session-token" // STS GetSessionToken with Profile.Keys, or with the environment's
)

// Profile is one named session on offer. Plain values; [New] checks them.
// The names in a [ConfigError] are the ones of the YAML file, given here in brackets.
type Profile struct {
	// Name is what callers ask for: 1…64 of letters, digits, '.', '_' and '-', and not a source's name.
	Name string
	// Description is shown to callers in the list of profiles.
	Description string // [description]
	// Region is the default region of signatures, and of STS when STSRegion is empty.
	Region string // [region]
	// Source is one of the Source… constants or another profile's name.
	Source string // [source]

	// Keys are the long-lived keys of the sources static and get-session-token.
	Keys signing.Credentials // [access_key_id, secret_access_key, session_token]
	// SharedProfile is the profile of ~/.aws that aws-default takes, before keys in the environment. Empty: AWS_PROFILE, else default.
	// The command line has it, the file does not.
	SharedProfile string
	// Azure is for azure-identity, required.
	Azure *AzureIdentity // [azure]
	// WebIdentity is for web-identity-file.
	WebIdentity *WebIdentity // [web_identity]
	// Cognito is for cognito, required.
	Cognito *Cognito // [cognito]
	// Container is for container; nil: what AWS_CONTAINER_… say.
	Container *Container // [container]
	// RolesAnywhere is for roles-anywhere, required.
	RolesAnywhere *RolesAnywhere // [roles_anywhere]
	// SessionToken is for get-session-token; nil: defaults.
	SessionToken *SessionToken // [session_token_options]

	// AssumeRole is done with the source's keys or token. Required for sources that yield a token.
	AssumeRole *AssumeRole // [assume_role]

	// STSEndpoint replaces the regional endpoint: an https URL, or http on loopback.
	STSEndpoint string // [sts_endpoint]
	// STSRegion is where STS is called. Empty: Region.
	STSRegion string // [sts_region]
	// FallbackRegions are tried in order when STS cannot be reached in STSRegion.
	FallbackRegions []string // [fallback_regions]
	// FIPS and DualStack choose that form of the regional endpoint.
	FIPS, DualStack bool // [fips, dualstack]
}

// AssumeRole are the parameters of AssumeRole and AssumeRoleWithWebIdentity.
// With a token (web identity) STS takes neither external id nor tags nor source
// identity: those are refused, and belong into a second profile on top.
type AssumeRole struct {
	// RoleARN, or AccountID and RoleName (and Path, default "/"), name the role.
	RoleARN                   string // [role_arn]
	AccountID, RoleName, Path string // [account_id, role_name, path]
	// ExternalID is 2…1224 of [\w+=,.@:/-].
	ExternalID string // [external_id]
	// SessionName may hold {caller}, {profile} and {host}; what comes out is
	// made legal and cut to 64 characters. Empty: "countersign-{profile}".
	SessionName string // [session_name]
	// Duration is 15m…12h, at most 1h when the source is itself an assumed role. Zero: 1h.
	Duration time.Duration // [duration]
	// Policy is an inline session policy, JSON, up to 2048 characters.
	Policy string // [policy]
	// PolicyARNs are up to 10 managed session policies.
	PolicyARNs []string // [policy_arns]
	// Tags are up to 50 session tags.
	Tags map[string]string // [tags]
	// TransitiveTags are names out of Tags that survive role chaining.
	TransitiveTags []string // [transitive_tags]
	// SourceIdentity may hold the same placeholders as SessionName.
	SourceIdentity string // [source_identity]
}

// AzureIdentity asks Azure for a token: a managed identity on Functions and
// Container Apps, workload identity on AKS, the developer's login elsewhere.
type AzureIdentity struct {
	// Audience is the Application ID URI that the IAM identity provider lists, such as api://countersign. Required.
	Audience string // [audience]
	// ClientID picks a user-assigned identity. Empty: AZURE_CLIENT_ID, else the system-assigned one.
	ClientID string // [client_id]
}

// WebIdentity reads a token from a file, again for each session.
type WebIdentity struct {
	// TokenFile is the path. Empty: AWS_WEB_IDENTITY_TOKEN_FILE.
	TokenFile string // [token_file]
}

// Cognito asks an identity pool, for a guest or for the holder of a login token.
type Cognito struct {
	// IdentityPoolID is region:uuid. Required.
	IdentityPoolID string // [identity_pool_id]
	// IdentityID is the pool's identity to use, when it is known.
	IdentityID string // [identity_id]
	// IdentityFile keeps the identity that the pool creates, so that the next start uses it again.
	// A guest profile needs IdentityID or IdentityFile: each GetId without them creates an identity for good.
	IdentityFile string // [identity_file]
	// LoginProvider is the key of the Logins map; with it one of TokenFile, TokenVariable and CallerToken is required.
	LoginProvider string // [login_provider]
	// TokenFile and TokenVariable hold the login token, read again for each session.
	TokenFile, TokenVariable string // [token_file, token_variable]
	// CallerToken logs each caller in with the token that it brings, in place of one for all.
	CallerToken bool // [caller_token]
	// CustomRoleARN picks one of the roles that the login token allows.
	CustomRoleARN string // [custom_role_arn]
	// Basic takes the basic flow: GetOpenIdToken, then AssumeRoleWithWebIdentity into AssumeRole's role.
	Basic bool // [basic]
}

// Container is the credentials endpoint of ECS and EKS.
type Container struct {
	// Endpoint is https, or http on loopback and the link-local addresses of ECS and EKS.
	// Empty: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI.
	Endpoint string // [endpoint]
	// TokenFile holds the Authorization header. Empty: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN.
	TokenFile string // [token_file]
}

// RolesAnywhere shows IAM Roles Anywhere a certificate. Certificate, private key and chain are PEM, each in a file or in an
// environment variable, and read again for each session.
type RolesAnywhere struct {
	// CertificateFile or CertificateVariable holds the end-entity certificate, which its chain may follow. Required.
	CertificateFile, CertificateVariable string // [certificate_file, certificate_variable]
	// PrivateKeyFile or PrivateKeyVariable holds its key, RSA or EC, in PKCS #8, PKCS #1 or SEC 1, without a password. Required.
	PrivateKeyFile, PrivateKeyVariable string // [private_key_file, private_key_variable]
	// ChainFile or ChainVariable holds the certificates between the certificate and the trust anchor, its issuer first.
	ChainFile, ChainVariable string // [chain_file, chain_variable]
	// TrustAnchorARN and ProfileARN are those of IAM Roles Anywhere, in the region where it is called. Required.
	TrustAnchorARN, ProfileARN string // [trust_anchor_arn, profile_arn]
	// RoleARN is the role whose session it issues. Required.
	RoleARN string // [role_arn]
	// Duration is 15m…12h. Zero: 1h.
	Duration time.Duration // [duration]
}

// SessionToken are the parameters of GetSessionToken.
type SessionToken struct {
	// Duration is 15m…36h. Zero: 12h.
	Duration time.Duration // [duration]
}
