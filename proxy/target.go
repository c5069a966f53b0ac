package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"countersign/endpoints"
	"countersign/problem"
)

// PathTarget takes the profile and the host from the path: /mount/profile/host/path.
// The rest, query included, is forwarded unchanged. plain reports which hosts are
// called over http.
func PathTarget(mount string, plain func(host string) bool) func(*http.Request) (Target, error) {
	return func(r *http.Request) (Target, error) {
		rest, found := strings.CutPrefix(r.RequestURI, mount+"/") // r.URL may be spelled differently
		if !found {
			return Target{}, errNotPassed("The address must begin with " + mount + "/.")
		}
		address, query, asked := strings.Cut(rest, "?")
		escaped, path, named := strings.Cut(address, "/")
		host, path, _ := strings.Cut(path, "/")
		profile, err := url.PathUnescape(escaped)
		if err != nil || profile == "" || !named || !isHost(host) {
			return Target{}, errNotPassed("The address must be " + mount + "/{profile}/{host}/{path}.")
		}
		host = strings.ToLower(host)
		t := Target{Profile: profile, URL: schemeOf(plain(host)) + "://" + host + "/" + path, Prefix: mount + "/" + escaped + "/" + host}
		if asked {
			t.URL += "?" + query
		}
		return t, nil
	}
}

// isHost reports whether text cannot change the rest of a URL when it is used as its
// host. It does not check that the host is a valid one.
func isHost(text string) bool {
	return text != "" && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789-_.:[]") == ""
}

func schemeOf(plain bool) string {
	if plain {
		return "http"
	}
	return "https"
}

// withoutSignature removes the signature of a presigned URL, since a new one replaces
// it.
func withoutSignature(u string) string {
	base, query, _ := strings.Cut(u, "?")
	if !strings.Contains(strings.ToLower(query), "x-amz-signature=") {
		return u
	}
	var kept []string
	for piece := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(piece, "=")
		switch strings.ToLower(name) {
		case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
			"x-amz-security-token", "x-amz-content-sha256", "x-amz-region-set":
		default:
			kept = append(kept, piece)
		}
	}
	if len(kept) == 0 {
		return base
	}
	return base + "?" + strings.Join(kept, "&")
}

// location rewrites the target of a redirect for a client of the proxy: a redirect to
// the same host leads through the proxy again.
func (t *Target) location(to string) string {
	own, err := url.Parse(t.URL)
	if err != nil {
		return to
	}
	at, err := url.Parse(to)
	switch {
	case err != nil:
		return to
	case at.Scheme == own.Scheme && strings.EqualFold(at.Host, own.Host):
		_, path, _ := strings.Cut(strings.TrimPrefix(to, at.Scheme+"://"), at.Host)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		if t.Prefix == "" && strings.HasPrefix(path, "//") {
			return to // clients would read this path as a host
		}
		return t.Prefix + path
	case at.Scheme == "" && at.Host == "" && strings.HasPrefix(to, "/"):
		return t.Prefix + to
	}
	return to
}

// FixedTarget sends every request to base, which is scheme://host, whatever host the
// client asked for.
func FixedTarget(profile, base string) func(*http.Request) (Target, error) {
	return func(r *http.Request) (Target, error) {
		return Target{Profile: profile, URL: base + r.RequestURI}, nil
	}
}

// HostTarget sends requests to the host in their Host header. A request for one of our
// own names comes from an SDK that has our address as its endpoint; it goes to the
// endpoint that the credential scope of the SDK's signature names.
func HostTarget(profile string, plain, own func(host string) bool) func(*http.Request) (Target, error) {
	return func(r *http.Request) (Target, error) {
		t := Target{Profile: profile}
		host := strings.ToLower(r.Host)
		if own(r.Host) {
			var err error
			if host, err = endpointOf(r); err != nil {
				return Target{}, err
			}
		}
		if !isHost(host) {
			return Target{}, errNotPassed("The Host header must name the service to call.")
		}
		t.URL = schemeOf(plain(host)) + "://" + host + r.RequestURI
		return t, nil
	}
}

// endpointOf finds the endpoint that the client's own signature is meant for.
func endpointOf(r *http.Request) (string, error) {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if fields, found := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "); found {
		_, credential, _ = strings.Cut(fields, "Credential=")
		credential, _, _ = strings.Cut(credential, ",")
	}
	scope := strings.Split(strings.TrimSpace(credential), "/")
	if len(scope) < 5 || scope[len(scope)-1] != "aws4_request" {
		return "", errNoEndpoint("The request does not say which host it is for: neither its Host header nor a signature of an AWS SDK.")
	}
	region, service := scope[len(scope)-3], scope[len(scope)-2]
	host, found := endpoints.Endpoint(service, region)
	if !found || service == "s3" && r.Header.Get("X-Amz-Account-Id") != "" { // the S3 control plane has other hosts
		return "", errNoEndpoint("The signing name " + service + " and the region " + region + " do not tell one endpoint.")
	}
	return host, nil
}

func errNoEndpoint(detail string) error {
	const way = "Run another proxy with --upstream and the host of the service, and give its address to the SDK as AWS_ENDPOINT_URL_<SERVICE>."
	return &problem.Error{Code: "scope_needed", Detail: detail, Fields: []problem.Field{{Part: "url", Detail: way}}}
}
