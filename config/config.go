// Package config reads how a Countersign is set up: the environment, one optional YAML file and the flags of the
// command line, in rising order of weight: file, environment, flags.
//
// The caller hands in the file's bytes, the environment and the flags; the one thing that is opened here are the files
// of secrets that settings with _file (NAME_FILE in the environment) name. It checks what can be seen in the text; what
// a profile may hold is checked by package credentials, what a caller may be by package access.
//
// All faults are reported together, each with the variable, the flag, or the line and column of the file. No fault
// repeats a value, since a value may be a secret that was put into the wrong place. What can be meant but hardly is, is
// a warning.
//
// A text of the file is taken as it is written: external_id: 0123 is the text 0123 and no number.
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

// Config is everything that was read.
type Config struct {
	Settings
	Region   string // AWS_REGION
	Profiles []credentials.Profile
	APIKeys  []access.APIKey
	OIDC     []access.OIDC
	// Entra, TrustedHeader and Guest are nil where they are not set up.
	Entra         *access.Entra
	TrustedHeader *access.TrustedHeader
	Guest         *access.Guest
	// Hosts are the host patterns of profiles, by profile.
	Hosts map[string][]endpoints.HostRule
	// UpstreamHeaders are those of all profiles.
	UpstreamHeaders []UpstreamHeader
	// FileName names the file, "" where there is none; FileSHA256 is its hash in hexadecimal digits.
	FileName, FileSHA256 string
	// Sandbox lets loopback be called by http. No source sets it: the command sandbox does.
	Sandbox bool
	// SandboxKey and SandboxExample are what the sandbox's workbench is told: its key, and a request to begin with.
	SandboxKey, SandboxExample string

	document document
	origins  map[string]origin
	secrets  map[string]string // of files that AWS_SECRET_ACCESS_KEY_FILE and its like name
	warnings []string
	// faulty: the file cannot be read, or has profiles in another form. That there is none then follows from a fault
	// that is reported already.
	faulty bool
	whole  bool // see [Config.Whole]
}

// Defaults are the settings that are in force where no source names any.
func Defaults() (Settings, error) {
	var c Config
	err := errors.Join(c.setDefaults()...)
	return c.Settings, err
}

// Sources is where the configuration comes from.
type Sources struct {
	// FileName and File are the YAML file; no name when there is none.
	FileName string
	File     []byte
	// ReadFile reads the files of secrets that settings name. Nil: from the disk.
	ReadFile func(string) ([]byte, error)
	// Getenv reads the environment.
	Getenv func(string) string
	// Environ lists the environment as NAME=value, so that misspelt variables are found. Nil: they are not looked for.
	Environ []string
	// Flags are the flags that stand on the command line, by name without dashes.
	Flags map[string]string
	// NoProfiles is for commands that use none: that there is no profile is then no fault.
	NoProfiles bool
}

// Load reads all sources. Its error joins all faults; with it, the configuration is as far as it could be read.
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

// Whole tells whether the profiles and callers of the file are what it says, although there are faults elsewhere: their
// own faults can then be told in the same report. A fault in them may bring others about that are none.
func (c *Config) Whole() bool { return c.whole }

// HasCallers tells whether any way to authenticate callers is set up.
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

// profileFields are the fields of a profile that the settings of the default profile set, where the names differ.
var profileFields = map[string]string{
	"role_arn": "assume_role.role_arn", "account_id": "assume_role.account_id", "role_name": "assume_role.role_name",
	"role_path": "assume_role.path", "external_id": "assume_role.external_id", "session_name": "assume_role.session_name",
	"duration": "assume_role.duration", "azure_audience": "azure.audience",
}

// addDefaultProfile makes the profile of a start without profiles in the file.
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
