package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"countersign/config"
	"countersign/sending"
)

// newSender makes the client that sends requests; nil if sending is not allowed. An invalid proxy is an error even
// then, because STS is called through it.
func newSender(p *process, conf config.Config) (*sending.Client, error) {
	proxy, _, err := upstreamProxy(p.getenv)
	if err != nil || !conf.AllowSend {
		return nil, err
	}
	o := sending.Options{
		Now: p.now, DenyPrivate: conf.DenyPrivate, HTTPHosts: conf.HTTPHosts, Proxy: proxy.ProxyFunc(), HeaderTimeout: conf.HeaderTimeout,
	}
	if name := p.getenv("AWS_CA_BUNDLE"); name != "" {
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

// upstreamProxy returns the proxy that HTTPS_PROXY names, with the exceptions of NO_PROXY. Requests over http do not
// go through it.
func upstreamProxy(getenv func(string) string) (conf httpproxy.Config, host string, err error) {
	conf = httpproxy.Config{
		HTTPSProxy: cmp.Or(getenv("HTTPS_PROXY"), getenv("https_proxy")), NoProxy: cmp.Or(getenv("NO_PROXY"), getenv("no_proxy")),
	}
	text := conf.HTTPSProxy
	if text == "" {
		return conf, "", nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return conf, "", errors.New("HTTPS_PROXY: must be a URL such as http://proxy.example.com:3128") // not quoted: it may hold a password
	}
	return conf, u.Host, nil
}

// warnOfProxy warns that requests go through a proxy of the environment, since it then does some of what is otherwise
// done here.
func warnOfProxy(p *process, conf config.Config) []string {
	proxy, host, err := upstreamProxy(p.getenv)
	if err != nil || host == "" || !conf.AllowSend {
		return nil
	}
	text := "HTTPS_PROXY: requests over https go through " + host
	if proxy.NoProxy != "" {
		text += ", except for NO_PROXY=" + proxy.NoProxy
	}
	text += "; it resolves host names, so addresses are not checked here"
	if conf.DenyPrivate {
		text += ", and deny_private_addresses must be enforced there"
	}
	return []string{text}
}

// newSpool returns where bodies go that are not held in memory.
func newSpool(conf config.Config, quota *sending.Quota) sending.Spool {
	return sending.Spool{Dir: conf.SpoolDir, MaxBytes: conf.MaxProxyBody, Quota: quota}
}

// warnOfSpool warns that such bodies must be refused, as in a container with no writable directory.
func warnOfSpool(conf config.Config) []string {
	if !conf.AllowSend {
		return nil
	}
	spool := newSpool(conf, nil)
	file, err := spool.File()
	if err == nil {
		err = file.Close()
	}
	if err == nil {
		return nil
	}
	return []string{"spool_dir: " + err.Error() + "; bodies of more than 1 MiB in the proxy, and responses of more than 256 KiB " +
		"at /v1/send and /call, are refused: set a writable directory"}
}
