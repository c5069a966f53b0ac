// Package config reads the configuration of Countersign: one optional YAML file, the environment and the command line
// flags. Flags take precedence over the environment, and the environment over the file.
//
// The caller passes in the file's bytes, the environment and the flags. The only files opened here are the secret files
// that settings with _file (NAME_FILE in the environment) name. The package checks everything that the text alone
// shows; what a profile may contain is checked by package credentials, what a caller may be by package access.
//
// All faults are reported together, each with the variable, the flag, or the line and column in the file. No fault
// repeats a value, since a value may be a secret in the wrong place. Settings that are valid but unlikely to be
// intended cause warnings.
//
// A text in the file is taken literally: external_id: 0123 is the text 0123, not a number.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
)

// Config is the configuration that was read.
type Config struct {
	Settings
	Region   string // AWS_REGION
	Profiles []credentials.Profile
	APIKeys  []access.APIKey
	OIDC     []access.OIDC
	// Entra, TrustedHeader and Guest are nil if they are not configured.
	Entra         *access.Entra
	TrustedHeader *access.TrustedHeader
	Guest         *access.Guest
	// Hosts are the profiles' host patterns, by profile.
	Hosts map[string][]endpoints.HostRule
	// UpstreamHeaders are the upstream headers of all profiles.
	UpstreamHeaders []UpstreamHeader
	// FileName is the name of the file, "" if there is none; FileSHA256 is its hash in hexadecimal.
	FileName, FileSHA256 string
	// Sandbox allows requests to loopback over http. No source sets it: the command sandbox does.
	Sandbox bool
	// SandboxKey and SandboxExample are for the sandbox's workbench: its key, and a request to start with.
	SandboxKey, SandboxExample string

	document document
	origins  map[string]origin
	secrets  map[string]string // from the files that AWS_SECRET_ACCESS_KEY_FILE and similar variables name
	warnings []string
	// faulty: the file cannot be read, or has profiles in another form. That there is none then follows from a fault
	// that is reported already.
	faulty bool
	whole  bool // see [Config.Whole]
}

// Defaults returns the settings that apply if no source names any.
func Defaults() (Settings, error) {
	var c Config
	err := errors.Join(c.setDefaults()...)
	return c.Settings, err
}

// Sources is where the configuration comes from.
type Sources struct {
	// FileName and File are the YAML file. FileName is empty if there is none.
	FileName string
	File     []byte
	// ReadFile reads the secret files that settings name. Nil: from the disk.
	ReadFile func(string) ([]byte, error)
	// Getenv reads the environment.
	Getenv func(string) string
	// Environ lists the environment as NAME=value, so that misspelt variables can be found. Nil: they are not looked
	// for.
	Environ []string
	// Flags are the flags given on the command line, by name without dashes.
	Flags map[string]string
	// NoProfiles is for commands that use no profiles: having none is not a fault then.
	NoProfiles bool
}

// Load reads all sources. Its error joins all faults. The configuration is returned even then, as far as it could be
// read.
func Load(s Sources) (Config, error) {
	if s.ReadFile == nil {
		s.ReadFile = readFile
	}
	c := Config{FileName: s.FileName, origins: map[string]origin{}}
	faults := c.readFile(s)
	c.Settings = c.document.Settings
	inFile := len(faults)
	faults = append(faults, c.overlay(s)...)
	faults = append(faults, c.setRegion(s.Getenv)...)
	c.whole = c.whole && len(faults) == inFile
	c.Profiles = c.document.profiles(c.Region)
	faults = append(faults, c.addDefaultProfile(s.Getenv)...)
	faults = append(faults, c.unknownVariables(s)...)
	c.APIKeys, c.Entra, c.TrustedHeader = c.document.apiKeys(), c.document.entra(), c.document.trustedHeader()
	c.OIDC, c.Guest = c.document.oidc(), c.document.guest()
	c.Hosts = c.document.hosts()
	faults = append(faults, c.readUpstreamHeaders(s.Getenv)...)
	if c.APIKeySHA256 != "" {
		c.origins[fmt.Sprintf("callers.api_keys[%d]", len(c.APIKeys))] = c.origins["api_key_sha256"]
		c.APIKeys = append(c.APIKeys, access.APIKey{SHA256: c.APIKeySHA256})
	}
	faults = append(faults, c.setDefaults()...)
	faults = append(faults, c.setListener(s.Getenv)...)
	c.setWorkbench()
	faults = append(faults, c.check(s.NoProfiles)...)
	return c, errors.Join(faults...)
}

// Whole reports whether profiles and callers were read as the file has them, even if there are faults elsewhere. Their own
// faults can then be listed in the same report; otherwise they might only follow from other faults.
func (c *Config) Whole() bool { return c.whole }

// HasCallers reports whether any way to authenticate callers is configured.
func (c *Config) HasCallers() bool {
	return len(c.APIKeys) > 0 || len(c.OIDC) > 0 || c.Entra != nil || c.TrustedHeader != nil || c.Guest != nil
}

func (c *Config) readFile(s Sources) []error {
	if s.FileName == "" && len(s.File) == 0 {
		return nil
	}
	c.FileSHA256 = fileHash(s.File)
	d := decoder{file: s.FileName, readFile: s.ReadFile, origins: c.origins}
	readable := d.document(s.File, &c.document)
	_, named := c.origins["profiles"]
	c.faulty = !readable || named || d.damaged["profiles"]
	c.whole = readable && len(c.document.Profiles) > 0
	for _, key := range []string{"", "profiles", "callers", "api_key_sha256", "auth"} {
		c.whole = c.whole && !d.damaged[key]
	}
	return d.faults
}

func (c *Config) setRegion(getenv func(string) string) []error {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if text := strings.TrimSpace(getenv(name)); text != "" {
			c.Region = text
			c.origins["AWS_REGION"] = origin{name: name}
			if reason := credentials.Unusable(text); reason != "" {
				return []error{fmt.Errorf("%s: %s", name, reason)}
			}
			break
		}
	}
	return nil
}

// profileFields maps settings of the default profile to the profile's fields, where the names differ.
var profileFields = map[string]string{
	"role_arn": "assume_role.role_arn", "account_id": "assume_role.account_id", "role_name": "assume_role.role_name",
	"role_path": "assume_role.path", "external_id": "assume_role.external_id", "session_name": "assume_role.session_name",
	"duration": "assume_role.duration", "azure_audience": "azure.audience",
}

// addDefaultProfile adds the default profile if the file has no profiles.
func (c *Config) addDefaultProfile(getenv func(string) string) []error {
	o := c.defaultProfile
	named := o != defaultProfile{}
	if len(c.Profiles) > 0 {
		if !named {
			return nil
		}
		var faults []error
		for _, f := range fieldsOf(reflect.ValueOf(&c.defaultProfile).Elem()) {
			if !f.value.IsZero() {
				faults = append(faults, c.fault(f.key, "the file has profiles, so this must go into one of them"))
			}
		}
		return faults
	}
	keys := false
	for _, name := range secretVariables {
		keys = keys || c.Environment(getenv)(name) != ""
	}
	if !named && !keys {
		return nil
	}
	for _, f := range fieldsOf(reflect.ValueOf(&c.defaultProfile).Elem()) {
		field := f.key
		if other := profileFields[field]; other != "" {
			field = other
		}
		if from, found := c.origins[f.key]; found {
			c.origins["profiles.default."+field] = from
		}
	}
	return c.makeDefaultProfile()
}

func (c *Config) makeDefaultProfile() []error {
	o := c.defaultProfile
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
