package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// perHost returns a profile with a session for each host and caller.
func perHost() credentials.Profile {
	p := perCaller()
	p.Name, p.AssumeRole.RoleARN, p.AssumeRole.SessionName = "hosts", roleARN+"-hosts", "{caller}-{host}"
	return p
}

// oneFetch is how long STS takes to respond in the tests of attacks.
const oneFetch = 500 * time.Millisecond

// attack is a store under attack, with an STS that works.
type attack struct {
	store *credentials.Store
	fake  *fakeSTS

	mu                        sync.Mutex
	own, given                []time.Time // when STS was called, except for shared sessions
	hostileServed             int
	mostWaiting, mostSessions int
}

func newAttack(t *testing.T) *attack {
	a := &attack{fake: newFake(time.Now)}
	a.fake.response = func(c call) (*http.Response, error) {
		a.mu.Lock()
		switch c.form.Get("RoleArn") {
		case theirRole:
			a.given = append(a.given, time.Now())
		case roleARN: // the shared session
		default:
			a.own = append(a.own, time.Now())
		}
		a.mu.Unlock()
		time.Sleep(oneFetch)
		return nil, nil
	}
	p := orders()
	p.AssumeRole.Duration = 15 * time.Minute
	a.store = open(t, credentials.Options{Profiles: []credentials.Profile{p, perHost()}, Transport: a.fake})
	return a
}

const theirRole = "arn:aws:iam::999999999999:role/theirs"

func theirs(caller string, n int) credentials.RequestCredentials {
	return credentials.RequestCredentials{
		AccessKeyID: exampleKey, SecretAccessKey: fmt.Sprint(exampleSecret, n), RoleARN: theirRole, Caller: caller,
	}
}

// run sends requests at the given interval, each for something else, until ctx ends. It returns when all of them have
// returned.
func (a *attack) run(ctx context.Context, often time.Duration, asks ...func(context.Context, int) error) {
	var wg sync.WaitGroup
	for n := 0; ctx.Err() == nil; n++ {
		for _, ask := range asks {
			wg.Go(func() {
				if ask(ctx, n) == nil {
					a.mu.Lock()
					a.hostileServed++
					a.mu.Unlock()
				}
			})
		}
		time.Sleep(often)
		all, _ := a.store.Entries("")
		waiting := a.store.Waiting()
		a.mu.Lock()
		a.mostSessions, a.mostWaiting = max(a.mostSessions, all), max(a.mostWaiting, waiting)
		a.mu.Unlock()
	}
	wg.Wait()
}

func (a *attack) hosts(caller string) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		_, err := a.store.Session(ctx, credentials.SessionRequest{Profile: "hosts", Caller: caller, Host: fmt.Sprintf("h%d.example.com", n)})
		return err
	}
}

func (a *attack) keys(caller string) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		_, err := a.store.SessionFromRequest(ctx, theirs(caller, n))
		return err
	}
}

func (a *attack) identities(caller string) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		_, err := a.store.Identity(ctx, credentials.SessionRequest{Profile: "orders", Caller: caller})
		return err
	}
}

// within fails the test if a request fails or takes longer.
func within(t *testing.T, what string, longest time.Duration, ask func() error) {
	t.Helper()
	start := time.Now()
	if err := ask(); err != nil {
		t.Errorf("%s: %v after %v", what, err, time.Since(start))
	} else if took := time.Since(start); took > longest {
		t.Errorf("%s took %v, want at most %v", what, took, longest)
	}
}

// keepsRate fails the test if STS was called more often than promised in any period.
func keepsRate(t *testing.T, what string, calls []time.Time) {
	t.Helper()
	for i := range calls {
		for j := i; j < len(calls); j++ {
			if n, most := j-i+1, 11+5*calls[j].Sub(calls[i]).Seconds(); float64(n) > most {
				t.Fatalf("%s: %d calls in %v, want at most %.0f", what, n, calls[j].Sub(calls[i]), most)
			}
		}
	}
}

