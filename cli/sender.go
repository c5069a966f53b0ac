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

// newSender is what sends requests; nil where that is not allowed. A proxy that cannot be used is refused all the same: STS is
// called through it.
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

// upstreamProxy is the proxy that HTTPS_PROXY names, as far as NO_PROXY excepts nothing. What is sent over http goes
// out directly.
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
		return conf, "", errors.New("HTTPS_PROXY: want a URL such as http://proxy.example.com:3128") // not quoted: it may hold a password
	}
	return conf, u.Host, nil
}

// warnOfProxy says that a proxy of the environment stands between here and AWS, since it does what is otherwise done here.
func warnOfProxy(p *process, conf config.Config) []string {
	proxy, host, err := upstreamProxy(p.getenv)
	if err != nil || host == "" || !conf.AllowSend {
		return nil
	}
	text := "HTTPS_PROXY: what is sent over https goes through " + host
	if proxy.NoProxy != "" {
		text += ", but for NO_PROXY=" + proxy.NoProxy
	}
	text += "; it resolves the names, so addresses are not checked here"
	if conf.DenyPrivate {
		text += ", and deny_private_addresses must be enforced there"
	}
	return []string{text}
}

// newSpool is where bodies go that are not held in memory.
func newSpool(conf config.Config) sending.Spool {
	return sending.Spool{Dir: conf.SpoolDir, MaxBytes: conf.MaxProxyBody}
}

// warnOfSpool says that no such body can be taken, as in a container that has nothing to write to.
func warnOfSpool(conf config.Config) []string {
	if !conf.AllowSend {
		return nil
	}
	spool := newSpool(conf)
	file, err := spool.File()
	if err == nil {
		err = file.Close()
	}
	if err == nil {
		return nil
	}
	return []string{"spool_dir: " + err.Error() + "; bodies of more than 1 MiB in the proxy, and responses of more than 256 KiB to " +
		"POST /v1/send, are refused: give a directory that can be written"}
}
