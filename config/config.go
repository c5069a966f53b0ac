// Package config reads how a Countersign is set up: the environment, one optional YAML file and the flags of the
// command line, in rising order of weight: file, environment, flags.
//
// It opens no file and reads no environment by itself: the caller hands in the file's bytes, a getenv and the flags. It
// checks what can be seen in the text; what a profile may hold is checked by package credentials, what a
// caller may be by package access.
//
// All faults are reported together, each with the name of the variable or flag, or the line of the file. No fault repeats a
// value, since a value may be a secret that was put into the wrong place.
package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/signing"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Settings are the plain settings. Each has one name in three spellings: allow_signing_time in the file,
// COUNTERSIGN_ALLOW_SIGNING_TIME in the environment, --allow-signing-time on the command line.
type Settings struct {
	Auth             string   `yaml:"auth" help:"\"none\" lets every caller in without a key. Nothing else is accepted."`
	APIKeySHA256     string   `yaml:"api_key_sha256" name:"api-key-sha256" placeholder:"HEX" help:"SHA-256 of the one API key, for a start without a file."`
	Address          string   `yaml:"address" placeholder:"HOST" help:"Address to listen on. Default: all, and 127.0.0.1 under Azure Functions."`
	Port             int      `yaml:"port" placeholder:"N" help:"Port to listen on. Default: FUNCTIONS_CUSTOMHANDLER_PORT, PORT, 8080."`
	PublicURL        string   `yaml:"public_url" name:"public-url" placeholder:"URL" help:"Address by which callers reach this service, for /swagger.json. Default: as the request says."`
	LogLevel         string   `yaml:"log_level" placeholder:"LEVEL" help:"debug, info, warn or error. Default: info."`
	DefaultProfile   string   `yaml:"default_profile" placeholder:"NAME" help:"Profile of requests that name none. Default: the only one."`
	HTTPHosts        []string `yaml:"http_hosts" name:"http-hosts" placeholder:"HOST" help:"Hosts, with their port where there is one, that may be called by http, or by https although they are IP addresses."`
	AllowSigningTime bool     `yaml:"allow_signing_time" help:"Let requests choose the time of the signature."`
	AllowCredentials bool     `yaml:"allow_request_credentials" name:"allow-request-credentials" help:"Let requests bring their own keys."`
	Policies         string   `yaml:"policies" placeholder:"FILE" help:"Cedar policies that say who may have what signed. Default: every caller, everything but logins."`
	AuditFile        string   `yaml:"audit_file" placeholder:"FILE" help:"File to append audit records to."`
	AuditStdout      bool     `yaml:"audit_stdout" help:"Write audit records to standard output as well as to the file. Without a file they go there anyway."`
	AuditHashPaths   bool     `yaml:"audit_hash_paths" help:"Record the SHA-256 of paths in place of the paths."`
	RatePerSecond    float64  `yaml:"rate_per_second" placeholder:"N" help:"Requests that a caller may make each second in the long run. Default: 500."`
	RateBurst        int      `yaml:"rate_burst" placeholder:"N" help:"Requests that a caller may make at once. Default: 1000."`
	MaxRequests      int      `yaml:"max_requests" placeholder:"N" help:"Requests under way at once; as many again may wait for 2 seconds. Default: 256."`
	MaxBytes         int64    `yaml:"max_bytes" placeholder:"N" help:"Bytes of memory that large bodies may take at once; each takes eight times its size. Default: 134217728."`
	MaxConnections   int      `yaml:"max_connections" placeholder:"N" help:"Connections open at once, as far as file descriptors last. Default: 16384."`
	MaxBodyBytes     int64    `yaml:"max_body_bytes" placeholder:"N" help:"Largest request body in bytes. Default: 10485760."`
	DrainSeconds     int      `yaml:"drain_seconds" placeholder:"N" help:"Seconds that requests under way get after SIGTERM. Default: 25."`
	oneProfile
}

