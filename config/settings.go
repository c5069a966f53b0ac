package config

import "time"

// Settings are the plain settings. Each has one name in three spellings: allow_signing_time in the file,
// COUNTERSIGN_ALLOW_SIGNING_TIME in the environment, --allow-signing-time on the command line.
//
// Beside the tags of YAML and of the command line, the tags are: usual, the default; least and most, the bounds of a
// number or duration; values, the only ones allowed; secret, never printed, and readable from a file by the name with _file added;
// reload, which may change while the service runs, as profiles and callers may;
// guard, without which the service would permit or hide more, so that an empty variable is a fault.
type Settings struct {
	Auth             string        `yaml:"auth" values:"none" help:"\"none\" lets every caller in without a key. Nothing else is accepted."`
	APIKeySHA256     string        `yaml:"api_key_sha256" reload:"" secret:"" placeholder:"HEX" help:"SHA-256 of one API key, for a start without a file. The caller has the name that countersign key new was given."`
	Address          string        `yaml:"address" placeholder:"HOST" help:"Address to listen on, or unix:/PATH for a Unix socket. Default: all; 127.0.0.1 under Azure Functions, or where auth is none."`
	Port             int           `yaml:"port" usual:"8080" least:"1" most:"65535" placeholder:"N" help:"Port to listen on. Default: FUNCTIONS_CUSTOMHANDLER_PORT, PORT, 8080."`
	SocketMode       string        `yaml:"socket_mode" usual:"0660" placeholder:"MODE" help:"Who may connect to the Unix socket, in octal digits: 0600 for the user of the service, 0660 also for its group. Default: 0660."`
	TLSCertFile      string        `yaml:"tls_cert_file" placeholder:"FILE" help:"Certificate of the service, in PEM, with those between it and the CA; it is read again when it changes. Default: none, plain HTTP."`
	TLSKeyFile       string        `yaml:"tls_key_file" placeholder:"FILE" help:"Private key of that certificate, in PEM. Default: none."`
	MetricsAddress   string        `yaml:"metrics_address" placeholder:"HOST:PORT" help:"Address of a listener of its own for /metrics, /livez and /readyz, without authentication. Default: none."`
	PublicURL        string        `yaml:"public_url" placeholder:"URL" help:"Address by which callers reach this service, for /swagger.json. Default: as the request says."`
	LogLevel         string        `yaml:"log_level" reload:"" usual:"info" values:"debug info warn error" placeholder:"LEVEL" help:"debug, info, warn or error. Default: info."`
	DefaultProfile   string        `yaml:"default_profile" reload:"" placeholder:"NAME" help:"Profile of requests that name none. Default: the only one."`
	HTTPHosts        []string      `yaml:"http_hosts" reload:"" placeholder:"HOST" help:"Hosts, with their port where there is one, that may be called by http, or by https although they are IP addresses."`
	AllowSigningTime bool          `yaml:"allow_signing_time" help:"Let requests choose the time of the signature."`
	AllowCredentials bool          `yaml:"allow_request_credentials" help:"Let requests bring their own keys."`
	AllowSend        bool          `yaml:"allow_send" help:"Let requests be sent from here, and their answers be passed on: POST /v1/send, /proxy and /call."`
	AllowOrigins     []string      `yaml:"allow_origins" placeholder:"ORIGIN" help:"Origins of web pages that may call /v1/sign and /v1/send with a token of their user, such as https://app.example.com."`
	MaxResponseBytes int64         `yaml:"max_response_bytes" reload:"" usual:"26214400" least:"1024" most:"78643200" placeholder:"N" help:"Largest answer in bytes that POST /v1/send passes on. Default: 26214400."`
	DenyPrivate      bool          `yaml:"deny_private_addresses" help:"Send nothing to private addresses, to which names of VPC endpoints resolve; addresses among the http_hosts excepted."`
	Workbench        bool          `yaml:"workbench" help:"Serve /workbench, a page that shows what is signed and why, and /docs. Default: where auth is none and address a loopback one."`
	Policies         string        `yaml:"policies" reload:"" guard:"" placeholder:"FILE" help:"Cedar policy file. Default: every caller may use every service except those in the guardrails."`
	AuditFile        string        `yaml:"audit_file" guard:"" placeholder:"FILE" help:"File to append audit records to. Default: standard output."`
	AuditStdout      bool          `yaml:"audit_stdout" guard:"" help:"Write audit records to standard output as well as to the file. Without a file they go there anyway."`
	AuditHashPaths   bool          `yaml:"audit_hash_paths" guard:"" help:"Record the SHA-256 of paths in place of the paths."`
	RatePerSecond    float64       `yaml:"rate_per_second" reload:"" usual:"500" least:"1" most:"1000000000" placeholder:"N" help:"Requests that a caller may make each second in the long run. Default: 500."`
	RateBurst        int           `yaml:"rate_burst" reload:"" usual:"1000" least:"1" most:"1000000000" placeholder:"N" help:"Requests that a caller may make at once. Default: 1000."`
	MaxRequests      int           `yaml:"max_requests" usual:"256" least:"1" most:"1000000" placeholder:"N" help:"Requests under way at once; as many again may wait for 2 seconds. Default: 256."`
	MaxBytes         int64         `yaml:"max_bytes" usual:"134217728" least:"1024" most:"1099511627776" placeholder:"N" help:"Bytes of memory that large bodies may take at once; each takes eight times its size. Default: 134217728."`
	MaxConnections   int           `yaml:"max_connections" usual:"16384" least:"16" most:"1000000" placeholder:"N" help:"Connections open at once, as far as file descriptors last. Default: 16384."`
	MaxBodyBytes     int64         `yaml:"max_body_bytes" reload:"" usual:"10485760" least:"1024" most:"1099511627776" placeholder:"N" help:"Largest request body in bytes. Default: 10485760."`
	MaxProxyBody     int64         `yaml:"max_proxy_body_bytes" reload:"" usual:"1073741824" least:"1024" most:"1099511627776" placeholder:"N" help:"Largest request body in bytes that the proxy reads whole, since the client declares no hash of it. Default: 1073741824."`
	ReloadSeconds    int           `yaml:"reload_seconds" usual:"5" least:"0" most:"3600" placeholder:"N" help:"Seconds between looks at the file and at those that it names; a change that two looks agree on is taken without a restart, as after SIGHUP. 0: only after SIGHUP. Default: 5."`
	SpoolDir         string        `yaml:"spool_dir" placeholder:"DIR" help:"Directory for request bodies of more than 1 MiB while the proxy reads them. Default: that of the system for temporary files."`
	HeaderTimeout    time.Duration `yaml:"response_header_timeout" reload:"" usual:"60s" least:"1s" most:"15m" placeholder:"60s" help:"How long AWS may take to begin its answer to a request of the proxy. Default: 60s."`
	ReadHdrTimeout   time.Duration `yaml:"read_header_timeout" usual:"5s" least:"1s" most:"5m" placeholder:"5s" help:"How long a client may take for the header of a request. Default: 5s."`
	ReadTimeout      time.Duration `yaml:"read_timeout" usual:"30s" least:"1s" most:"15m" placeholder:"30s" help:"How long a client may take for a whole request; what is passed on, or goes through the proxy, has limits of its own. Default: 30s."`
	WriteTimeout     time.Duration `yaml:"write_timeout" usual:"30s" least:"1s" most:"15m" placeholder:"30s" help:"How long an answer may take, from the end of the request's header until the client has it; with the same exceptions. Default: 30s."`
	IdleTimeout      time.Duration `yaml:"idle_timeout" usual:"120s" least:"1s" most:"1h" placeholder:"120s" help:"How long a connection stays open without a request; let it be longer than that of what stands in front. Default: 120s."`
	UnsignedPayloads bool          `yaml:"unsigned_payloads" help:"Let the proxy stream bodies of which the client declares no hash, unsigned, to S3 and the few other services that take that over https."`
	ForwardCookies   bool          `yaml:"forward_cookies" help:"Let cookies pass through the proxy, both ways."`
	DrainSeconds     int           `yaml:"drain_seconds" usual:"25" least:"1" most:"3600" placeholder:"N" help:"Seconds that requests under way get after SIGTERM. Default: 25."`
	ShutdownDelay    time.Duration `yaml:"shutdown_delay" usual:"0s" least:"0s" most:"10m" placeholder:"5s" help:"How long requests are still accepted after SIGTERM, while /readyz answers 503 and load balancers send elsewhere; drain_seconds begin after it. Default: 0s."`
	defaultProfile
}

