package credentials_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// perCaller returns a profile with a separate session for each caller.
func perCaller() credentials.Profile {
	p := orders()
	p.AssumeRole.SessionName = "{caller}"
	return p
}

func as(caller string) credentials.SessionRequest {
	return credentials.SessionRequest{Profile: "orders", Caller: caller}
}

func TestAdvisoryWindows(t *testing.T) {
	tests := []struct{ life, least, most time.Duration }{
		{15 * time.Minute, 5 * time.Minute, 6 * time.Minute},
		{time.Hour, 15 * time.Minute, 18 * time.Minute},
		{12 * time.Hour, time.Hour, 72 * time.Minute},
	}
	for _, test := range tests {
		if least, most := credentials.Advisory(test.life, 0), credentials.Advisory(test.life, 1); least != test.least || most != test.most {
			t.Errorf("Advisory(%v) = %v to %v, want %v to %v", test.life, least, most, test.least, test.most)
		}
	}
}

func TestOldSessionIsServedWhileRefreshingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		var events []string
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{orders()}, Transport: fake,
			Log: func(e credentials.Event) { events = append(events, e.Kind) },
		})
		first := get(t, s, "")
		fake.response = func(call) (*http.Response, error) { return fake.refuse(503, "ServiceUnavailable"), nil }
		for time.Now().Before(first.Expires.Add(-31 * time.Second)) {
			if got := get(t, s, ""); got.Credentials.AccessKeyID != first.Credentials.AccessKeyID {
				t.Fatal("another session than the first")
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Until(first.Expires.Add(-29 * time.Second)))
		var e *credentials.Error
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.As(err, &e) ||
			!errors.Is(err, credentials.ErrUnavailable) || e.RetryAfter <= 0 {
			t.Errorf("Session() = %v within the last 30 seconds, want ErrUnavailable with a delay", err)
		}
		synctest.Wait()
		if events[0] != credentials.EventFetched || events[1] != credentials.EventStale || events[len(events)-1] != credentials.EventFailed {
			t.Errorf("events %q, want fetched, stale …, failed", events)
		}
	})
}

func TestMinimumValidity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		p := orders()
		p.AssumeRole.Duration = 15 * time.Minute
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
		get(t, s, "")
		time.Sleep(6 * time.Minute)
		if _, err := s.Session(t.Context(), credentials.SessionRequest{MinValidity: 10 * time.Minute}); err != nil || fake.count() != 2 {
			t.Errorf("Session() = %v after %d calls, want a new one that lasts 10 minutes", err, fake.count())
		}
		for range 3 {
			_, err := s.Session(t.Context(), credentials.SessionRequest{MinValidity: 16 * time.Minute})
			if !errors.Is(err, credentials.ErrTooShort) {
				t.Errorf("Session() = %v, want ErrTooShort", err)
			}
		}
		if fake.count() != 2 {
			t.Errorf("%d calls, want 2: a fresh session does not get longer", fake.count())
		}
	})
}

func TestRevokedSessionsAreNotServedStale(t *testing.T) {
	for _, code := range []string{"AccessDenied", "InvalidClientTokenId"} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
				get(t, s, "")
				fake.response = func(call) (*http.Response, error) { return fake.refuse(403, code), nil }
				time.Sleep(40 * time.Minute)
				get(t, s, "")
				time.Sleep(6 * time.Minute) // a background refresh was tried
				synctest.Wait()
				if got, err := s.Session(t.Context(), credentials.SessionRequest{}); err == nil {
					t.Errorf("Session() = %s, 14 minutes before its end, after STS said %s", got.Credentials.AccessKeyID, code)
				}
			})
		})
	}
}

func TestConfigurationErrorsDoNotRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		get(t, s, "")
		fake.response = func(call) (*http.Response, error) { return fake.refuse(400, "PackedPolicyTooLarge"), nil }
		time.Sleep(50 * time.Minute)
		get(t, s, "")
	})
}

func TestRefusalsAreRemembered(t *testing.T) {
	tests := []struct {
		status        int
		code          string
		least, most   time.Duration // between calls
		callsPerFetch int
	}{
		{403, "AccessDenied", 20 * time.Second, 40 * time.Second, 1},
		{400, "MalformedPolicyDocument", time.Minute, 61 * time.Second, 1},
		{503, "SlowDown", 0, 16 * time.Second, 3},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				var at []time.Time
				fake.response = func(c call) (*http.Response, error) {
					if (c.number-1)%test.callsPerFetch == 0 {
						at = append(at, time.Now())
					}
					return fake.refuse(test.status, test.code), nil
				}
				s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
				for range 3000 {
					_, _ = s.Session(t.Context(), credentials.SessionRequest{})
					time.Sleep(100 * time.Millisecond)
				}
				for i := 5; i < len(at); i++ {
					if gap := at[i].Sub(at[i-1]); gap < test.least || gap > test.most+4*time.Second {
						t.Errorf("fetches %v apart, want %v to %v", gap, test.least, test.most)
					}
				}
				if len(at) < 4 {
					t.Errorf("%d fetches in five minutes and more", len(at))
				}
			})
		})
	}
}

func TestIdleSessionsLapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		get(t, s, "")
		time.Sleep(10 * time.Hour)
		if fake.count() != 1 {
			t.Errorf("%d calls for an unused session, want 1", fake.count())
		}
		get(t, s, "") // used every 25 minutes: renewed before its end without making a request wait
		for range 20 {
			time.Sleep(25 * time.Minute)
			calls := fake.count()
			get(t, s, "")
			if fake.count() != calls {
				t.Error("a request waited for a session that was in use")
			}
		}
	})
}

func TestInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		first := get(t, s, "")
		s.Invalidate("another")
		get(t, s, "")
		s.Invalidate("orders")
		if second := get(t, s, ""); fake.count() != 2 || second.Credentials.AccessKeyID == first.Credentials.AccessKeyID {
			t.Errorf("%d calls, want 2 and another session", fake.count())
		}
		// A fetch that is under way during the invalidation is only for the requests that waited for it before.
		fake.response = func(call) (*http.Response, error) { time.Sleep(time.Second); return nil, nil }
		s.Invalidate("orders")
		var wg sync.WaitGroup
		wg.Go(func() { get(t, s, "") })
		time.Sleep(500 * time.Millisecond)
		s.Invalidate("orders")
		if got := get(t, s, ""); got.Credentials.AccessKeyID != "ASIASANDBOX000000004" {
			t.Errorf("Session() = %s, want one that was requested after Invalidate", got.Credentials.AccessKeyID)
		}
		wg.Wait()
	})
}

func TestDrop_ForgetsOnlyTheRefusedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		first := get(t, s, "")
		if !s.Drop(first) {
			t.Error("a role gives no other session")
		}
		second := get(t, s, "")
		if second.Credentials.AccessKeyID == first.Credentials.AccessKeyID {
			t.Errorf("Session() = %s, which was dropped", second.Credentials.AccessKeyID)
		}
		s.Drop(first) // by another request that was refused with it
		if third := get(t, s, ""); third.Credentials.AccessKeyID != second.Credentials.AccessKeyID || fake.count() != 2 {
			t.Errorf("%d calls, want the second session to stay", fake.count())
		}
		if s.Drop(credentials.Session{Credentials: signing.NewCredentials("AKIDEXAMPLE", "secret/EXAMPLE", "")}) {
			t.Error("Drop reports that keys without an expiry can be replaced")
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		p := orders()
		p.AssumeRole.SessionName = "{caller}-{host}"
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
		ask := func(caller string, host int) {
			if _, err := s.Session(t.Context(), credentials.SessionRequest{Caller: caller, Host: fmt.Sprintf("h%d.example.com", host)}); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
		ask("quiet", 0)
		for i := range 100 {
			ask("loud", i)
		}
		if all, borne := s.Entries("loud"); all != 33 || borne != 32 {
			t.Errorf("%d entries, %d of the loud caller; want 33 and 32", all, borne)
		}
		calls := fake.count()
		ask("quiet", 0)
		ask("loud", 99)
		ask("loud", 68)
		if fake.count() != calls {
			t.Errorf("%d more calls, want none: these were the latest used", fake.count()-calls)
		}
		for i := range 300 {
			ask(fmt.Sprint("caller", i), 0)
		}
		if all, _ := s.Entries(""); all != 256 {
			t.Errorf("%d entries, want 256", all)
		}
	})
}

func TestFetchesAreLimitedOverAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{perCaller()}, Transport: fake})
		var wg sync.WaitGroup
		var busy atomic.Int32
		start := time.Now()
		for i := range 100 {
			wg.Go(func() {
				if _, err := s.Session(t.Context(), as(fmt.Sprint(i))); err != nil {
					if !errors.Is(err, credentials.ErrUnavailable) {
						t.Error(err)
					}
					busy.Add(1)
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		// The 25th turn after the burst comes just when the waiting time ends: it may be too late.
		if n := fake.count(); n > 20+int(took/time.Second+1)*5 || n < 34 || int(busy.Load()) != 100-n {
			t.Errorf(
				"%d calls in %v and %d told to come again, want a burst, half of it for what callers share, and 5 a second", n, took,
				busy.Load(),
			)
		}
	})
}

func TestFallbackRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		var seen []string
		ill := map[string]bool{"sts.eu-west-1.amazonaws.com": true}
		fake.response = func(c call) (*http.Response, error) {
			seen = append(seen, c.host)
			if ill[c.host] {
				<-c.ctx.Done() // hangs
				return nil, errors.New("gone")
			}
			return nil, nil
		}
		p := orders()
		p.FallbackRegions = []string{"eu-central-1"}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
		start := time.Now()
		get(t, s, "")
		if len(seen) != 3 || seen[2] != "sts.eu-central-1.amazonaws.com" || time.Since(start) > 10*time.Second {
			t.Errorf("called %q in %v, want the first region twice, then the other, within 10 seconds", seen, time.Since(start))
		}
		s.Invalidate("orders")
		seen = nil
		get(t, s, "")
		if len(seen) != 1 || seen[0] != "sts.eu-central-1.amazonaws.com" {
			t.Errorf("called %q, want the region that worked first for a minute", seen)
		}
		time.Sleep(2 * time.Minute)
		s.Invalidate("orders")
		ill, seen = nil, nil
		get(t, s, "")
		if len(seen) != 1 || seen[0] != "sts.eu-west-1.amazonaws.com" {
			t.Errorf("called %q, want the first region again", seen)
		}
	})
}

