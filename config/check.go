package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"countersign/credentials"
	"countersign/signing"
)

func fileHash(text []byte) string {
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:])
}

// setDefaults sets the settings that no source names to their defaults.
func (c *Config) setDefaults() []error {
	for _, f := range fieldsOf(reflect.ValueOf(&c.Settings).Elem()) {
		if _, named := c.origins[f.key]; named || f.usual == "" {
			continue
		}
		if err := f.set(f.value, f.usual); err != nil {
			return []error{fmt.Errorf("%s: the default %w", f.key, err)}
		}
	}
	if c.Address == "" && c.Auth == "none" {
		c.Address = "127.0.0.1" // serving everyone on other addresses must be an explicit choice
	}
	return nil
}

// setListener finds the port: the Functions host passes its own, and reaches the handler over loopback, where no one
// else should; other platforms set PORT.
func (c *Config) setListener(getenv func(string) string) []error {
	name := "PORT"
	if getenv("FUNCTIONS_CUSTOMHANDLER_PORT") != "" {
		name = "FUNCTIONS_CUSTOMHANDLER_PORT"
		c.ignored(name, "port", "address", "socket_mode", "tls_cert_file", "tls_key_file") // the host speaks plain HTTP
		c.Address, c.origins["address"] = "127.0.0.1", origin{name: name}
		c.TLSCertFile, c.TLSKeyFile = "", ""
	} else if _, named := c.origins["port"]; named || getenv(name) == "" {
		return nil
	}
	c.origins["port"] = origin{name: name}
	for _, f := range fieldsOf(reflect.ValueOf(&c.Settings).Elem()) {
		if f.key == "port" {
			if err := f.set(f.value, strings.TrimSpace(getenv(name))); err != nil {
				return []error{fmt.Errorf("%s: %w", name, err)}
			}
		}
	}
	return nil
}

// setWorkbench enables the page for people who try the service on their own machine, unless a source says otherwise.
// The Functions host also reaches the handler over loopback, but on behalf of everyone.
func (c *Config) setWorkbench() {
	if _, named := c.origins["workbench"]; named || c.origins["address"].name == "FUNCTIONS_CUSTOMHANDLER_PORT" {
		return
	}
	c.Workbench = c.Auth == "none" && loopback(c.Address)
}

// loopback reports whether an address can be reached from this machine only.
func loopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return address == "localhost" || err == nil && ip.IsLoopback()
}

// OnThisMachine reports whether the address can be reached from this machine only: it is loopback, or a Unix socket.
func (c *Config) OnThisMachine() bool {
	_, isSocket := c.SocketPath()
	return isSocket || loopback(c.Address)
}

// ignored warns that settings have no effect because the variable why is set.
func (c *Config) ignored(why string, settings ...string) {
	for _, key := range settings {
		if from, named := c.origins[key]; named {
			c.warnings = append(c.warnings, fmt.Sprintf("%s: has no effect under Azure Functions, where %s decides", from.name, why))
		}
	}
}

// fault describes what is wrong with the value at path, preceded by where the value comes from.
func (c *Config) fault(path, format string, args ...any) error {
	return errors.New(c.named(path) + ": " + fmt.Sprintf(format, args...))
}

// named returns a path in the file, preceded by its line, or the variable or flag that the value comes from.
func (c *Config) named(path string) string {
	switch from := c.from(path); {
	case from.name == "":
		return path
	case from.inFile:
		return from.name + ": " + path
	default:
		return from.name
	}
}

// from returns where the value at path comes from; for a missing value, where the mapping is that lacks it.
func (c *Config) from(path string) origin {
	for {
		if from, found := c.origins[path]; found {
			return from
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return origin{}
		}
		path = path[:cut]
	}
}

