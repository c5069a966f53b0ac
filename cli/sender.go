package cli

import (
	"fmt"
	"net/http"
	"net/url"

	"countersign/config"
	"countersign/sending"
)

// newSender is what sends requests; nil where that is not allowed.
func newSender(p *process, conf config.Config) (*sending.Client, error) {
	if !conf.AllowSend {
		return nil, nil
	}
	o := sending.Options{
		Now: p.now, DenyPrivate: conf.DenyPrivate, HTTPHosts: conf.HTTPHosts, Proxy: environmentProxy, HeaderTimeout: conf.HeaderTimeout,
	}
	if name := p.getenv("AWS_CA_BUNDLE"); name != "" {
		var err error
		if o.ExtraCAs, err = p.read(name); err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
	}
	client, err := sending.New(o)
	if err != nil {
		return nil, fmt.Errorf("http_hosts: %w", err)
	}
	return client, nil
}

// environmentProxy is the proxy that HTTPS_PROXY names for a URL, unless NO_PROXY excepts it.
func environmentProxy(u *url.URL) (*url.URL, error) {
	return http.ProxyFromEnvironment(&http.Request{URL: u})
}