func TestDisabledRegionFallsBack(t *testing.T) {
	fake := newFake(time.Now)
	fake.response = func(c call) (*http.Response, error) {
		if c.host == "sts.eu-south-1.amazonaws.com" {
			return fake.refuse(403, "RegionDisabledException"), nil
		}
		return nil, nil
	}
	p := orders()
	p.Region, p.FallbackRegions = "eu-south-1", []string{"eu-west-1"}
	s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
	get(t, s, "")
	if fake.count() != 2 {
		t.Errorf("%d calls, want 2", fake.count())
	}
}

func TestPanicsAreCaught(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(call) (*http.Response, error) { panic("a secret: " + exampleSecret) }
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err == nil ||
			err.Error() != "session source unavailable: panic (string)" {
			t.Errorf("Session() = %v, want only the panic's type", err)
		}
		fake.response = nil
		time.Sleep(15 * time.Second)
		get(t, s, "")
	})
}

func TestClosedStoreRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(c call) (*http.Response, error) { <-c.ctx.Done(); return nil, errors.New("gone") }
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		done := make(chan error)
		go func() { _, err := s.Session(t.Context(), credentials.SessionRequest{}); done <- err }()
		time.Sleep(time.Second)
		start := time.Now()
		s.Close()
		if err := <-done; err == nil || time.Since(start) > time.Second {
			t.Errorf("Session() = %v, %v after Close", err, time.Since(start))
		}
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrUnavailable) {
			t.Errorf("Session() = %v after Close, want ErrUnavailable", err)
		}
	})
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		if !s.Ready() {
			t.Error("not ready before the first try")
		}
		get(t, s, "")
		fake.response = func(call) (*http.Response, error) { return fake.refuse(503, "ServiceUnavailable"), nil }
		time.Sleep(50 * time.Minute)
		if get(t, s, ""); !s.Ready() {
			t.Error("not ready while the session lasts")
		}
		time.Sleep(20 * time.Minute)
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err == nil || s.Ready() {
			t.Errorf("ready with no session and STS down (%v)", err)
		}
	})
}

func TestReadiness_RecoversWithoutRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		var up atomic.Bool
		fake.response = func(call) (*http.Response, error) {
			if up.Load() {
				return nil, nil // as STS does
			}
			return nil, errors.New("no route")
		}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err == nil || s.Ready() {
			t.Fatalf("ready with no session and STS down (%v)", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		before := fake.count()
		for range 100 {
			s.Ready()
		}
		synctest.Wait()
		if n := fake.count() - before; n < 1 || n > 3 {
			t.Errorf("%d calls of STS for 100 questions at once, want those of one fetch", n)
		}
		up.Store(true)
		for range 20 { // as kubelet asks
			if time.Sleep(5 * time.Second); s.Ready() {
				return
			}
		}
		t.Error("not ready 100 s after STS came back")
	})
}

func TestReadiness_RefusalsCountAsReady(t *testing.T) {
	for _, code := range []string{"AccessDenied", "MalformedPolicyDocument"} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFake(time.Now)
			fake.response = func(call) (*http.Response, error) { return fake.refuse(403, code), nil }
			s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
			if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err == nil || !s.Ready() {
				t.Errorf("%s: not ready, so that callers would not see it (%v)", code, err)
			}
		})
	}
}

func TestReadiness_OneProfileOfTwoIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(call) (*http.Response, error) { return nil, errors.New("no route") }
		other := orders()
		other.Name = "other"
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders(), other}, Transport: fake})
		if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "other"}); err == nil || !s.Ready() {
			t.Errorf("not ready because one profile fails (%v)", err)
		}
	})
}

func TestSessionsDoNotPrintTheirSecrets(t *testing.T) {
	s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: newFake(time.Now)})
	got := get(t, s, "")
	if got.Credentials.SecretAccessKey() != exampleSecret {
		t.Fatal("no secret to look for")
	}
	for _, text := range []string{
		fmt.Sprintf("%+v", got), fmt.Sprintf("%#v", got), fmt.Sprintf("%v", []any{&got}), fmt.Sprintf("%+v", orders()),
	} {
		if contains(text, exampleSecret, "token-1") {
			t.Errorf("%s", text)
		}
	}
}
