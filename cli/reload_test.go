package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"countersign/sandbox"

	"go.uber.org/goleak"
)

var reloads = flag.Int("reloads", 30, "how many reloads TestReload_EachRequestHasOneGeneration makes, with 100 requests for each")

const reloadKey = "EXAMPLE-key-of-all-generations"

// configuration n has its own caller, profile, keys, policy and host pattern: a mixture of two is denied, or shows.
func configuration(n int) (file, policies string) {
	return fmt.Sprintf(`
policies: %%s/policies.cedar
default_profile: profile-%[1]d
max_body_bytes: %[2]d
callers: {api_keys: [{id: caller-%[1]d, sha256: %[3]s}]}
profiles:
  profile-%[1]d:
    region: eu-west-1
    source: static
    access_key_id: AKID%[1]d
    secret_access_key: EXAMPLESECRET%[1]d
    hosts: {api.example.com: {service: service-%[1]d, region: eu-west-1}}
`, n, 100_000+n, sha256Hex(reloadKey)), fmt.Sprintf(`@id("policy-%[1]d")
permit (principal == Caller::"caller-%[1]d", action, resource)
when { resource.profile == "profile-%[1]d" && resource.service == "service-%[1]d" };
`, n)
}

// reloaded is a service whose configuration the test changes.
type reloaded struct {
	*service
	t   testing.TB
	dir string // of the configuration
	out *buffer
}

func reloading(t testing.TB, dir string, env map[string]string) *reloaded {
	t.Helper()
	r := &reloaded{t: t, dir: dir, out: new(buffer)}
	p := &process{
		ctx: t.Context(), getenv: func(name string) string { return env[name] }, stdout: r.out, stderr: r.out, now: time.Now, contract: contract,
	}
	s, err := newReloading(p, filepath.Join(dir, "countersign.yaml"), make(chan os.Signal, 1))
	if err != nil {
		t.Fatal(err)
	}
	r.service = s
	return r
}

// put writes configuration n into a folder.
func put(t testing.TB, dir, named string, n int) {
	t.Helper()
	file, policies := configuration(n)
	write(t, dir, "policies.cedar", policies)
	write(t, dir, "countersign.yaml", fmt.Sprintf(file, named))
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *reloaded) signWith(apiKey string) *httptest.ResponseRecorder {
	const body = `{"method":"GET","url":"https://api.example.com/x"}`
	q := httptest.NewRequest(http.MethodPost, "http://localhost/v1/sign", strings.NewReader(body))
	q.Header.Set("X-Api-Key", apiKey)
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	return w
}

// sign returns which generation served a request; 0 if it was refused.
func (r *reloaded) sign() (status, generation int) {
	w := r.signWith(reloadKey)
	var out struct{ AccessKeyID, Service string }
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	var byKey, byService int
	_, _ = fmt.Sscanf(out.AccessKeyID, "AKID%d", &byKey)
	_, _ = fmt.Sscanf(out.Service, "service-%d", &byService)
	if w.Code != http.StatusOK || byKey != byService {
		r.t.Errorf("%d %s", w.Code, w.Body)
	}
	return w.Code, byKey
}

func (r *reloaded) expect(want int) {
	r.t.Helper()
	if _, got := r.sign(); got != want {
		r.t.Errorf("configuration %d is in force, want %d", got, want)
	}
}

// polls polls n times.
func (r *reloaded) polls(n int) {
	for range n {
		r.reloader.poll()
	}
}

// swapped is a folder as the kubelet makes it: files are links through ..data, and a change is a new folder to which
// ..data then points.
type swapped struct {
	dir string
	n   int
}

func (s *swapped) swap(t testing.TB, n int) {
	t.Helper()
	s.n++
	version := fmt.Sprintf("..2026_11_29_%d", s.n)
	folder := filepath.Join(s.dir, version)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, folder, s.dir, n)
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(version, "..data_tmp")
	old, _ := os.Readlink(filepath.Join(s.dir, "..data"))
	if err := os.Rename(filepath.Join(s.dir, "..data_tmp"), filepath.Join(s.dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if s.n == 1 {
		link("..data/countersign.yaml", "countersign.yaml")
		link("..data/policies.cedar", "policies.cedar")
		return
	}
	if err := os.RemoveAll(filepath.Join(s.dir, old)); err != nil {
		t.Fatal(err)
	}
}

// Three swaps, each in force after two polls, without a signal.
func TestReload_FollowsKubernetes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		volume := swapped{dir: t.TempDir()}
		volume.swap(t, 1)
		r := reloading(t, volume.dir, nil)
		defer r.close()
		go r.reloader.run(t.Context())
		for n := 2; n <= 4; n++ {
			volume.swap(t, n)
			r.expect(n - 1)
			time.Sleep(10*time.Second + time.Millisecond)
			r.expect(n)
		}
		if got := r.current.Load().number; got != 4 {
			t.Errorf("%d generations", got)
		}
	})
}

