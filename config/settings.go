package config

import "time"

// Settings are the plain settings. Each has one name in three spellings: allow_signing_time in the file,
// COUNTERSIGN_ALLOW_SIGNING_TIME in the environment, --allow-signing-time on the command line.
//
// Apart from the tags for YAML and for the command line, the tags are: usual, the default; least and most, the bounds
// of a number or duration; values, the only ones allowed; secret, never printed, and readable from a file named by the
// key plus _file; reload, a setting that may change while the service runs, as profiles and callers may; guard, a
// setting without which the service would permit or hide more, so that an empty variable is a fault.
type Settings struct {
	Auth             string        `yaml:"auth" values:"none"`
	APIKeySHA256     string        `yaml:"api_key_sha256" reload:"" secret:"" placeholder:"HEX"`
	Address          string        `yaml:"address" placeholder:"HOST"`
	Port             int           `yaml:"port" usual:"8080" least:"1" most:"65535" placeholder:"N"`
	SocketMode       string        `yaml:"socket_mode" usual:"0660" placeholder:"MODE"`
	TLSCertFile      string        `yaml:"tls_cert_file" placeholder:"FILE"`
	TLSKeyFile       string        `yaml:"tls_key_file" placeholder:"FILE"`
	MetricsAddress   string        `yaml:"metrics_address" placeholder:"HOST:PORT"`
	PublicURL        string        `yaml:"public_url" placeholder:"URL"`
	LogLevel         string        `yaml:"log_level" reload:"" usual:"info" values:"debug info warn error" placeholder:"LEVEL"`
	DefaultProfile   string        `yaml:"default_profile" reload:"" placeholder:"NAME"`
	HTTPHosts        []string      `yaml:"http_hosts" reload:"" placeholder:"HOST"`
	AllowSigningTime bool          `yaml:"allow_signing_time"`
	AllowCredentials bool          `yaml:"allow_request_credentials"`
	AllowSend        bool          `yaml:"allow_send"`
	AllowOrigins     []string      `yaml:"allow_origins" placeholder:"ORIGIN"`
	MaxResponseBytes int64         `yaml:"max_response_bytes" reload:"" usual:"26214400" least:"1024" most:"78643200" placeholder:"N"`
	DenyPrivate      bool          `yaml:"deny_private_addresses"`
	Workbench        bool          `yaml:"workbench"`
	Policies         string        `yaml:"policies" reload:"" guard:"" placeholder:"FILE"`
	AuditFile        string        `yaml:"audit_file" guard:"" placeholder:"FILE"`
	AuditStdout      bool          `yaml:"audit_stdout" guard:""`
	AuditHashPaths   bool          `yaml:"audit_hash_paths" guard:""`
	RatePerSecond    float64       `yaml:"rate_per_second" reload:"" usual:"500" least:"1" most:"1000000000" placeholder:"N"`
	RateBurst        int           `yaml:"rate_burst" reload:"" usual:"1000" least:"1" most:"1000000000" placeholder:"N"`
	MaxRequests      int           `yaml:"max_requests" usual:"256" least:"1" most:"1000000" placeholder:"N"`
	MaxBytes         int64         `yaml:"max_bytes" usual:"134217728" least:"1024" most:"1099511627776" placeholder:"N"`
	MaxConnections   int           `yaml:"max_connections" usual:"16384" least:"16" most:"1000000" placeholder:"N"`
	MaxBodyBytes     int64         `yaml:"max_body_bytes" reload:"" usual:"10485760" least:"1024" most:"1099511627776" placeholder:"N"`
	MaxProxyBody     int64         `yaml:"max_proxy_body_bytes" reload:"" usual:"1073741824" least:"1024" most:"1099511627776" placeholder:"N"`
	ReloadSeconds    int           `yaml:"reload_seconds" usual:"5" least:"0" most:"3600" placeholder:"N"`
	SpoolDir         string        `yaml:"spool_dir" placeholder:"DIR"`
	MaxSpoolBytes    int64         `yaml:"max_spool_bytes" usual:"4294967296" least:"2048" most:"2199023255552" placeholder:"N"`
	HeaderTimeout    time.Duration `yaml:"response_header_timeout" reload:"" usual:"60s" least:"1s" most:"15m" placeholder:"60s"`
	ReadHdrTimeout   time.Duration `yaml:"read_header_timeout" usual:"5s" least:"1s" most:"5m" placeholder:"5s"`
	ReadTimeout      time.Duration `yaml:"read_timeout" usual:"30s" least:"1s" most:"15m" placeholder:"30s"`
	WriteTimeout     time.Duration `yaml:"write_timeout" usual:"30s" least:"1s" most:"15m" placeholder:"30s"`
	IdleTimeout      time.Duration `yaml:"idle_timeout" usual:"120s" least:"1s" most:"1h" placeholder:"120s"`
	UnsignedPayloads bool          `yaml:"unsigned_payloads"`
	ForwardCookies   bool          `yaml:"forward_cookies"`
	ForwardAuthAs    string        `yaml:"forward_authorization_as" placeholder:"NAME"`
	DrainSeconds     int           `yaml:"drain_seconds" usual:"25" least:"1" most:"3600" placeholder:"N"`
	ShutdownDelay    time.Duration `yaml:"shutdown_delay" usual:"0s" least:"0s" most:"10m" placeholder:"5s"`
	defaultProfile
}

// defaultProfile holds the settings used if the file has no profiles: they make one profile, named default.
type defaultProfile struct {
	Source      string `yaml:"source" reload:"" placeholder:"SOURCE"`
	RoleARN     string `yaml:"role_arn" reload:"" placeholder:"ARN"`
	AccountID   string `yaml:"account_id" reload:"" placeholder:"ID"`
	RoleName    string `yaml:"role_name" reload:"" placeholder:"NAME"`
	RolePath    string `yaml:"role_path" reload:"" placeholder:"PATH"`
	ExternalID  string `yaml:"external_id" reload:"" secret:"" placeholder:"ID"`
	SessionName string `yaml:"session_name" reload:"" placeholder:"NAME"`

	Duration time.Duration `yaml:"duration" reload:"" placeholder:"1h"`

	STSEndpoint   string `yaml:"sts_endpoint" reload:"" placeholder:"URL"`
	STSRegion     string `yaml:"sts_region" reload:"" placeholder:"REGION"`
	AzureAudience string `yaml:"azure_audience" reload:"" placeholder:"URI"`
}
