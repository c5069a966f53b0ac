package access_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

func TestRateHoldsEachCallerToItsShare(t *testing.T) {
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
			allowed("a") // what is refused costs nothing
		}
		time.Sleep(wait - time.Nanosecond)
		if allowed("a") {
			t.Error("just before the time that was told: allowed")
		}
		time.Sleep(time.Nanosecond)
		if !allowed("a") {
			t.Error("at the time that was told: refused")
		}
	})
}

func TestRateRemembersABoundedNumberOfCallers(t *testing.T) {
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

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := must(access.NewGate(10, 1, 2*time.Second))
		var busy *access.BusyError
		leave, err := g.Enter(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		small, err := g.Enter(t.Context(), 3)
		if err != nil {
			t.Fatal("what fits exactly:", err)
		}
		begin := time.Now()
		if _, err := g.Enter(t.Context(), 1); !errors.As(err, &busy) || busy.RetryAfter != 2*time.Second || time.Since(begin) != 2*time.Second {
			t.Errorf("full: got %v after %v, want a refusal after 2s", err, time.Since(begin))
		}
		var queued sync.WaitGroup
		queued.Go(func() {
			inside, err := g.Enter(t.Context(), 5)
			if err != nil {
				t.Errorf("queued: %v", err)
				return
			}
			inside()
		})
		synctest.Wait()
		begin = time.Now()
		if _, err := g.Enter(t.Context(), 1); !errors.As(err, &busy) || time.Since(begin) != 0 {
			t.Errorf("queue is full: got %v after %v, want a refusal at once", err, time.Since(begin))
		}
		leave()
		queued.Wait()
		small()
		all, err := g.Enter(t.Context(), 1000)
		if err != nil {
			t.Fatal("what is larger than the gate goes alone:", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.Enter(gone, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("request is gone: got %v", err)
		}
		all()
	})
	if _, err := access.NewGate(0, -1, -1); err == nil {
		t.Error("no capacity: accepted")
	}
}