// A file written in three pieces takes effect only when complete, although its beginning is valid and permits
// everything.
func TestReload_IgnoresPartialFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	r := reloading(t, dir, nil)
	defer r.close()
	file, policies := configuration(2)
	// Without its end the file names no policies, so that everybody may sign everything.
	file = strings.Replace(fmt.Sprintf(file, dir), "policies: "+dir+"/policies.cedar\n", "", 1) + "policies: " + dir + "/policies.cedar\n"
	pieces := []string{file[:30], file[30 : len(file)-len(dir)-27], file[len(file)-len(dir)-27:]}
	written := ""
	for _, piece := range pieces {
		written += piece
		write(t, dir, "countersign.yaml", written)
		r.polls(1)
		r.expect(1)
	}
	write(t, dir, "policies.cedar", policies)
	r.polls(2)
	r.expect(2)
	if got := r.current.Load().number; got != 2 || strings.Contains(r.out.String(), "not reloaded") {
		t.Errorf("%d generations\n%s", got, r.out)
	}
}

// Whatever part of an example is on disk at one poll, it does not take effect.
func TestReload_IgnoresPrefixesOfExamples(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	r := reloading(t, dir, map[string]string{"AWS_ACCESS_KEY_ID": "AKID1", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET"})
	defer r.close()
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, example := range []struct{ file, as string }{
		{"../examples/policies.cedar", "policies.cedar"},
		{"../examples/countersign.yaml", "countersign.yaml"},
		{"../deploy/kubernetes/countersign.yaml", "countersign.yaml"},
	} {
		whole := read(t, example.file)
		for n := 1; n < len(whole); n += step {
			write(t, dir, example.as, whole[:n])
			r.polls(1)
			if got := r.current.Load().number; got != 1 {
				t.Fatalf("%d bytes of %s are in force:\n%s", n, example.file, whole[:n])
			}
		}
	}
}

// Bad, good, bad.
func TestReload_KeepsTheLastValidConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, dir, 1)
		r := reloading(t, dir, map[string]string{"COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:1"})
		defer r.close()
		metrics := func(want ...string) {
			t.Helper()
			w := httptest.NewRecorder()
			r.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			for _, line := range want {
				if !strings.Contains(w.Body.String(), "\ncountersign_config_"+line+"\n") {
					t.Errorf("there is no %s", line)
				}
			}
		}
		complaints := func() int {
			synctest.Wait() // for the log
			return strings.Count(r.out.String(), "not reloaded")
		}
		begun := time.Now().Unix()
		time.Sleep(time.Minute)
		write(t, dir, "countersign.yaml", "profiles: {orders: {region: eu-west-1, sourc: static}}\nport: x")
		r.polls(2)
		r.expect(1)
		metrics(fmt.Sprintf("last_reload_success_timestamp_seconds %g", float64(begun)), "last_reload_successful 0",
			`reloads_total{outcome="error"} 1`, "generation 1")
		if n := complaints(); n != 1 {
			t.Errorf("%d log lines", n)
		}
		for _, want := range []string{":1:40: profiles.orders.sourc: unknown key", ":2:7: port: must be", `"level":"error"`} {
			if !strings.Contains(r.out.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, r.out)
			}
		}
		r.polls(10)
		time.Sleep(10*time.Minute + time.Second)
		r.polls(10)
		if n := complaints(); n != 2 {
			t.Errorf("%d lines after ten minutes", n)
		}

		put(t, dir, dir, 2)
		r.polls(2)
		r.expect(2)
		metrics(fmt.Sprintf("last_reload_success_timestamp_seconds %g", float64(time.Now().Unix())), "last_reload_successful 1",
			`reloads_total{outcome="ok"} 1`, "generation 2")

		if err := os.Remove(filepath.Join(dir, "policies.cedar")); err != nil {
			t.Fatal(err)
		}
		r.polls(2)
		r.expect(2)
		metrics("last_reload_successful 0", `reloads_total{outcome="error"} 2`)
		_, policies := configuration(2)
		write(t, dir, "policies.cedar", policies)
		r.polls(2)
		r.expect(2)
		metrics("last_reload_successful 1", "generation 3")
	})
}