// oneProfile are the settings of a start without a file: one profile, named default.
type oneProfile struct {
	Source        string        `yaml:"source" placeholder:"SOURCE" help:"Where the keys come from. Default: environment."`
	RoleARN       string        `yaml:"role_arn" name:"role-arn" placeholder:"ARN" help:"Role to assume."`
	AccountID     string        `yaml:"account_id" placeholder:"ID" help:"Account of the role to assume, with --role-name in place of --role-arn."`
	RoleName      string        `yaml:"role_name" placeholder:"NAME" help:"Name of the role to assume."`
	RolePath      string        `yaml:"role_path" placeholder:"PATH" help:"Path of the role to assume. Default: /."`
	ExternalID    string        `yaml:"external_id" placeholder:"ID" help:"External ID that the role asks for."`
	SessionName   string        `yaml:"session_name" placeholder:"NAME" help:"Name of the role session."`
	Duration      time.Duration `yaml:"duration" placeholder:"1h" help:"Life of the role session, 15m to 12h."`
	STSEndpoint   string        `yaml:"sts_endpoint" name:"sts-endpoint" placeholder:"URL" help:"STS to call in place of the region's own."`
	STSRegion     string        `yaml:"sts_region" name:"sts-region" placeholder:"REGION" help:"Region of the STS to call. Default: AWS_REGION."`
	AzureAudience string        `yaml:"azure_audience" placeholder:"URI" help:"Audience of the Azure identity's token, for the source azure-identity."`
}

// Config is everything that was read.
type Config struct {
	Settings
	Region   string // AWS_REGION
	Profiles []credentials.Profile
	APIKeys  []access.APIKey
	// Entra and TrustedHeader are nil where they are not set up.
	Entra         *access.Entra
	TrustedHeader *access.TrustedHeader
	// Hosts are the host patterns of profiles, by profile.
	Hosts map[string][]endpoints.HostRule
	// Sandbox lets loopback be called by http. No source sets it: the command sandbox does.
	Sandbox bool

	name string
	file *ast.File
}

// DefaultMaxBodyBytes is the largest request body where nothing else is set.
const DefaultMaxBodyBytes = 10 << 20

// Sources is where the configuration comes from.
type Sources struct {
	// FileName and File are the YAML file; empty when there is none.
	FileName string
	File     []byte
	// Getenv reads the environment.
	Getenv func(string) string
	// Flags are the flags that stand on the command line, by name without dashes.
	Flags map[string]string
}

// Load reads all sources. Its error joins all faults.
func Load(s Sources) (Config, error) {
	c := Config{name: s.FileName}
	var faults []error
	var doc document
	if len(s.File) > 0 {
		if err := yaml.UnmarshalWithOptions(s.File, &doc, yaml.Strict()); err != nil {
			faults = append(faults, fmt.Errorf("%s: %s", s.FileName, yaml.FormatError(err, false, false)))
		}
		c.file, _ = parser.ParseBytes(s.File, 0)
		if documents(c.file) > 1 {
			faults = append(faults, fmt.Errorf("%s: holds more than one document, and the first alone would count", s.FileName))
		}
	}
	c.Settings = doc.Settings
	faults = append(faults, c.overlay(s)...)
	c.Region = s.Getenv("AWS_REGION")
	if c.Region == "" {
		c.Region = s.Getenv("AWS_DEFAULT_REGION")
	}
	profiles, err := doc.profiles(c.Region)
	faults = append(faults, err...)
	c.Profiles = profiles
	faults = append(faults, c.addOneProfile(s.Getenv)...)
	keys, err := doc.apiKeys()
	faults = append(faults, err...)
	c.APIKeys, c.Entra, c.TrustedHeader = keys, doc.entra(), doc.trustedHeader()
	c.Hosts = doc.hosts()
	if c.APIKeySHA256 != "" {
		c.APIKeys = append(c.APIKeys, access.APIKey{SHA256: c.APIKeySHA256})
	}
	faults = append(faults, c.check()...)
	return c, errors.Join(faults...)
}

func documents(f *ast.File) (n int) {
	if f != nil {
		for _, d := range f.Docs {
			if d.Body != nil {
				n++
			}
		}
	}
	return n
}

