package credentials

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// localEndpoints are the variables that hold the addresses at which a platform provides tokens and keys to this machine
// alone.
var localEndpoints = []string{
	"IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
}

// proxy returns the proxy for a request, as in [http.Transport].
type proxy func(*http.Request) (*url.URL, error)

// exceptLocal returns next's proxy, except for endpoints that a platform offers to this machine alone: loopback,
// link-local addresses such as the metadata service's, and the endpoints that env and the profiles name. A proxy there
// would see the token.
func exceptLocal(next proxy, profiles []Profile, env func(string) string) proxy {
	direct := map[string]bool{"fd00:ec2::254": true}
	for host := range containerHosts {
		direct[host] = true
	}
	add := func(address string) {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
			direct[strings.ToLower(u.Hostname())] = true
		}
	}
	for _, name := range localEndpoints {
		add(lookup(env, name))
	}
	for i := range profiles {
		if c := profiles[i].Container; c != nil {
			add(c.Endpoint)
		}
	}
	return func(r *http.Request) (*url.URL, error) {
		host := strings.ToLower(r.URL.Hostname())
		if address, err := netip.ParseAddr(host); err == nil && (address.IsLoopback() || address.IsLinkLocalUnicast()) || direct[host] {
			return nil, nil
		}
		return next(r)
	}
}

// caBundle returns the system's certificates plus those in the file that AWS_CA_BUNDLE names, or nil if it is not set.
func caBundle(env func(string) string, readFile func(string) ([]byte, error)) (*x509.CertPool, error) {
	name := lookup(env, "AWS_CA_BUNDLE")
	if name == "" {
		return nil, nil
	}
	if readFile == nil {
		readFile = os.ReadFile
	}
	text, err := readFile(name)
	if err != nil {
		return nil, errors.New("must name a readable file of PEM certificates")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without certificates of its own
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("names a file without a PEM certificate")
	}
	return pool, nil
}