// However many new sessions one caller requests, others get their first session after at most one more fetch, and the
// rate of calls to STS is as promised.
func TestSessions_OneCallerDoesNotDelayOthers(t *testing.T) {
	tests := []struct {
		name string
		asks func(*attack) []func(context.Context, int) error
	}{
		{"hosts", func(a *attack) []func(context.Context, int) error {
			return []func(context.Context, int) error{a.hosts("hostile")}
		}},
		{"keys", func(a *attack) []func(context.Context, int) error {
			return []func(context.Context, int) error{a.keys("hostile")}
		}},
		{"identities", func(a *attack) []func(context.Context, int) error {
			return []func(context.Context, int) error{a.identities("hostile")}
		}},
		{"all three", func(a *attack) []func(context.Context, int) error {
			return []func(context.Context, int) error{a.hosts("hostile"), a.keys("hostile"), a.identities("hostile")}
		}},
	}
	every := time.Millisecond
	if testing.Short() {
		tests, every = tests[len(tests)-1:], 4*time.Millisecond
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAttack(t)
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() { a.run(ctx, every, test.asks(a)...) })
				time.Sleep(5 * time.Second)
				for n := range 8 {
					a.store.Invalidate("orders")
					within(t, "a profile's session", 2*oneFetch, func() error {
						_, err := a.store.Session(t.Context(), credentials.SessionRequest{Profile: "orders", Caller: "quiet"})
						return err
					})
					within(t, "another's first session", 2*oneFetch, func() error { return a.hosts("quiet")(t.Context(), n) })
					within(t, "another's own keys", 2*oneFetch, func() error { return a.keys("quiet")(t.Context(), n) })
					within(t, "another's identity", 2*oneFetch, func() error { return a.identities("quiet")(t.Context(), n) })
				}
				if !a.store.Ready() {
					t.Error("not ready, though STS is well")
				}
				stop()
				wg.Wait()
				keepsRate(t, "callers' own sessions", a.own)
				keepsRate(t, "keys of requests", a.given)
				if a.mostSessions > 256+2 || a.mostWaiting > 2*32+2 {
					t.Errorf("%d sessions and %d waiting, want no more than 258 and 66", a.mostSessions, a.mostWaiting)
				}
				if a.hostileServed < 20 {
					t.Errorf("the hostile caller was served %d times, want its share", a.hostileServed)
				}
				t.Logf("%d calls for callers' own sessions, %d for keys of requests; hostile served %d times; at most %d sessions, %d waiting",
					len(a.own), len(a.given), a.hostileServed, a.mostSessions, a.mostWaiting)
			})
		})
	}
}

// Many concurrent callers are served in turns, and shared sessions before them.
func TestSessions_ManyCallersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() { a.run(ctx, 20*time.Millisecond, a.hosts(fmt.Sprint("hostile", i))) })
		}
		time.Sleep(5 * time.Second)
		for n := range 20 {
			a.store.Invalidate("orders")
			within(t, "a profile's session", oneFetch, func() error {
				_, err := a.store.Session(t.Context(), credentials.SessionRequest{Profile: "orders", Caller: "quiet"})
				return err
			})
			// After eight others and the profile's, five a second.
			within(t, "another's first session", oneFetch+2*time.Second, func() error { return a.hosts("quiet")(t.Context(), n) })
		}
		stop()
		wg.Wait()
		keepsRate(t, "callers' own sessions", a.own)
	})
}

func TestSessions_AreRenewedUnderAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t)
		ask := func() (got credentials.Session, err error) {
			return a.store.Session(t.Context(), credentials.SessionRequest{Profile: "orders", Caller: "quiet"})
		}
		first, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Minute)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		every := 5 * time.Millisecond
		if testing.Short() {
			every *= 4
		}
		wg.Go(func() { a.run(ctx, every, a.hosts("hostile"), a.keys("hostile")) })
		for range 180 {
			within(t, "a session that is held", 0, func() error { _, err := ask(); return err })
			time.Sleep(time.Second)
		}
		if got, _ := ask(); got.Credentials.AccessKeyID == first.Credentials.AccessKeyID {
			t.Error("not renewed in the background within the first two minutes of its window")
		}
		stop()
		wg.Wait()
	})
}

