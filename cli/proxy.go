package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/access"
	"countersign/api"
	"countersign/config"
	"countersign/endpoints"
	"countersign/proxy"
)

// proxyOptions are the flags of proxy that are not settings.
type proxyOptions struct {
	config, profile, upstream, service, region, socket string
	origins, hosts                                     []string
}

func newProxy(p *process) *cobra.Command {
	var o proxyOptions
	c := command("proxy", "Sign the requests of other programs and forward them to AWS.", func() error { return o.run(p) })
	c.Long = c.Short + "\n\nWithout --upstream, a request goes to the host in its Host header or, if that is this machine,\n" +
		"to the endpoint that an AWS SDK with AWS_ENDPOINT_URL signed it for. The proxy listens on 127.0.0.1\n" +
		"unless --address is given. Callers need a key if the configuration has any; without keys, only\n" +
		"this machine may call."
	c.Example = "  countersign proxy --profile metrics --upstream aps-workspaces.eu-west-1.amazonaws.com\n" +
		"  countersign proxy --port 8081 & AWS_ENDPOINT_URL=http://127.0.0.1:8081 aws s3 ls"
	f := c.Flags()
	f.StringVar(&o.profile, "profile", "", "`NAME` of the profile to sign with. Default: default_profile, or the only one.")
	f.StringVar(&o.upstream, "upstream", "", "`HOST` to send every request to, or its URL without a path.")
	f.StringVar(&o.service, "service", "", "Signing `NAME` of the upstream's service, if it cannot be derived from the host.")
	f.StringVar(&o.region, "region", "", "`REGION` of the upstream, if it cannot be derived from the host.")
	f.StringVar(&o.socket, "socket", "", "`PATH` of a Unix socket to listen on, instead of address and port.")
	f.StringArrayVar(&o.origins, "allow-origin", nil,
		"`ORIGIN` of web pages that may use the proxy, such as http://localhost:3000; may be repeated.")
	f.StringArrayVar(&o.hosts, "allow-host", nil, "Another `NAME` of this machine in the Host header; may be repeated.")
	addConfig(c, &o.config)
	addSettings(c, p)
	return c
}

func (o *proxyOptions) run(p *process) error {
	conf, err := loadConfig(p, o.config)
	if err != nil {
		return err
	}
	upstream, err := o.apply(&conf)
	if err != nil {
		return usageError{err}
	}
	service, err := newService(p, conf)
	if err != nil {
		return err
	}
	defer service.close()
	only := service.current.Load()
	service.handler = api.NewPassing(only.options, o.passing(only.proxy, upstream))
	listener, err := listen(p.ctx, conf)
	if err != nil {
		return err
	}
	service.logStart(p, listener.Addr().String())
	return service.serve(p.ctx, listener, grace{delay: conf.ShutdownDelay, drain: time.Duration(conf.DrainSeconds) * time.Second})
}

// apply turns the flags into the configuration that serve would have. It returns the upstream, or nil for none.
func (o *proxyOptions) apply(conf *config.Config) (*url.URL, error) {
	conf.AllowSend = true // that is what the command is for
	o.profile = cmp.Or(o.profile, conf.DefaultProfile)
	if o.profile == "" && len(conf.Profiles) == 1 {
		o.profile = conf.Profiles[0].Name
	}
	if o.profile == "" {
		return nil, errors.New("--profile: name one of the profiles")
	}
	if o.socket != "" {
		conf.Address, conf.SocketMode = "unix:"+o.socket, "0600"
	}
	if conf.Address == "" {
		conf.Address = "127.0.0.1"
	}
	noCallers := !conf.HasCallers()
	if noCallers || conf.Auth == string(access.AuthNone) {
		if !conf.OnThisMachine() {
			return nil, fmt.Errorf("--address %s: without API keys the proxy listens only on this machine; "+
				"make a key with countersign key new", conf.Address)
		}
		conf.Auth = string(access.AuthNone)
	}
	return o.applyUpstream(conf)
}

func (o *proxyOptions) applyUpstream(conf *config.Config) (*url.URL, error) {
	if o.upstream == "" {
		if o.service != "" || o.region != "" {
			return nil, errors.New("--service, --region: need --upstream")
		}
		return nil, nil
	}
	text := o.upstream
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	upstream, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || upstream.Host == "" || *upstream != (url.URL{Scheme: upstream.Scheme, Host: upstream.Host}) ||
		upstream.Scheme != "https" && upstream.Scheme != "http" {
		return nil, errors.New("--upstream: must be a host such as aps-workspaces.eu-west-1.amazonaws.com, or https://HOST")
	}
	upstream.Host = strings.ToLower(upstream.Host)
	if upstream.Scheme == "http" {
		conf.HTTPHosts = append(slices.Clone(conf.HTTPHosts), upstream.Host)
	}
	if (o.service == "") != (o.region == "") {
		return nil, errors.New("--service, --region: give both or neither")
	}
	if o.service != "" {
		rules := []endpoints.HostRule{{Pattern: upstream.Hostname(), Service: o.service, Region: o.region}}
		for _, rule := range conf.Hosts[o.profile] {
			if rule.Pattern != upstream.Hostname() {
				rules = append(rules, rule)
			}
		}
		hosts := map[string][]endpoints.HostRule{o.profile: rules}
		for profile, list := range conf.Hosts {
			if profile != o.profile {
				hosts[profile] = list
			}
		}
		conf.Hosts = hosts
	}
	return upstream, nil
}

// passing says where requests go and by which names the proxy may be addressed.
func (o *proxyOptions) passing(p *proxy.Proxy, upstream *url.URL) api.Passing {
	own := func(host string) bool {
		name := strings.ToLower(host)
		if bare, _, err := net.SplitHostPort(name); err == nil {
			name = bare
		}
		return api.OwnName(host) || slices.ContainsFunc(o.hosts, func(h string) bool { return strings.EqualFold(h, name) })
	}
	if upstream == nil {
		// Any other name must be an AWS host or a host of the profile: the broker refuses the rest.
		return api.Passing{Origins: o.origins, Target: proxy.HostTarget(o.profile, p.Broker.MayBeHTTP, own)}
	}
	return api.Passing{
		Origins: o.origins, Target: proxy.FixedTarget(o.profile, upstream.Scheme+"://"+upstream.Host),
		Host: func(host string) bool { return o.socket != "" || own(host) || strings.EqualFold(host, upstream.Host) },
	}
}