// defaultProfile are the settings of a start without profiles in the file: they make one profile, named default.
type defaultProfile struct {
	Source      string `yaml:"source" reload:"" placeholder:"SOURCE" help:"Where the keys come from. Default: environment."`
	RoleARN     string `yaml:"role_arn" reload:"" placeholder:"ARN" help:"Role to assume."`
	AccountID   string `yaml:"account_id" reload:"" placeholder:"ID" help:"Account of the role; with role_name, in place of role_arn."`
	RoleName    string `yaml:"role_name" reload:"" placeholder:"NAME" help:"Name of the role to assume."`
	RolePath    string `yaml:"role_path" reload:"" placeholder:"PATH" help:"Path of the role to assume. Default: /."`
	ExternalID  string `yaml:"external_id" reload:"" secret:"" placeholder:"ID" help:"External ID that the role asks for."`
	SessionName string `yaml:"session_name" reload:"" placeholder:"NAME" help:"Name of the role session. Default: countersign-default."`

	Duration time.Duration `yaml:"duration" reload:"" placeholder:"1h" help:"Life of the role session, 15m to 12h. Default: 1h."`

	STSEndpoint   string `yaml:"sts_endpoint" reload:"" placeholder:"URL" help:"STS to call in place of the region's own."`
	STSRegion     string `yaml:"sts_region" reload:"" placeholder:"REGION" help:"Region of the STS to call. Default: AWS_REGION."`
	AzureAudience string `yaml:"azure_audience" reload:"" placeholder:"URI" help:"Audience of the Azure identity's token, for the source azure-identity."`
}