// The reload is immediate, although nothing has changed, and works without polling.
func TestReload_AfterASignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, dir, 1)
		r := reloading(t, dir, map[string]string{"COUNTERSIGN_RELOAD_SECONDS": "0"})
		defer r.close()
		signals := make(chan os.Signal, 1)
		r.reloader.signals = signals
		go r.reloader.run(t.Context())
		time.Sleep(time.Hour)
		put(t, dir, dir, 2)
		time.Sleep(time.Hour)
		r.expect(1)
		for n := int64(2); n < 4; n++ {
			signals <- syscall.SIGHUP
			time.Sleep(recheckDelay + time.Millisecond)
			r.expect(2)
			if got := r.current.Load().number; got != n {
				t.Errorf("generation %d, want %d", got, n)
			}
		}
	})
}

func TestReload_RefusesARevokedKeyAndSignsWithTheNewOne(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	r := reloading(t, dir, nil)
	defer r.close()
	r.expect(1)
	file, policies := configuration(2)
	write(t, dir, "policies.cedar", policies)
	write(t, dir, "countersign.yaml", strings.Replace(fmt.Sprintf(file, dir), sha256Hex(reloadKey), sha256Hex("another-EXAMPLE-key"), 1))
	r.polls(2)
	for key, want := range map[string]int{reloadKey: http.StatusUnauthorized, "another-EXAMPLE-key": http.StatusOK} {
		w := r.signWith(key)
		if w.Code != want || want == http.StatusOK && !strings.Contains(w.Body.String(), `"accessKeyId":"AKID2"`) {
			t.Errorf("%s: %d %s", key, w.Code, w.Body)
		}
	}
}

// A profile with another role signs with that role's session; a profile that stays keeps its session.
func TestReload_SignsWithTheNewRole(t *testing.T) {
	aws := startSandbox(t)
	dir := t.TempDir()
	configure := func(role string) {
		write(t, dir, "countersign.yaml", fmt.Sprintf(`
default_profile: stays
profiles:
  changes: {region: eu-west-1, source: environment, assume_role: {%s}, sts_endpoint: %[2]q}
  stays: {region: eu-west-1, source: environment, assume_role: {role_arn: %[3]q}, sts_endpoint: %[2]q}
`, role, aws.STSURL, sandbox.RoleARN))
	}
	configure(fmt.Sprintf("role_arn: %q", sandbox.RoleARN))
	env := sandboxEnvironment(aws)
	r := reloading(t, dir, map[string]string{
		"AWS_ACCESS_KEY_ID": env["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY": env["AWS_SECRET_ACCESS_KEY"], "COUNTERSIGN_AUTH": "none",
	})
	defer r.close()
	keyOf := func(profile string) string {
		q := httptest.NewRequest(http.MethodPost, "http://localhost/v1/sign",
			strings.NewReader(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","profile":"`+profile+`"}`))
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, q)
		var out struct{ AccessKeyID string }
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.AccessKeyID == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return out.AccessKeyID
	}
	changes, stays := keyOf("changes"), keyOf("stays")
	configure(fmt.Sprintf("role_arn: %q, external_id: %q", sandbox.PartnerRoleARN, sandbox.PartnerExternalID))
	r.polls(2)
	if after := keyOf("changes"); after == changes || !hasLine(r.out.String(), `"action":"sign"`, after, sandbox.PartnerRoleARN) {
		t.Errorf("it signs with %s, before %s:\n%s", after, changes, r.out)
	}
	if after := keyOf("stays"); after != stays {
		t.Errorf("the profile that stays signs with %s, before %s", after, stays)
	}
}

// Settings that need a restart keep their values; the rest takes effect.
func TestReload_NamesWhatNeedsARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, dir, 1)
		r := reloading(t, dir, nil)
		defer r.close()
		file, policies := configuration(2)
		write(t, dir, "policies.cedar", policies)
		write(t, dir, "countersign.yaml", fmt.Sprintf(file, dir)+
			"port: 9999\npublic_url: https://sign.example.com\nallow_signing_time: true\nmax_connections: 17\nmax_requests: 18\n"+
			"audit_hash_paths: true\nrate_per_second: 7\ndeny_private_addresses: true\nforward_cookies: true\n")
		r.polls(2)
		r.expect(2)
		synctest.Wait()
		if want := `"settings":["port","public_url","allow_signing_time","deny_private_addresses","audit_hash_paths","max_requests",` +
			`"max_connections","forward_cookies"]`; !hasLine(r.out.String(), `"level":"warn"`, "need a restart", want) {
			t.Errorf("the log lacks %s:\n%s", want, r.out)
		}
		g := r.current.Load()
		if g.handlers.AllowSigningTime || g.conf.Port == 9999 || g.conf.RatePerSecond != 7 {
			t.Errorf("%+v", g.conf.Settings)
		}
		for _, want := range []string{
			`"callers_removed":["caller-1"]`, `"callers_added":["caller-2"]`, `"profiles_added":["profile-2"]`, `"generation":2`,
			`"policies_sha256":`,
		} {
			if !strings.Contains(r.out.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, r.out)
			}
		}
	})
}

