package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix is the prefix of the variables for all settings.
const prefix = "COUNTERSIGN_"

// configVariable is the variable that names the file. It is not a setting, since a file cannot contain its own name.
const configVariable = prefix + "CONFIG"

// secretVariables are the AWS variables whose value may instead be in a file that NAME_FILE names.
var secretVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// origin is where a value comes from.
type origin struct {
	name   string // file:line:column, a variable, or a flag with its dashes
	inFile bool
}

// overlay applies the environment and then the flags on top of the file.
func (c *Config) overlay(s Sources) []error {
	var faults []error
	set := map[string]bool{} // the variables that exist, empty or not
	for _, entry := range s.Environ {
		name, _, _ := strings.Cut(entry, "=")
		set[name] = true
	}
	lay := func(f field, name, text string) {
		under, was := c.origins[f.key], f.value.Interface()
		c.origins[f.key] = origin{name: name}
		if err := f.set(f.value, text); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		if under.inFile && !strings.HasPrefix(name, "--") && !reflect.DeepEqual(was, f.value.Interface()) {
			c.warnings = append(c.warnings, fmt.Sprintf("%s: %s: has no effect, since %s is set", under.name, f.key, name))
		}
	}
	for _, f := range fieldsOf(reflect.ValueOf(&c.Settings).Elem()) {
		name := f.variable()
		text := strings.TrimSpace(s.Getenv(name))
		switch file := s.Getenv(name + "_FILE"); {
		case isLink(name, text):
		case f.secret && text != "" && file != "":
			faults = append(faults, bothGiven(name))
		case f.secret && file != "":
			secret, err := readSecret(s.ReadFile, file)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s_FILE: %w", name, err))
				break
			}
			lay(f, name+"_FILE", secret)
		case text != "":
			lay(f, name, text)
		case f.guard && set[name]:
			faults = append(faults, fmt.Errorf("%s: is empty; give it a value, or remove it", name))
		}
		if text, ok := s.Flags[f.flag()]; ok {
			lay(f, "--"+f.flag(), text)
		}
	}
	if set[configVariable] && strings.TrimSpace(s.Getenv(configVariable)) == "" && s.FileName == "" {
		faults = append(faults, errors.New(configVariable+": is empty; name the file, or remove it"))
	}
	return append(faults, c.readSecrets(s.Getenv, s.ReadFile)...)
}

func bothGiven(name string) error {
	return fmt.Errorf("%s and %s_FILE are both set; keep one", name, name)
}

// readSecrets reads the files that AWS_SECRET_ACCESS_KEY_FILE and similar variables name.
func (c *Config) readSecrets(getenv func(string) string, readFile func(string) ([]byte, error)) []error {
	var faults []error
	c.secrets = map[string]string{}
	for _, name := range secretVariables {
		file := getenv(name + "_FILE")
		switch {
		case file == "":
		case strings.TrimSpace(getenv(name)) != "":
			faults = append(faults, bothGiven(name))
		default:
			text, err := readSecret(readFile, file)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s_FILE: %w", name, err))
			}
			c.secrets[name] = text
		}
	}
	return faults
}

// Environment returns getenv with the secrets from files added, for code that reads AWS keys from the environment.
func (c *Config) Environment(getenv func(string) string) func(string) string {
	return func(name string) string {
		if text, found := c.secrets[name]; found {
			return text
		}
		return getenv(name)
	}
}

// secretLimit limits what is read from a file that is named by mistake, such as a disk.
const secretLimit = 64 << 10

// readSecret returns the contents of a Docker or Kubernetes secret file, without white space around them. Its errors do
// not contain the name: a secret may be where the name belongs.
func readSecret(readFile func(string) ([]byte, error), name string) (string, error) {
	text, err := readFile(name)
	switch secret := strings.TrimSpace(strings.TrimPrefix(string(text), string(byteOrderMark))); {
	case len(text) > secretLimit:
		return "", errors.New("the file is larger than 64 KiB, so it is not a secret")
	case err != nil:
		return "", unreadable(err)
	case secret == "":
		return "", errors.New("the file is empty")
	default:
		return secret, nil
	}
}

// readFile reads a file, but not much more than a secret can have.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	return io.ReadAll(io.LimitReader(f, secretLimit+1))
}

func unreadable(err error) error {
	var where *os.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	return fmt.Errorf("must be the name of a readable file: %w", err)
}

// isLink reports whether a variable is one that Kubernetes sets in every pod for a Service called countersign or
// countersign-something: COUNTERSIGN_SERVICE_HOST, COUNTERSIGN_PORT=tcp://10.0.0.1:8080 and the like.
func isLink(name, value string) bool {
	if strings.HasSuffix(name, "_PORT") && !strings.HasSuffix(name, "_SERVICE_PORT") && !strings.Contains(name, "_TCP_") &&
		!strings.Contains(name, "_UDP_") && !strings.Contains(name, "_SCTP_") {
		return strings.Contains(value, "://")
	}
	if !strings.Contains(name, "_SERVICE_") && !strings.Contains(name, "_PORT_") {
		return false
	}
	// Compiled here, since few starts get this far.
	links := regexp.MustCompile(`^COUNTERSIGN(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|` +
		`PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	return links.MatchString(name)
}

// unknownVariables reports variables that look like settings but are not. Ignoring a misspelt setting could mean
// ignoring the policies.
func (c *Config) unknownVariables(s Sources) []error {
	known := map[string]bool{configVariable: true}
	for _, f := range fieldsOf(reflect.ValueOf(&c.Settings).Elem()) {
		known[f.variable()] = true
		if f.secret {
			known[f.variable()+"_FILE"] = true
		}
	}
	for _, p := range c.Profiles {
		if p.Cognito != nil {
			known[p.Cognito.TokenVariable] = true
		}
		if r := p.RolesAnywhere; r != nil {
			known[r.CertificateVariable], known[r.PrivateKeyVariable], known[r.ChainVariable] = true, true, true
		}
	}
	var faults []error
	for _, entry := range s.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if known[name] || isLink(name, value) {
			continue
		}
		upper := strings.ToUpper(name)
		if strings.HasPrefix(upper, prefix) || strings.HasPrefix(upper, "COUNTERSIGN-") || strings.HasPrefix(upper, "COUNTERSIGN.") {
			faults = append(faults, fmt.Errorf("%s: unknown variable%s", clip(name), hint(suggestVariable(upper, known))))
		} else if meant := misspeltPrefix(upper, known); meant != "" && !strings.Contains(value, "://") {
			faults = append(faults, fmt.Errorf("%s: unknown variable%s", clip(name), hint(meant)))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
}

func clip(name string) string {
	if len(name) > 64 || !printable(name) {
		return fmt.Sprintf("%.20q…", name)
	}
	return name
}
