package converter

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"countersign/endpoints"
	"countersign/internal/lazyregexp"
)

// upstream is the address of an API.
type upstream struct {
	host string // in lower case, possibly with a port
	base string // in front of every path, without a trailing slash
}

func (u upstream) String() string { return "https://" + u.host + u.base }

// readUpstream determines the address: --upstream, or what the definition says.
func (c *conversion) readUpstream() error {
	if c.Upstream == "" {
		var err error
		if c.version == version20 {
			c.upstream, err = c.hostAndBase()
		} else {
			c.upstream, err = c.server(c.root)
		}
		if several := len(c.root.get("servers").items()); err == nil && several > 1 {
			c.report.Warnings = append(c.report.Warnings,
				fmt.Sprintf("The definition has %d servers; the first, %s, is used. Give --upstream to use another.", several, c.upstream))
		}
		return err
	}
	text := c.Upstream
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := parseUpstream(text)
	if err != nil {
		return errors.New("--upstream: " + err.Error())
	}
	if err := c.accepts(u); err != nil {
		return errors.New("--upstream: " + err.Error())
	}
	if _, path, _ := strings.Cut(text, "://"); !strings.Contains(path, "/") {
		if u.base, err = c.basePath(); err != nil {
			return err
		}
	}
	c.upstream = u
	return nil
}

// parseUpstream parses https://host/base.
func parseUpstream(text string) (upstream, error) {
	u, err := url.Parse(text)
	const inHost = "abcdefghijklmnopqrstuvwxyz0123456789-_.:"
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(strings.ToLower(u.Host), inHost) != "":
		return upstream{}, errors.New("must be an address such as https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod")
	case u.Scheme == "http":
		return upstream{}, errors.New("uses http, which connectors do not support; give --upstream with an https address")
	case u.Scheme != "https":
		return upstream{}, errors.New("must be an https address")
	case u.RawQuery != "" || u.Fragment != "":
		return upstream{}, errors.New("must have no query and no fragment")
	}
	base := strings.TrimRight(u.EscapedPath(), "/")
	if strings.ContainsAny(base, "{}") || strings.Contains(base, "//") || strings.Contains(strings.ToUpper(base), "%7B") {
		return upstream{}, errors.New("must have a path without variables")
	}
	if hasDotSegment(base) {
		return upstream{}, errors.New("must have a path without the segments . and .., which clients remove")
	}
	return upstream{host: strings.ToLower(u.Host), base: base}, nil
}

// withoutLeak refuses an address in the definition that would show a secret in the connector's paths.
func withoutLeak(u upstream) error {
	if leaks(u.String()) {
		return errors.New("contains an ARN, an account id or a key, which authors of flows would see; give --upstream to accept that")
	}
	return nil
}

// accepts refuses hosts to which Countersign would not send.
func (c *conversion) accepts(u upstream) error {
	_, err := c.Hosts.Infer(u.host, u.base+"/")
	var refusal *endpoints.InferError
	switch {
	case !errors.As(err, &refusal) || refusal.Kind == endpoints.Ambiguous && refusal.Service != "":
		return nil
	case refusal.Kind == endpoints.NoSigV4:
		return errors.New("the host does not accept signatures: " + refusal.Reason)
	}
	return errors.New("the host is not an AWS host, so nothing is sent to it. Give --upstream with the AWS address, " +
		"or list the host under the profile's hosts and name the file with --config")
}

// hostAndBase returns host and base path from Swagger 2.0.
func (c *conversion) hostAndBase() (upstream, error) {
	host := c.root.get("host")
	switch {
	case host.value == nil:
		return upstream{}, host.errorf("is missing; give --upstream with the address of the API")
	case isPlaceholder(host.value):
		return upstream{}, placeholderError(host)
	case strings.Contains(host.text(), "://"):
		return upstream{}, host.errorf("must be only a host, such as a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com")
	}
	base, err := c.basePath()
	if err != nil {
		return upstream{}, err
	}
	if schemes := c.root.get("schemes"); len(schemes.items()) > 0 {
		https := false
		for _, scheme := range schemes.items() {
			https = https || strings.EqualFold(scheme.text(), "https")
		}
		if !https {
			return upstream{}, schemes.errorf("does not include https, which connectors require; give --upstream with an https address")
		}
	}
	u, err := parseUpstream("https://" + host.text() + base)
	if err == nil {
		err = cmp.Or(withoutLeak(u), c.accepts(u))
	}
	if err != nil {
		return upstream{}, host.errorf("%s", err.Error())
	}
	return u, nil
}

// basePath returns the path in front of all paths, as the definition has it.
func (c *conversion) basePath() (string, error) {
	at := c.root.get("basePath")
	text := at.text()
	if c.version != version20 {
		servers := c.root.get("servers").items()
		if len(servers) == 0 {
			return "", nil
		}
		at = servers[0].get("url")
		address, err := c.serverURL(servers[0])
		if err != nil {
			return "", err
		}
		text = address
		if _, rest, absolute := strings.Cut(address, "://"); absolute {
			_, text, _ = strings.Cut(rest, "/")
		}
	}
	if isPlaceholder(at.value) && c.version == version20 || isPlaceholder(text) {
		return "", at.errorf("contains a placeholder that was not filled in; give --upstream with its path, such as https://HOST/prod")
	}
	base := strings.Trim(text, "/")
	if base == "" {
		return "", nil
	}
	u, err := parseUpstream("https://host/" + base)
	if err = cmp.Or(err, withoutLeak(u)); err != nil {
		return "", at.errorf("%s", err.Error())
	}
	return u.base, nil
}

var variable = lazyregexp.New(`\{([^{}$]*)\}`)

// serverURL returns the address of a server, with the defaults of its variables.
func (c *conversion) serverURL(server node) (string, error) {
	at := server.get("url")
	text, isText := at.value.(string)
	if !isText {
		if isPlaceholder(at.value) {
			return "", placeholderError(at)
		}
		return "", at.errorf("must be the address of the API")
	}
	var missing error
	text = variable().ReplaceAllStringFunc(text, func(found string) string {
		if strings.Contains(text, "$"+found) {
			return found // ${…} is not an OpenAPI variable
		}
		value := server.get("variables").get(found[1 : len(found)-1]).get("default")
		if value.value == nil || isPlaceholder(value.value) {
			missing = at.errorf("the variable %s has no default; give --upstream with the address of the API", clip(found, maxLabel))
		}
		return strings.TrimPrefix(value.text(), "/")
	})
	return text, missing
}

// server returns the first server at a node: the document, a path or an operation.
func (c *conversion) server(n node) (upstream, error) {
	servers := n.get("servers")
	if err := servers.typeError(kindArray); err != nil {
		return upstream{}, err
	}
	list := servers.items()
	if len(list) == 0 {
		return upstream{}, servers.errorf("is missing; give --upstream with the address of the API")
	}
	text, err := c.serverURL(list[0])
	if err != nil {
		return upstream{}, err
	}
	at := list[0].get("url")
	if isPlaceholder(text) {
		return upstream{}, placeholderError(at)
	}
	if !strings.Contains(text, "://") {
		return upstream{}, at.errorf("is not a complete address; give --upstream with the address of the API")
	}
	u, err := parseUpstream(text)
	if err == nil {
		err = cmp.Or(withoutLeak(u), c.accepts(u))
	}
	if err != nil {
		return upstream{}, at.errorf("%s", err.Error())
	}
	return u, nil
}