// Requests without a pause while the configuration changes over and over. Each is served by exactly one
// configuration; none of the earlier ones remains.
func TestReload_EachRequestHasOneGeneration(t *testing.T) {
	before := goleak.IgnoreCurrent()
	volume := swapped{dir: t.TempDir()}
	volume.swap(t, 1)
	env := map[string]string{
		"COUNTERSIGN_RATE_PER_SECOND": "1000000000", "COUNTERSIGN_RATE_BURST": "1000000000",
		"COUNTERSIGN_LOG_LEVEL": "error", "COUNTERSIGN_AUDIT_FILE": os.DevNull,
	}
	r := reloading(t, volume.dir, env)
	ctx, stop := context.WithCancel(t.Context())
	r.run(ctx)
	var asked, latest atomic.Int64
	var clients sync.WaitGroup
	latest.Store(1)
	done := make(chan struct{})
	for range 2 {
		clients.Go(func() {
			last := 0
			for {
				select {
				case <-done:
					return
				default:
				}
				least := latest.Load()
				status, n := r.sign()
				if status != http.StatusOK || n < last || int64(n) < least || int64(n) > latest.Load()+1 {
					t.Errorf("%d by configuration %d, after %d and %d", status, n, last, least)
					return
				}
				last = n
				asked.Add(1)
			}
		})
	}
	for n := 2; n <= *reloads+1; n++ {
		volume.swap(t, n)
		r.polls(2)
		latest.Store(int64(n))
		for asked.Load() < int64(100*(n-1)) && !t.Failed() {
			runtime.Gosched()
		}
	}
	close(done)
	clients.Wait()
	if got := r.current.Load().number; got != int64(*reloads)+1 {
		t.Errorf("%d generations", got)
	}
	if n := len(r.generations()); n != 1 {
		t.Errorf("%d generations are live", n)
	}
	t.Logf("%d requests over %d reloads", asked.Load(), *reloads)
	stop()
	r.close()
	goleak.VerifyNone(t, before)
}

// Instances with the same files have the same hash, and a change to any file changes it.
func TestReload_HashIsOfAllFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	env := map[string]string{"COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:1"}
	one, other := reloading(t, dir, env), reloading(t, dir, env)
	defer one.close()
	defer other.close()
	before := one.current.Load().hash
	if len(before) != 12 || other.current.Load().hash != before {
		t.Errorf("%q and %q", before, other.current.Load().hash)
	}
	_, policies := configuration(1)
	write(t, dir, "policies.cedar", policies+"// more\n")
	one.polls(2)
	other.polls(2)
	after := one.current.Load().hash
	if after == before || other.current.Load().hash != after {
		t.Errorf("%q after %q, and %q", after, before, other.current.Load().hash)
	}
	w := httptest.NewRecorder()
	one.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	want := fmt.Sprintf("countersign_config_info{hash=%q} 1\n", after)
	if text := w.Body.String(); !strings.Contains(text, want) || strings.Contains(text, before) {
		t.Errorf("the metrics lack %s, or have %s", want, before)
	}
}
