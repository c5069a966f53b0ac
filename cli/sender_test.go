package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/config"
)

func TestSender_WarnsOfProxy(t *testing.T) {
	for name, row := range map[string]struct {
		env    map[string]string
		denies bool
		want   []string // in the only warning; empty for no warning
	}{
		"none":       {},
		"http alone": {env: map[string]string{"HTTP_PROXY": "http://proxy.example.com:3128"}},
		"one": {
			env:  map[string]string{"HTTPS_PROXY": "http://proxy.example.com:3128"},
			want: []string{"through proxy.example.com:3128;"},
		},
		"in small letters": {env: map[string]string{"https_proxy": "proxy.example.com:3128"}, want: []string{"through proxy.example.com:3128;"}},
		"with a password": {
			env: map[string]string{"HTTPS_PROXY": "http://user:hidden@proxy.example.com:3128"}, want: []string{"through proxy.example.com:3128;"},
		},
		"with exceptions": {
			env:  map[string]string{"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": ".amazonaws.com"},
			want: []string{"except for NO_PROXY=.amazonaws.com;"},
		},
		"private addresses denied": {
			env: map[string]string{"HTTPS_PROXY": "socks5://proxy.example.com"}, denies: true,
			want: []string{"deny_private_addresses must be enforced there"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &process{getenv: func(name string) string { return row.env[name] }}
			got := strings.Join(warnOfProxy(p, config.Config{Settings: config.Settings{AllowSend: true, DenyPrivate: row.denies}}), "\n")
			for _, want := range row.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %q, want %q in it", got, want)
				}
			}
			if (got != "") != (row.want != nil) || strings.Contains(got, "hidden") {
				t.Errorf("got %q", got)
			}
			if got := warnOfProxy(p, config.Config{}); got != nil {
				t.Errorf("if nothing is sent: %q", got)
			}
		})
	}
}

func TestSender_RefusesInvalidProxyWithoutQuotingIt(t *testing.T) {
	p := &process{getenv: func(name string) string {
		if name == "HTTPS_PROXY" {
			return "http://user:hidden@proxy example.com:3128"
		}
		return ""
	}}
	for _, sends := range []bool{true, false} { // STS is called through it in any case
		_, err := newSender(p, config.Config{Settings: config.Settings{AllowSend: sends}})
		if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "HTTPS_PROXY: must be a URL") {
			t.Errorf("allow_send %v: got %v", sends, err)
		}
	}
}

func TestSender_WarnsIfBodiesCannotBeHeld(t *testing.T) {
	conf := config.Config{Settings: config.Settings{AllowSend: true, SpoolDir: filepath.Join(t.TempDir(), "absent")}}
	if got := strings.Join(warnOfSpool(conf), "\n"); !strings.Contains(got, "spool_dir") || !strings.Contains(got, conf.SpoolDir) {
		t.Errorf("got %q, want spool_dir and its directory in it", got)
	}
	conf.AllowSend = false
	if got := warnOfSpool(conf); got != nil {
		t.Errorf("if nothing is sent: %q", got)
	}
	conf.AllowSend, conf.SpoolDir = true, t.TempDir()
	if got := warnOfSpool(conf); got != nil {
		t.Errorf("got %q", got)
	}
	if left, err := os.ReadDir(conf.SpoolDir); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
