package credentials_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
)

func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// clocks holds three clocks: AWS's, which is synctest's; ours, which may be wrong and may be set; and the time elapsed,
// which stands still while the machine sleeps.
type clocks struct {
	start time.Time
	off   atomic.Int64 // how far ours is ahead of AWS's
	slept atomic.Int64
}

func newClocks(off time.Duration) *clocks {
	c := &clocks{start: time.Now()}
	c.off.Store(int64(off))
	return c
}

func (c *clocks) now() time.Time { return time.Now().Round(0).Add(time.Duration(c.off.Load())) }

func (c *clocks) elapsed() time.Duration { return time.Since(c.start) - time.Duration(c.slept.Load()) }

func openWith(t *testing.T, c *clocks, fake *fakeSTS) *credentials.Store {
	s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake, Now: c.now})
	s.SetElapsed(c.elapsed)
	return s
}

func TestSkewIsLearntFromSTS(t *testing.T) {
	tests := []struct {
		name string
		off  time.Duration // ours ahead
		want time.Duration // the session's Skew; 0: no correction
		err  error
	}{
		{"right", 0, 0, nil},
		{"20 seconds fast", 20 * time.Second, 0, nil},
		{"6 minutes fast", 6 * time.Minute, -6 * time.Minute, nil},
		{"14 minutes slow", -14 * time.Minute, 14 * time.Minute, nil},
		{"20 minutes slow", -20 * time.Minute, 0, credentials.ErrClockSkew},
		{"20 minutes fast", 20 * time.Minute, 0, credentials.ErrClockSkew},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				// Like the real one, STS refuses signatures that are more than 5 minutes off.
				fake.response = func(c call) (*http.Response, error) {
					signed, err := time.Parse("20060102T150405Z", c.header.Get("X-Amz-Date"))
					if d := time.Since(signed); err != nil || d > 5*time.Minute || d < -5*time.Minute {
						return fake.refuse(403, "SignatureDoesNotMatch"), nil
					}
					return nil, nil
				}
				s := openWith(t, newClocks(test.off), fake)
				got, err := s.Session(t.Context(), credentials.SessionRequest{})
				if !errors.Is(err, test.err) {
					t.Fatalf("Session() = %v, want %v", err, test.err)
				}
				if d := got.Skew - test.want; d < -2*time.Second || d > 2*time.Second {
					t.Errorf("skew %v, want %v", got.Skew, test.want)
				}
				if err == nil && !got.Expires.Equal(time.Now().Add(time.Hour).Truncate(time.Second)) {
					t.Errorf("until %v, want an hour by AWS's clock", got.Expires)
				}
			})
		})
	}
}

func TestSkewIsReportedAndHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		c := newClocks(20 * time.Minute)
		var skews []time.Duration
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{orders()}, Transport: fake, Now: c.now,
			Log: func(e credentials.Event) {
				if e.Kind == credentials.EventSkew {
					skews = append(skews, e.Skew)
				}
			},
		})
		s.SetElapsed(c.elapsed)
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrClockSkew) {
			t.Fatalf("Session() = %v, want ErrClockSkew", err)
		}
		c.off.Store(0) // the clock was set
		time.Sleep(20 * time.Second)
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err != nil {
			t.Errorf("Session() = %v after the clock was set", err)
		}
		if len(skews) != 1 || skews[0] != -20*time.Minute {
			t.Errorf("reported %v, want -20m once", skews)
		}
	})
}

func TestSkewIsNotLearntFromUnreliableResponses(t *testing.T) {
	tests := []struct {
		name string
		edit func(*http.Response)
	}{
		{"no Date", func(r *http.Response) { r.Header.Del("Date") }},
		{"not a date", func(r *http.Response) { r.Header.Set("Date", "yesterday") }},
		{"out of a cache", func(r *http.Response) { r.Header.Set("Age", "1200") }},
		{"slow", func(*http.Response) { time.Sleep(2500 * time.Millisecond) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				fake.response = func(c call) (*http.Response, error) {
					resp := fake.issue(c)
					resp.Header.Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
					test.edit(resp)
					return resp, nil
				}
				s := openWith(t, newClocks(0), fake)
				if got := get(t, s, ""); got.Skew != 0 {
					t.Errorf("skew %v learnt, want none", got.Skew)
				}
			})
		})
	}
}

