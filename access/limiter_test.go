package access_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

const limiterWait = 2 * time.Second

// limiterTest runs a test in virtual time with a limiter of capacity ten.
func limiterTest(t *testing.T, queue int, test func(*testing.T, *access.Limiter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, must(access.NewLimiter(10, queue, limiterWait))) })
}

type revoker func()

func (r revoker) Revoke() { r() }

// later acquires in the background and returns a channel for the result.
func later(l *access.Limiter, caller string, weight int64) <-chan error {
	done := make(chan error, 1)
	go func() {
		hold, err := l.Acquire(context.Background(), caller, weight, false)
		if err == nil {
			hold.Release()
		}
		done <- err
	}()
	synctest.Wait()
	return done
}

func isBusy(err error) bool {
	var busy *access.BusyError
	return errors.As(err, &busy) && busy.RetryAfter == limiterWait
}

func TestLimiter_OneCallerMayUseAllOfIt(t *testing.T) {
	limiterTest(t, 1, func(t *testing.T, l *access.Limiter) {
		seven, three := must(l.Acquire(t.Context(), "a", 7, true)), must(l.Acquire(t.Context(), "a", 3, true))
		begun := time.Now()
		if _, err := l.Acquire(t.Context(), "a", 1, false); !isBusy(err) || time.Since(begun) != limiterWait {
			t.Errorf("one more: %v after %v, want busy after %v", err, time.Since(begun), limiterWait)
		}
		waiting := later(l, "a", 5)
		begun = time.Now()
		if _, err := l.Acquire(t.Context(), "a", 1, false); !isBusy(err) || time.Since(begun) != 0 {
			t.Errorf("with a full queue: %v after %v, want busy at once", err, time.Since(begun))
		}
		seven.Release()
		if err := <-waiting; err != nil {
			t.Errorf("after the weight was released: %v", err)
		}
		three.Release()
		must(l.Acquire(t.Context(), "a", 1000, false)).Release() // a weight above the capacity is admitted alone
	})
}

func TestLimiter_RevokesUploadsAboveTheFairShare(t *testing.T) {
	limiterTest(t, 10, func(t *testing.T, l *access.Limiter) {
		var uploads []*access.Hold
		for range 10 {
			uploads = append(uploads, must(l.Acquire(t.Context(), "greedy", 1, true)))
		}
		other := later(l, "other", 2)
		for i, h := range uploads {
			select {
			case <-h.Revoked():
				if i < 8 {
					t.Errorf("upload %d of ten was revoked, want the newest two", i)
				}
				if h.Settle(1) {
					t.Error("Settle succeeds on a revoked upload")
				}
				h.Release()
			default:
				if i >= 8 {
					t.Errorf("upload %d was not revoked", i)
				}
			}
		}
		if err := <-other; err != nil {
			t.Errorf("the other caller: %v", err)
		}
		if !uploads[0].Settle(1) {
			t.Error("Settle fails on an upload that was not revoked")
		}
	})
}

func TestLimiter_RevokesNothingWithinAShare(t *testing.T) {
	limiterTest(t, 10, func(t *testing.T, l *access.Limiter) {
		a, b := must(l.Acquire(t.Context(), "a", 5, true)), must(l.Acquire(t.Context(), "b", 5, true))
		if err := <-later(l, "a", 1); !isBusy(err) {
			t.Errorf("beyond its share: %v, want busy", err)
		}
		settled := must(access.NewLimiter(1, 1, limiterWait))
		hold := must(settled.Acquire(t.Context(), "a", 1, true))
		if !hold.Settle(1) {
			t.Error("Settle failed")
		}
		if err := <-later(settled, "b", 1); !isBusy(err) {
			t.Errorf("next to a settled hold: %v, want busy", err)
		}
		for _, h := range []*access.Hold{a, b, hold} {
			select {
			case <-h.Revoked():
				t.Error("a hold was revoked")
			default:
			}
		}
	})
}

func TestLimiter_ServesTheNeediestFirst(t *testing.T) {
	limiterTest(t, 10, func(t *testing.T, l *access.Limiter) {
		hold := must(l.Acquire(t.Context(), "greedy", 10, false))
		var mu sync.Mutex
		var done sync.WaitGroup
		var order []string
		for _, caller := range []string{"greedy", "greedy", "greedy", "other"} {
			done.Go(func() {
				h, err := l.Acquire(context.Background(), caller, 10, false)
				if err != nil {
					t.Errorf("%s: %v", caller, err)
					return
				}
				mu.Lock()
				order = append(order, caller)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				h.Release()
			})
			synctest.Wait()
		}
		hold.Release()
		done.Wait()
		if fmt.Sprint(order) != "[greedy greedy greedy other]" { // nobody holds anything by then: in the order of the queue
			t.Errorf("order %v", order)
		}
		greedy := must(l.Acquire(t.Context(), "greedy", 5, false))
		full := must(l.Acquire(t.Context(), "third", 5, false))
		first, second := later(l, "greedy", 5), later(l, "other", 5)
		full.Release()
		if err := <-second; err != nil {
			t.Errorf("the caller that uses less: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the caller that uses more, afterwards: %v", err)
		}
		greedy.Release()
	})
}

func TestLimiter_SharesItsQueueFairly(t *testing.T) {
	limiterTest(t, 4, func(t *testing.T, l *access.Limiter) {
		hold := must(l.Acquire(t.Context(), "greedy", 10, false))
		var greedy []<-chan error
		for range 4 {
			greedy = append(greedy, later(l, "greedy", 1))
		}
		other := later(l, "other", 1)
		if err := <-greedy[3]; !isBusy(err) {
			t.Errorf("the last of the caller that fills the queue: %v, want busy", err)
		}
		hold.Release()
		if err := <-other; err != nil {
			t.Errorf("the other caller: %v", err)
		}
		for _, done := range greedy[:3] {
			if err := <-done; err != nil {
				t.Errorf("the rest: %v", err)
			}
		}
	})
}