// check finds the faults that single values do not show.
func (c *Config) check(noProfiles bool) []error {
	var faults []error
	fault := func(path, reason string) { faults = append(faults, c.fault(path, "%s", reason)) }
	if c.PublicURL != "" {
		if u, _, err := signing.ParseURL(c.PublicURL, nil); err != nil || u.RawQuery() != "" {
			fault("public_url", "must be an address such as https://sign.example.com")
		}
	}
	if path, isSocket := c.SocketPath(); isSocket && !filepath.IsAbs(path) {
		fault("address", "must be unix: and the absolute path of a socket, such as unix:/run/countersign/http")
	} else if !isSocket && c.Address != "" && !isHost(c.Address) {
		fault("address", "must be an IP address or a name such as 127.0.0.1, ::1 or localhost, without a port, or unix:/PATH")
	}
	if c.Auth == "none" && c.AllowSend && !c.OnThisMachine() {
		fault("auth", `"none" cannot be used with allow_send at address `+c.Address+": everyone who reaches it could send requests to AWS; "+
			"make a key with countersign key new, or set address to 127.0.0.1 or a Unix socket")
	}
	if !isSocketMode(c.SocketMode) {
		fault("socket_mode", "must be three or four octal digits such as 0660, and let the owner connect")
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		fault("tls_cert_file", "must be set together with tls_key_file")
	}
	if c.MetricsAddress != "" && !isListener(c.MetricsAddress) {
		fault("metrics_address", "must be a host and a port such as 127.0.0.1:9090, [::1]:9090 or :9090")
	}
	for i, host := range c.HTTPHosts {
		path := "http_hosts"
		if at := fmt.Sprintf("http_hosts[%d]", i); c.origins[at].name != "" {
			path = at
		}
		if !isHostPort(host) {
			fault(path, "must be a host such as s3.internal or 10.0.0.1:9000, without http:// and without *")
		}
	}
	faults = append(faults, c.checkOrigins()...)
	faults = append(faults, c.checkGuests()...)
	_, bodySet := c.origins["max_body_bytes"]
	if _, bytesSet := c.origins["max_bytes"]; bodySet && bytesSet && c.MaxBodyBytes > c.MaxBytes {
		fault("max_body_bytes", "is more than max_bytes, the memory that all large bodies may take")
	}
	if largest := max(c.MaxProxyBody, c.MaxResponseBytes); c.AllowSend && c.MaxSpoolBytes/2 < largest {
		fault("max_spool_bytes", fmt.Sprintf("must be at least %d, twice max_proxy_body_bytes and max_response_bytes: "+
			"one caller gets half of it", 2*largest))
	}
	if len(c.Profiles) == 0 && !c.AllowCredentials && !noProfiles && !c.faulty {
		faults = append(faults, errors.New("profiles: there is none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or source, "+
			"or name a file with profiles by COUNTERSIGN_CONFIG"))
	}
	return faults
}

// SocketPath returns the path of the Unix socket, if the address is one.
func (c *Config) SocketPath() (path string, isSocket bool) {
	return strings.CutPrefix(c.Address, "unix:")
}

// isSocketMode accepts 0600, 666 and the like. Whoever may connect may write; other bits have no meaning for a socket.
func isSocketMode(text string) bool {
	mode, err := strconv.ParseUint(text, 8, 32)
	return err == nil && len(text) >= 3 && len(text) <= 4 && mode <= 0o777 && mode&0o600 == 0o600
}

func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == "" && strings.Trim(text, ".-_") != ""
}

func isHostPort(text string) bool {
	host, port, found := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") {
		address, rest, closed := strings.Cut(text[1:], "]")
		_, err := netip.ParseAddr(address)
		return closed && err == nil && (rest == "" || rest[0] == ':' && isPort(rest[1:]))
	}
	return isHost(host) && (!found || isPort(port))
}

// isListener reports whether text is a host and a port. An empty host means all addresses.
func isListener(text string) bool {
	host, port, err := net.SplitHostPort(text)
	return err == nil && isPort(port) && (host == "" || isHost(host))
}

func isPort(text string) bool {
	var port int
	return field{least: "1", most: "65535"}.set(reflect.ValueOf(&port).Elem(), text) == nil
}

// Report lists the faults in joined errors, one per line: those of profiles and callers, which packages credentials and
// access find, with the line in the file or the variable that they come from. It returns nil if there are none.
func (c *Config) Report(errs ...error) error {
	var lines []string
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		lines = append(lines, "  "+c.Located(err))
	}
	for _, err := range errs {
		if err != nil {
			walk(err)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New("the configuration has faults:\n" + strings.Join(lines, "\n"))
}

// Located returns the text of a fault, preceded by where the value in question comes from.
func (c *Config) Located(err error) string {
	var fault *credentials.ConfigError
	text := err.Error()
	path, _, _ := strings.Cut(text, ": ")
	if errors.As(err, &fault) {
		path = fault.Field
		if fault.Profile != "" {
			path = "profiles." + fault.Profile + "." + fault.Field
		}
	}
	switch from := c.from(path); {
	case from.name == "" && fault != nil && fault.Profile == "default":
		for key, name := range profileFields {
			if name == fault.Field {
				return field{key: key}.variable() + ": " + text
			}
		}
		return text
	case from.name == "" || strings.HasPrefix(text, from.name):
		return text
	default:
		return from.name + ": " + text
	}
}