// However the clocks jump, a session that is served has not expired by AWS's clock, and signatures made with it are not
// 15 minutes off, as long as STS can be reached.
func TestClockJumps(t *testing.T) {
	jumps := []time.Duration{
		time.Second, -time.Second, 29 * time.Second, -29 * time.Second, time.Minute, -time.Minute, 6 * time.Minute, -6 * time.Minute,
		14 * time.Minute, -14 * time.Minute, 59 * time.Minute, -59 * time.Minute, 24 * time.Hour, -24 * time.Hour,
	}
	for _, sleep := range []bool{false, true} {
		for _, jump := range jumps {
			ages := []time.Duration{59 * time.Minute, 2 * time.Hour}
			if !testing.Short() {
				ages = append(ages, time.Minute, 30*time.Minute)
			}
			for _, age := range ages {
				name := jump.String() + " after " + age.String()
				if sleep {
					if jump < 0 {
						continue
					}
					name = "asleep for " + name
				}
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := newClocks(0)
						fake := newFake(time.Now)
						s := openWith(t, c, fake)
						get(t, s, "")
						time.Sleep(age)
						if sleep {
							time.Sleep(jump) // while the process was suspended
							c.slept.Add(int64(jump))
						} else {
							c.off.Add(int64(jump))
						}
						for range 100 {
							got, err := s.Session(t.Context(), credentials.SessionRequest{})
							if err == nil {
								checkUsable(t, got, c)
							} else if !errors.Is(err, credentials.ErrClockSkew) {
								t.Fatalf("Session() = %v", err)
							}
							time.Sleep(50 * time.Second)
						}
					})
				})
			}
		}
	}
}

// checkUsable checks that the session is valid by AWS's clock, and that signatures made with it by our corrected clock
// are in time.
func checkUsable(t *testing.T, got credentials.Session, c *clocks) {
	t.Helper()
	if left := time.Until(got.Expires); left <= 0 {
		t.Fatalf("served %v after its end", -left)
	}
	if d := time.Since(c.now().Add(got.Skew)); d > 32*time.Second || d < -32*time.Second {
		t.Fatalf("signatures would be %v off", d)
	}
}

// While STS cannot be reached, the same is true for expiry; the clock can then be as wrong as it was set, up to 15
// minutes.
func TestClockJumpsWithoutSTS(t *testing.T) {
	for _, sleep := range []bool{false, true} {
		for _, jump := range []time.Duration{
			10 * time.Minute, -10 * time.Minute, 20 * time.Minute, -20 * time.Minute, 24 * time.Hour, -24 * time.Hour,
		} {
			if sleep && jump < 0 {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				c := newClocks(0)
				fake := newFake(time.Now)
				s := openWith(t, c, fake)
				get(t, s, "")
				time.Sleep(20 * time.Minute)
				fake.response = func(call) (*http.Response, error) { return fake.refuse(503, "ServiceUnavailable"), nil }
				if sleep {
					time.Sleep(jump)
					c.slept.Add(int64(jump))
				} else {
					c.off.Add(int64(jump))
				}
				for range 100 {
					got, err := s.Session(t.Context(), credentials.SessionRequest{})
					if err != nil {
						time.Sleep(40 * time.Second)
						continue
					}
					if left := time.Until(got.Expires); left <= 0 {
						t.Fatalf("jump %v, asleep %t: served %v after its end", jump, sleep, -left)
					}
					if d := time.Since(c.now().Add(got.Skew)); d > 15*time.Minute || d < -15*time.Minute {
						t.Fatalf("jump %v, asleep %t: signatures would be %v off", jump, sleep, d)
					}
					time.Sleep(40 * time.Second)
				}
			})
		}
	}
}