func TestLimiter_ForgetsCallersWhoLeft(t *testing.T) {
	limiterTest(t, 4, func(t *testing.T, l *access.Limiter) {
		hold := must(l.Acquire(t.Context(), "a", 10, false))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Acquire(ctx, "b", 1, false); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that has ended: %v", err)
		}
		hold.Release()
		must(l.Acquire(t.Context(), "c", 10, false)).Release()
	})
	if _, err := access.NewLimiter(0, -1, -1); err == nil {
		t.Error("no capacity: accepted")
	}
}

// Many callers come and go at random. The limiter never exceeds its capacity, and at the end nothing is in use.
func TestLimiter_InTheLongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := must(access.NewLimiter(20, 8, limiterWait))
		var mu sync.Mutex
		var inUse int64
		add := func(n int64) {
			mu.Lock()
			defer mu.Unlock()
			if inUse += n; inUse > 20 || inUse < 0 {
				t.Errorf("%d of 20 in use", inUse)
			}
		}
		var done sync.WaitGroup
		served := make([]int, 5)
		for worker := range 100 {
			done.Go(func() {
				r := rand.New(rand.NewPCG(uint64(worker), 15))
				for range 50 {
					weight, revocable := 1+r.Int64N(12), r.IntN(2) == 0
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(3000))*time.Millisecond)
					h, err := l.Acquire(ctx, fmt.Sprint(worker%5), weight, revocable)
					cancel()
					if err != nil {
						time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
						continue
					}
					add(weight)
					select {
					case <-h.Revoked():
					case <-time.After(time.Duration(r.IntN(50)) * time.Millisecond):
						if settled := max(1, weight-r.Int64N(3)); revocable {
							add(settled - weight)
							if h.Settle(settled) {
								weight = settled
							} else { // revoked at this moment, so the whole weight counts until the release
								add(-settled)
								weight = 0
							}
						}
					}
					mu.Lock()
					served[worker%5]++
					mu.Unlock()
					add(-weight)
					h.Release()
				}
			})
		}
		done.Wait()
		if inUse != 0 {
			t.Errorf("%d in use after all have left", inUse)
		}
		must(l.Acquire(t.Context(), "last", 20, false)).Release()
		for caller, n := range served {
			if n == 0 {
				t.Errorf("caller %d was never served", caller)
			}
		}
	})
}

// A request whose response is being written offers its hold. Others get the capacity, that of the oldest offer first,
// and each owner is notified once.
func TestLimiter_RevokesOfferedHolds(t *testing.T) {
	limiterTest(t, 10, func(t *testing.T, l *access.Limiter) {
		holds := make([]*access.Hold, 10)
		for i := range holds {
			holds[i] = must(l.Acquire(t.Context(), "greedy", 1, i == 9))
		}
		if !holds[9].Settle(1) {
			t.Fatal("Settle failed")
		}
		if err := <-later(l, "other", 1); !isBusy(err) {
			t.Fatalf("before anything is offered: %v, want busy", err)
		}
		other := later(l, "other", 2)
		var revoked []int
		for _, i := range []int{4, 9, 7, 1} {
			holds[i].Offer(revoker(func() { revoked = append(revoked, i); holds[i].Release() }))
			synctest.Wait()
		}
		if err := <-other; err != nil {
			t.Errorf("the other caller: %v", err)
		}
		if fmt.Sprint(revoked) != "[4 9]" {
			t.Errorf("revoked %v, want the two oldest offers", revoked)
		}
		holds[7].Release()
		if err := <-later(l, "greedy", 3); err != nil {
			t.Errorf("its own caller: %v", err)
		}
	})
}

// If many requests of one caller wait, capacity is revoked for all of them together, not for one after the other.
func TestLimiter_RevokesForAllWaitersTogether(t *testing.T) {
	limiterTest(t, 10, func(t *testing.T, l *access.Limiter) {
		for range 10 {
			h := must(l.Acquire(t.Context(), "greedy", 1, false))
			h.Offer(revoker(func() { time.Sleep(time.Second); h.Release() }))
		}
		begun := time.Now()
		var waiting []<-chan error
		for range 5 {
			waiting = append(waiting, later(l, "other", 1))
		}
		for _, w := range waiting {
			if err := <-w; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("five are admitted after %v, want the second that one takes", took)
		}
	})
}

// AcquireAtOnce succeeds only if there is free capacity and nobody is waiting for it.
func TestLimiter_AcquireAtOnceOvertakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := access.NewLimiter(2, 1, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		first := l.AcquireAtOnce("a", 1, false)
		if first == nil || l.AcquireAtOnce("b", 2, false) != nil {
			t.Fatal("the first was not admitted, or the second was")
		}
		var waited sync.WaitGroup
		waited.Go(func() {
			if h, err := l.Acquire(t.Context(), "b", 2, false); err == nil {
				h.Release()
			}
		})
		synctest.Wait()
		if l.AcquireAtOnce("c", 1, false) != nil {
			t.Error("a newcomer overtakes a waiter")
		}
		first.Release()
		waited.Wait()
		if now := l.Status(); now.InUse != 0 || now.Waiting != 0 {
			t.Errorf("left: %+v", now)
		}
		if h := l.AcquireAtOnce("c", 2, true); h == nil || !h.Settle(1) || l.Status().InUse != 1 {
			t.Errorf("%+v", l.Status())
		}
	})
}
