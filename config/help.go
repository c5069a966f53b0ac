package config

// help explains each key in the file, by the type of its struct and its name; a setting has the same help on the
// command line. It ends with the default, if there is one to mention.
var help = map[string]string{ //nolint:gosec // G101: texts about secrets, not secrets
	"Settings.auth": "\"none\" lets every caller in without a key. Nothing else is accepted. With " +
		"allow_send, the address must be loopback or a Unix socket.",
	"Settings.api_key_sha256": "SHA-256 of one API key, for use without a file. The caller has the name that countersign key new was " +
		"given.",
	"Settings.address": "Address to listen on, or unix:/PATH for a Unix socket. Default: all; 127.0.0.1 under Azure Functions, or " +
		"where auth is none.",
	"Settings.port": "Port to listen on. Default: FUNCTIONS_CUSTOMHANDLER_PORT, PORT, 8080.",
	"Settings.socket_mode": "Who may connect to the Unix socket, in octal digits: 0600 for the user of the service, 0660 also for its " +
		"group. Default: 0660.",
	"Settings.tls_cert_file": "Certificate of the service in PEM, with its intermediate certificates; read again when it changes. " +
		"Default: none, plain HTTP.",
	"Settings.tls_key_file":    "Private key of that certificate, in PEM. Default: none.",
	"Settings.metrics_address": "Address of a separate listener for /metrics, /livez and /readyz, without authentication. Default: none.",
	"Settings.public_url":      "Address at which callers reach this service, for /swagger.json. Default: as the request says.",
	"Settings.log_level":       "debug, info, warn or error. Default: info.",
	"Settings.default_profile": "Profile of requests that name none. Default: the only one.",
	"Settings.http_hosts": "Hosts, each with its port if it has one, that may be called over http, or over https although they are IP " +
		"addresses.",
	"Settings.allow_signing_time":        "Let requests choose the time of the signature.",
	"Settings.allow_request_credentials": "Let requests bring their own keys.",
	"Settings.allow_send":                "Let this service send requests and return the responses: POST /v1/send, /proxy and /call.",
	"Settings.allow_origins": "Origins of web pages that may call /v1/sign and /v1/send with a token of their user, such as " +
		"https://app.example.com.",
	"Settings.max_response_bytes": "Largest response in bytes that POST /v1/send passes on, and /call to POST and PATCH. Default: 26214400.",
	"Settings.deny_private_addresses": "Send nothing to private addresses, to which names of VPC endpoints resolve, except to those in " +
		"http_hosts.",
	"Settings.workbench": "Serve /workbench, a page that shows what is signed and why, and /docs. Default: only if auth is none and " +
		"address is a loopback address.",
	"Settings.policies":         "Cedar policy file. Default: every caller may use every service except those in the guardrails.",
	"Settings.audit_file":       "File to append audit records to. Default: standard output.",
	"Settings.audit_stdout":     "Write audit records to standard output as well as to the file. Without a file they go there anyway.",
	"Settings.audit_hash_paths": "Record the SHA-256 of paths instead of the paths.",
	"Settings.rate_per_second":  "Requests that a caller may make each second in the long run. Default: 500.",
	"Settings.rate_burst":       "Requests that a caller may make at once. Default: 1000.",
	"Settings.max_requests":     "Requests in progress at once; as many again may wait for 2 seconds. Default: 256.",
	"Settings.max_bytes":        "Bytes of memory that large bodies may take at once; each takes eight times its size. Default: 134217728.",
	"Settings.max_connections":  "Connections open at once, as far as there are file descriptors. Default: 16384.",
	"Settings.max_body_bytes":   "Largest request body in bytes. Default: 10485760.",
	"Settings.max_proxy_body_bytes": "Largest request body in bytes that the proxy reads whole because the client declares no hash of it. " +
		"Default: 1073741824.",
	"Settings.reload_seconds": "Seconds between checks of the file and of the files that it names. A change that two checks agree on takes " +
		"effect without a restart, as after SIGHUP. 0: only after SIGHUP. Default: 5.",
	"Settings.spool_dir": "Directory for what is not held in memory: request bodies of more than 1 MiB while the proxy reads them, and " +
		"responses of more than 256 KiB while POST /v1/send or /call reads them. Default: the system's directory " +
		"for temporary files.",
	"Settings.max_spool_bytes": "Bytes that the files in spool_dir may take at once; one caller gets at most half. " +
		"Default: 4294967296.",
	"Settings.response_header_timeout": "How long AWS may take to begin its response to a request of the proxy. Default: 60s.",
	"Settings.read_header_timeout":     "How long a client may take to send the header of a request. Default: 5s.",
	"Settings.read_timeout": "How long a client may take to send a whole request. POST /v1/send and the proxy have limits " +
		"of their own. Default: 30s.",
	"Settings.write_timeout": "How long a response may take, from the end of the request's header until the client has it, with the same " +
		"exceptions. Default: 30s.",
	"Settings.idle_timeout": "How long a connection stays open without a request. Set it longer than the idle timeout of the load balancer " +
		"in front. Default: 120s.",
	"Settings.unsigned_payloads": "Let the proxy stream bodies without a declared hash, unsigned, to S3 and the few other " +
		"services that accept this over https.",
	"Settings.forward_cookies": "Let cookies pass through the proxy, both ways.",
	"Settings.forward_authorization_as": "Name of the header in which the proxy sends on a client's Authorization if that is neither " +
		"the caller's key nor a signature. Without it, Authorization is not sent on.",
	"Settings.drain_seconds": "Seconds that requests in progress get after SIGTERM. Default: 25.",
	"Settings.shutdown_delay": "How long requests are still accepted after SIGTERM, while /readyz responds 503 so that load balancers send " +
		"elsewhere; drain_seconds begin after it. Default: 0s.",

	"defaultProfile.source":         "Where the keys come from. Default: environment.",
	"defaultProfile.role_arn":       "Role to assume.",
	"defaultProfile.account_id":     "Account of the role; with role_name, instead of role_arn.",
	"defaultProfile.role_name":      "Name of the role to assume.",
	"defaultProfile.role_path":      "Path of the role to assume. Default: /.",
	"defaultProfile.external_id":    "External ID that the role asks for.",
	"defaultProfile.session_name":   "Name of the role session. Default: countersign-default.",
	"defaultProfile.duration":       "Life of the role session, 15m to 12h. Default: 1h.",
	"defaultProfile.sts_endpoint":   "STS to call instead of the region's own.",
	"defaultProfile.sts_region":     "Region of the STS to call. Default: AWS_REGION.",
	"defaultProfile.azure_audience": "Audience of the Azure identity's token, for the source azure-identity.",

	"callers.api_keys": "API keys; only their hashes are kept. countersign key new makes them.",
	"callers.oidc":     "Callers with a token from another issuer: Amazon Cognito, Auth0, Okta, Keycloak.",
	"callers.entra":    "Callers with a token from Microsoft Entra ID.",
	"callers.guest": "Everyone who calls /v1/sign or /v1/send without credentials, as one caller, up to five times a second from one " +
		"address. Default: nobody.",
	"callers.trusted_header": "Callers that App Service authentication has signed in. Use it only if nothing else can reach the port.",

	"admission.tenant":  "ID of the directory, a GUID in lower case.",
	"admission.roles":   "App roles; a caller needs one of them.",
	"admission.users":   "Let people in, not only applications.",
	"admission.callers": "Names of callers, by the ID of the application or the object ID of the person.",

	"entra.audience": "Audience of the tokens, one or a list: the application's ID URI or its client ID.",
	"entra.keys_url": "Where the signing keys are. Default: the tenant's at login.microsoftonline.com.",

	"oidc.name":        "Name of the issuer, a prefix of the IDs and roles of its callers: shop:auth0|5f7c.",
	"oidc.issuer":      "The iss of its tokens, letter for letter; the service finds the signing keys from it.",
	"oidc.audience":    "Audience of the tokens, one or a list: a client ID or an API identifier.",
	"oidc.roles_claim": "Claim that contains roles: cognito:groups, groups, scope, realm_access.roles.",
	"oidc.roles":       "Roles; a caller needs one of them.",
	"oidc.callers":     "Names of callers, by the sub of their tokens. They need no role.",
	"oidc.everyone":    "Let in everyone who has a token for the audience.",

	"guest.profiles": "Profiles that guests may use, whatever policies say.",

	"apiKey.id":      "Name of the caller. Default: default.",
	"apiKey.sha256":  "SHA-256 of the key in 64 hexadecimal digits.",
	"apiKey.expires": "Day or time at which the key stops working, such as 2027-01-31 or 2027-01-31T12:00:00Z.",

	"document.profiles": "Profiles by name. Each gives callers one AWS session.",
	"document.callers":  "Who may call.",

	"profile.description": "What callers read in the list of profiles.",
	"profile.region":      "Region of signatures if the URL names none, and of STS. Default: AWS_REGION.",
	"profile.source": "Where the keys come from: environment, static, aws-default, azure-identity, web-identity-file, " +
		"caller-token, cognito, container, roles-anywhere, get-session-token, or the name of another profile.",
	"profile.access_key_id":         "Access key ID, for the sources static and get-session-token.",
	"profile.secret_access_key":     "Secret access key, for the sources static and get-session-token.",
	"profile.session_token":         "Session token, for the source static.",
	"profile.assume_role":           "Role to assume with the keys of the source.",
	"profile.azure":                 "Settings of the source azure-identity.",
	"profile.web_identity":          "Settings of the source web-identity-file.",
	"profile.cognito":               "Settings of the source cognito.",
	"profile.container":             "Settings of the source container.",
	"profile.roles_anywhere":        "Settings of the source roles-anywhere.",
	"profile.session_token_options": "Settings of the source get-session-token.",
	"profile.hosts":                 "Service and region of hosts whose names do not show them, by host pattern.",
	"profile.upstream_headers": "Headers to add to requests to some hosts, by name, such as x-api-key with the key of a usage " +
		"plan. Callers neither set nor see them.",
	"profile.sts_endpoint":     "STS to call instead of the region's own: https, or http on loopback.",
	"profile.sts_region":       "Region of the STS to call. Default: the profile's region.",
	"profile.fallback_regions": "Up to two regions whose STS is called when the first cannot be reached.",
	"profile.fips":             "Call the FIPS endpoint of STS.",
	"profile.dualstack":        "Call the dual-stack endpoint of STS.",

	"assumeRole.role_arn":        "ARN of the role. Or account_id and role_name.",
	"assumeRole.account_id":      "Account of the role, 12 digits.",
	"assumeRole.role_name":       "Name of the role.",
	"assumeRole.path":            "Path of the role. Default: /.",
	"assumeRole.external_id":     "External ID that the role's trust policy asks for.",
	"assumeRole.session_name":    "Name of the session, which may contain {caller}, {profile} and {host}. Default: countersign-{profile}.",
	"assumeRole.duration":        "Life of the session, 15m to 12h; at most 1h if the source is a role's session. Default: 1h.",
	"assumeRole.policy":          "Session policy, as YAML or as JSON text.",
	"assumeRole.policy_arns":     "Up to 10 managed policies that restrict the session.",
	"assumeRole.tags":            "Session tags.",
	"assumeRole.transitive_tags": "Keys of the tags that survive role chaining.",
	"assumeRole.source_identity": "Source identity of the session, which may contain the same placeholders as session_name.",

	"azure.audience":  "Application ID URI that the IAM identity provider lists, such as api://countersign.",
	"azure.client_id": "Client ID of a user-assigned identity. Default: AZURE_CLIENT_ID, else the system-assigned one.",

	"webIdentity.token_file": "File with the token. Default: AWS_WEB_IDENTITY_TOKEN_FILE.",

	"container.endpoint": "Credentials endpoint. Default: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, " +
		"AWS_CONTAINER_CREDENTIALS_FULL_URI.",
	"container.token_file": "File with the Authorization header. Default: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, " +
		"AWS_CONTAINER_AUTHORIZATION_TOKEN.",

	"rolesAnywhere.certificate_file":     "File with the certificate in PEM; its chain may follow it. Read for each session.",
	"rolesAnywhere.certificate_variable": "Environment variable with the same, instead of the file.",
	"rolesAnywhere.private_key_file": "File with the private key in PEM: PKCS #8, PKCS #1 or SEC 1, without a password; " +
		"read for each session.",
	"rolesAnywhere.private_key_variable": "Environment variable with the same, instead of the file.",
	"rolesAnywhere.chain_file":           "File with the certificates between the certificate and the trust anchor, its issuer first.",
	"rolesAnywhere.chain_variable":       "Environment variable with the same, instead of the file.",
	"rolesAnywhere.trust_anchor_arn":     "ARN of the trust anchor, in the region where IAM Roles Anywhere is called.",
	"rolesAnywhere.profile_arn":          "ARN of the IAM Roles Anywhere profile that lists the role.",
	"rolesAnywhere.role_arn":             "ARN of the role. For a role of another account, add assume_role.",
	"rolesAnywhere.duration":             "Life of the session, 15m to 12h, and never beyond the certificate's end. Default: 1h.",

	"sessionToken.duration": "Life of the session, 15m to 36h. Default: 12h.",

	"hostRule.service":    "Signing name of the service.",
	"hostRule.region":     "Region of the signature.",
	"hostRule.region_set": "Regions of a Version 4a signature.",

	"cognito.identity_pool_id": "Identity pool, such as eu-west-1:11111111-2222-3333-4444-555555555555.",
	"cognito.identity_id":      "Identity of the pool, if it is known.",
	"cognito.identity_file":    "File that keeps the identity that the pool made for a guest.",
	"cognito.login_provider":   "Name of the login provider. Default: a guest.",
	"cognito.token_file":       "File with the login token.",
	"cognito.token_variable":   "Environment variable with the login token.",
	"cognito.caller_token":     "Log each caller in with its own token, instead of one token for all.",
	"cognito.custom_role_arn":  "One of the roles that the login token allows.",
	"cognito.basic":            "Use the basic flow, into the role of assume_role.",

	"upstreamHeader.value":          "Value of the header.",
	"upstreamHeader.value_variable": "Environment variable with the value, instead of value or value_file.",
	"upstreamHeader.hosts":          "Hosts that get the header, as they appear in a URL. No others do.",
}