// addOneProfile makes the one profile of a start without a file.
func (c *Config) addOneProfile(getenv func(string) string) []error {
	o := c.oneProfile
	named := o != oneProfile{}
	if len(c.Profiles) > 0 {
		if named {
			return []error{errors.New("profiles: the file has profiles, so source, role_arn and the other settings of a start with one profile must go into one of them")}
		}
		return nil
	}
	if !named && getenv("AWS_ACCESS_KEY_ID") == "" {
		return nil
	}
	p := credentials.Profile{
		Name: "default", Description: "Set up by environment variables", Region: c.Region, Source: o.Source,
		STSEndpoint: o.STSEndpoint, STSRegion: o.STSRegion,
	}
	if p.Source == "" {
		p.Source = credentials.SourceEnvironment
	}
	if o.AzureAudience != "" {
		p.Azure = &credentials.AzureIdentity{Audience: o.AzureAudience}
	}
	if o.RoleARN != "" || o.AccountID != "" || o.RoleName != "" {
		p.AssumeRole = &credentials.AssumeRole{
			RoleARN: o.RoleARN, AccountID: o.AccountID, RoleName: o.RoleName, Path: o.RolePath,
			ExternalID: o.ExternalID, SessionName: o.SessionName, Duration: o.Duration,
		}
	} else if o.ExternalID != "" || o.SessionName != "" || o.Duration != 0 || o.RolePath != "" {
		return []error{errors.New("external_id, session_name, duration, role_path: they need role_arn, or account_id and role_name")}
	}
	c.Profiles = []credentials.Profile{p}
	return nil
}

func (c *Config) check() []error {
	var faults []error
	if c.Port < 0 || c.Port > 65535 {
		faults = append(faults, errors.New("port: want 1 to 65535"))
	}
	for _, n := range []struct {
		name         string
		value        *int64
		usual, least int64
	}{
		{"max_body_bytes", &c.MaxBodyBytes, DefaultMaxBodyBytes, 1024},
		{"max_bytes", &c.MaxBytes, 128 << 20, 1024},
	} {
		faults = append(faults, atLeast(n.name, n.value, n.usual, n.least))
	}
	for _, n := range []struct {
		name         string
		value        *int
		usual, least int
	}{
		{"drain_seconds", &c.DrainSeconds, 25, 1}, {"rate_burst", &c.RateBurst, 1000, 1}, {"max_requests", &c.MaxRequests, 256, 1}, {"max_connections", &c.MaxConnections, 16384, 16},
	} {
		faults = append(faults, atLeast(n.name, n.value, n.usual, n.least))
	}
	faults = append(faults, atLeast("rate_per_second", &c.RatePerSecond, 500, 1))
	if c.LogLevel == "" {
		c.LogLevel = "info"
	}
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		faults = append(faults, errors.New("log_level: want debug, info, warn or error"))
	}
	if c.PublicURL != "" {
		u, _, err := signing.ParseURL(c.PublicURL, nil)
		if err != nil || u.RawQuery() != "" {
			faults = append(faults, errors.New("public_url: want an address such as https://sign.example.com"))
		}
	}
	if len(c.Profiles) == 0 && !c.AllowCredentials {
		faults = append(faults, errors.New("profiles: there is none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or source, or name a file with profiles by COUNTERSIGN_CONFIG"))
	}
	return faults
}

// atLeast puts the usual value where none is set and finds fault with less than the least.
func atLeast[N int | int64 | float64](name string, value *N, usual, least N) error {
	if *value == 0 {
		*value = usual
	}
	if !(*value >= least) { // which NaN is not either
		return fmt.Errorf("%s: want %v at least", name, least)
	}
	return nil
}

// Where tells the line of a profile's field in the file, as file:line, or "" for what is not in a file.
func (c *Config) Where(profile, field string) string {
	if c.file == nil {
		return ""
	}
	for path := "$.profiles.'" + profile + "'." + field; ; {
		if p, err := yaml.PathString(path); err == nil {
			if node, err := p.FilterFile(c.file); err == nil && node != nil {
				return fmt.Sprintf("%s:%d", c.name, node.GetToken().Position.Line)
			}
		}
		cut := strings.LastIndexByte(path, '.')
		if cut <= len("$.profiles") {
			return ""
		}
		path = path[:cut]
	}
}
