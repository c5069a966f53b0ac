package access_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

func TestRateLimitsEachCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := must(access.NewRate(access.RateOptions{PerSecond: 2, Burst: 3, Now: time.Now}))
		allowed := func(caller string) bool { _, ok := r.Allow(caller); return ok }
		for n := range 3 {
			if !allowed("a") {
				t.Fatalf("request %d of the burst: refused", n)
			}
		}
		wait, ok := r.Allow("a")
		if ok || wait != 500*time.Millisecond {
			t.Errorf("after the burst: %v, %v, want half a second", wait, ok)
		}
		if !allowed("b") {
			t.Error("another caller: refused")
		}
		for range 100 {
			allowed("a") // refused requests cost nothing
		}
		time.Sleep(wait - time.Nanosecond)
		if allowed("a") {
			t.Error("just before the announced time: allowed")
		}
		time.Sleep(time.Nanosecond)
		if !allowed("a") {
			t.Error("at the announced time: refused")
		}
	})
}

func TestRateRemembersLimitedCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := must(access.NewRate(access.RateOptions{PerSecond: 1, Burst: 1, Callers: 10, Now: time.Now}))
		for n := range 1000 {
			if _, ok := r.Allow(fmt.Sprint(n)); !ok {
				t.Fatalf("caller %d: refused", n)
			}
		}
		r.Allow("last")
		if _, ok := r.Allow("last"); ok {
			t.Error("forgotten at once")
		}
	})
	_, err := access.NewRate(access.RateOptions{PerSecond: 0.5, Callers: -1})
	for _, want := range []string{"rate.per_second:", "rate.burst:", "rate.callers:", "clock"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("faults lack %q: %v", want, err)
		}
	}
}

func TestRate_SetAppliesToKnownCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := must(access.NewRate(access.RateOptions{PerSecond: 1, Burst: 4, Now: time.Now}))
		count := func(caller string) (n int) {
			for {
				if _, ok := r.Allow(caller); !ok {
					return n
				}
				n++
			}
		}
		if n := count("a"); n != 4 {
			t.Fatalf("%d at once", n)
		}
		if err := r.Set(10, 20); err != nil {
			t.Fatal(err)
		}
		if n := count("a"); n != 0 {
			t.Errorf("an empty bucket has %d requests again", n)
		}
		time.Sleep(time.Second)
		if a, b := count("a"), count("b"); a != 10 || b != 20 {
			t.Errorf("after a second %d and, of a newcomer, %d; want 10 and 20", a, b)
		}
		if err := r.Set(0, 0); err == nil {
			t.Error("a rate of zero is accepted")
		}
	})
}