// A fetch that got no turn says nothing about STS.
func TestReadiness_NoTurnIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		var events []credentials.Event
		var mu sync.Mutex
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{perHost()}, Transport: fake,
			Log: func(e credentials.Event) { mu.Lock(); events = append(events, e); mu.Unlock() },
		})
		var wg sync.WaitGroup
		var busy int
		for n := range 200 {
			wg.Go(func() {
				_, err := s.Session(t.Context(), credentials.SessionRequest{Caller: fmt.Sprint(n % 50), Host: fmt.Sprint(n)})
				var e *credentials.Error
				if err != nil && (!errors.As(err, &e) || e.Code != "busy" || e.RetryAfter <= 0) {
					t.Errorf("%v, want busy with a delay", err)
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					busy++
				}
			})
		}
		wg.Wait()
		if !s.Ready() {
			t.Error("not ready, although STS responded to every call")
		}
		if busy == 0 || len(events) != 200-busy {
			t.Errorf("%d busy and %d events, want some and one for each call of STS", busy, len(events))
		}
	})
}

// Callers' own sessions evict neither shared sessions nor those of a caller with fewer.
func TestTheCacheIsBounded_TheCallerWithTheMostLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders(), perHost()}, Transport: fake})
		ask := func(profile, caller string, host int) {
			t.Helper()
			if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: profile, Caller: caller, Host: fmt.Sprint(host)}); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
		ask("orders", "quiet", 0)
		ask("hosts", "quiet", 0)
		for host := range 40 {
			for caller := range 10 {
				ask("hosts", fmt.Sprint("loud", caller), host)
			}
		}
		calls := fake.count()
		ask("orders", "quiet", 0)
		ask("hosts", "quiet", 0)
		if all, _ := s.Entries(""); fake.count() != calls || all != 257 {
			t.Errorf("%d more calls and %d sessions, want none and 257", fake.count()-calls, all)
		}
	})
}

// Any string in the format of a region name is accepted, so a caller may invent any number of regions.
func TestRequestCredentials_NothingIsCachedForARegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Transport: fake})
		ask := func(n int) {
			in := theirs("hostile", 0)
			in.Region = fmt.Sprint("eu-west-", n)
			if _, err := s.SessionFromRequest(t.Context(), in); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
		heap := func() uint64 {
			fake.mu.Lock()
			fake.calls = nil
			fake.mu.Unlock()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		for n := range 100 {
			ask(n)
		}
		before := heap()
		for n := range 1000 {
			ask(100 + n)
		}
		if grown := int64(heap()) - int64(before); grown > 1<<20 {
			t.Errorf("%d bytes more after 1,000 regions, want nothing kept for them", grown)
		} else {
			t.Logf("%d bytes more after 1,000 regions", grown)
		}
	})
}

// If another caller also waits for a fetch, it gets its turn as early as if that caller had started it.
func TestSessions_JoiningAFetchCausesNoDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		p := perHost()
		p.AssumeRole.SessionName = "{host}"
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
		ask := func(caller string, host int) error {
			_, err := s.Session(t.Context(), credentials.SessionRequest{Caller: caller, Host: fmt.Sprintf("h%d.example.com", host)})
			return err
		}
		var wg sync.WaitGroup
		for host := range 30 {
			wg.Go(func() { _ = ask("hostile", host) })
			synctest.Wait()
		}
		within(t, "the last of the hostile caller's sessions", 400*time.Millisecond, func() error { return ask("quiet", 29) })
		wg.Wait()
	})
}

// Shared sessions go first, and the others still make progress.
func TestSessions_ProfilesDoNotStarveCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		profiles := []credentials.Profile{perHost()}
		for n := range 40 {
			p := orders()
			p.Name = fmt.Sprint("shared", n)
			profiles = append(profiles, p)
		}
		s := open(t, credentials.Options{Profiles: profiles, Transport: fake})
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, p := range profiles[1:] {
			wg.Go(func() {
				for ctx.Err() == nil {
					s.Invalidate(p.Name)
					_, _ = s.Session(ctx, credentials.SessionRequest{Profile: p.Name, Caller: p.Name})
					time.Sleep(time.Second)
				}
			})
		}
		time.Sleep(5 * time.Second)
		for n := range 10 {
			within(t, "a caller's own session", 1400*time.Millisecond, func() error {
				_, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "hosts", Caller: "quiet", Host: fmt.Sprint(n)})
				return err
			})
		}
		stop()
		wg.Wait()
	})
}

// The same if the profile below got no turn.
func TestReadiness_NoTurnInAChainIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed []error
		var mu sync.Mutex
		top := perHost()
		top.Name, top.Source, top.Keys = "top", "hosts", signing.Credentials{}
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{perHost(), top}, Transport: newFake(time.Now), Default: "top",
			Log: func(e credentials.Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.Err != nil {
					failed = append(failed, e.Err)
				}
			},
		})
		var wg sync.WaitGroup
		for n := range 200 {
			wg.Go(func() {
				_, _ = s.Session(t.Context(), credentials.SessionRequest{Caller: fmt.Sprint(n % 50), Host: fmt.Sprint(n)})
			})
		}
		wg.Wait()
		if !s.Ready() || len(failed) != 0 {
			t.Errorf("ready %t after %v, want no failure", s.Ready(), failed)
		}
	})
}

// sharedProfiles returns n profiles whose sessions all callers share.
func sharedProfiles(n int) (all []credentials.Profile) {
	for i := range n {
		p := orders()
		p.Name = fmt.Sprint("shared", i)
		all = append(all, p)
	}
	return all
}

// askForAll requests the sessions of all profiles at once, and returns how many requests were refused.
func askForAll(t *testing.T, s *credentials.Store, profiles []credentials.Profile) int {
	t.Helper()
	var wg sync.WaitGroup
	var refused atomic.Int64
	for _, p := range profiles {
		wg.Go(func() {
			if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: p.Name, Caller: "quiet"}); err != nil {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	return int(refused.Load())
}

// A start with many profiles refuses no request: shared sessions are fetched fast.
func TestSessions_OfManyProfilesComeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		profiles := sharedProfiles(250)
		s := open(t, credentials.Options{Profiles: profiles, Transport: newFake(time.Now)})
		if refused := askForAll(t, s, profiles); refused > 0 {
			t.Errorf("%d requests were refused", refused)
		}
	})
}

// If STS throttles, shared sessions are fetched slowly, and fast again once STS has recovered.
func TestSessions_ThrottlingSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, profiles := newFake(time.Now), sharedProfiles(100)
		var throttles atomic.Bool
		fake.response = func(call) (*http.Response, error) {
			if throttles.Load() {
				return fake.refuse(400, "Throttling"), nil
			}
			return nil, nil
		}
		s := open(t, credentials.Options{Profiles: profiles, Transport: fake})
		throttles.Store(true)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, p := range profiles {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = s.Session(ctx, credentials.SessionRequest{Profile: p.Name, Caller: p.Name})
					time.Sleep(time.Second)
				}
			})
		}
		time.Sleep(time.Minute)
		before := fake.count()
		time.Sleep(time.Minute)
		if calls := fake.count() - before; calls < 30 || calls > 3*40 {
			t.Errorf("%d calls in a minute of throttling, want half a fetch a second with three tries each", calls)
		}
		throttles.Store(false)
		time.Sleep(2 * time.Minute)
		stop()
		wg.Wait()
		before = fake.count()
		if refused := askForAll(t, s, profiles); refused > 0 || fake.count() != before {
			t.Errorf("%d refused and %d more calls, want all sessions within two minutes", refused, fake.count()-before)
		}
	})
}

// A caller whose own keys are throttled slows down no one else.
func TestSessions_ThrottledRequestKeysSlowNoOneElseDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, profiles := newFake(time.Now), sharedProfiles(100)
		fake.response = func(c call) (*http.Response, error) {
			if c.form.Get("RoleArn") == theirRole {
				return fake.refuse(400, "Throttling"), nil
			}
			return nil, nil
		}
		s := open(t, credentials.Options{Profiles: profiles, Transport: fake})
		for n := range 20 {
			_, _ = s.SessionFromRequest(t.Context(), theirs("hostile", n))
		}
		within(t, "the sessions of all profiles", 2*time.Second, func() error {
			if refused := askForAll(t, s, profiles); refused > 0 {
				return fmt.Errorf("%d requests were refused", refused)
			}
			return nil
		})
	})
}
