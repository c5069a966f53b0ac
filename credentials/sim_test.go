package credentials_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
)

// seeds is how many runs of 3.66 virtual days TestSimulation makes: 1000 are ten years.
var seeds = flag.Int("seeds", 3, "seeds of the simulation; 1000 is the full run")

// faultKinds are the failures of STS, or of a proxy in front of it.
var faultKinds = []string{
	"refused", "reset", "hang", "trickle", "500", "503", "throttled", "429", "empty", "html", "expired", "year 9999", "300 MB", "panic",
}

// fault responds to a call as the kind says. It returns nil for a kind that needs a socket.
func (f *fakeSTS) fault(kind string, c call) (*http.Response, error) {
	ctx := c.ctx.(context.Context)
	switch kind {
	case "refused":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case "reset":
		time.Sleep(50 * time.Millisecond)
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	case "trickle":
		resp := f.xml(200, "")
		resp.Body = io.NopCloser(&slowBody{ctx})
		return resp, nil
	case "500":
		return f.refuse(500, "InternalFailure"), nil
	case "503":
		return f.refuse(503, "ServiceUnavailable"), nil
	case "throttled":
		return f.refuse(400, "Throttling"), nil
	case "429":
		return f.refuse(429, "SomethingNew"), nil
	case "empty":
		return f.xml(200, ""), nil
	case "html":
		return f.xml(200, "<html><body>Please log in to the network</body></html>"), nil
	case "expired":
		return f.xml(200, issuedXML(c.form.Get("Action"), "ASIASANDBOXEXPIRED00", "s", "t", time.Now().Add(-time.Second))), nil
	case "year 9999":
		return f.xml(200, issuedXML(c.form.Get("Action"), "ASIASANDBOXYEAR99990", "s", "t", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))), nil
	case "300 MB":
		resp := f.xml(200, "")
		resp.Body = io.NopCloser(io.LimitReader(zeros{}, 300<<20))
		return resp, nil
	case "panic":
		panic("in the transport")
	}
	return nil, fmt.Errorf("no kind %q", kind)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// slowBody yields a byte every half second, without end.
type slowBody struct{ ctx context.Context }

func (b *slowBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(500 * time.Millisecond):
		p[0] = ' '
		return 1, nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

// outage is a period in which STS fails.
type outage struct {
	from, to time.Time
	kind     string // empty: a different one for each call
}

// world is the simulation of one seed.
type world struct {
	*fakeSTS
	random  *rand.Rand
	outages []outage

	mu      sync.Mutex
	flying  map[string]int // calls under way, by session
	ends    map[string]time.Time
	figures figures
}

type figures struct {
	seeds, requests, failed, failedShort, expired, calls, issued, faults, overlaps, outages int
	virtual, dark                                                                           time.Duration
	longest                                                                                 time.Duration // a request waited
}

func (f *figures) add(g figures) {
	f.seeds += g.seeds
	f.requests += g.requests
	f.failed += g.failed
	f.failedShort += g.failedShort
	f.expired += g.expired
	f.calls += g.calls
	f.issued += g.issued
	f.faults += g.faults
	f.overlaps += g.overlaps
	f.outages += g.outages
	f.virtual += g.virtual
	f.dark += g.dark
	f.longest = max(f.longest, g.longest)
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	c := call{ctx: r.Context()}
	c.form, _ = url.ParseQuery(string(body))
	key := c.form.Get("RoleSessionName")
	w.mu.Lock()
	w.figures.calls++
	c.number = w.figures.calls
	if w.flying[key]++; w.flying[key] > 1 {
		w.figures.overlaps++
	}
	kind := w.weather()
	w.mu.Unlock()
	defer func() { w.mu.Lock(); w.flying[key]--; w.mu.Unlock() }()
	if kind != "" {
		w.mu.Lock()
		w.figures.faults++
		w.mu.Unlock()
		return w.fault(kind, c)
	}
	time.Sleep(time.Duration(20+c.number%200) * time.Millisecond)
	w.mu.Lock()
	w.figures.issued++
	w.ends[fmt.Sprintf("ASIASANDBOX%09d", c.number)] = time.Now().Add(w.lasts(c))
	w.mu.Unlock()
	return w.issue(c), nil
}

// weather returns the current fault, empty if all is well.
func (w *world) weather() string {
	for _, o := range w.outages {
		if now := time.Now(); !now.Before(o.from) && now.Before(o.to) {
			if o.kind != "" {
				return o.kind
			}
			return faultKinds[w.random.IntN(len(faultKinds))]
		}
	}
	return ""
}

// simulate runs one seed for the given time. Every other seed has only outages shorter than the advisory window minus
// one minute, and no request may fail in those.
func simulate(t *testing.T, seed uint64, span time.Duration) figures {
	var out figures
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 1))
		life := []time.Duration{15 * time.Minute, time.Hour, time.Hour, 12 * time.Hour}[random.IntN(4)]
		short := seed%2 == 0
		longest, gap := 3*time.Hour, 30*time.Hour
		if short {
			longest, gap = credentials.Advisory(life, 0)-time.Minute, 2*time.Hour
		}
		w := &world{fakeSTS: newFake(time.Now), random: rand.New(rand.NewPCG(seed, 2)), flying: map[string]int{}, ends: map[string]time.Time{}}
		start := time.Now()
		for at := start.Add(time.Minute); at.Before(start.Add(span)); {
			at = at.Add(time.Duration((0.2+random.ExpFloat64())*float64(life)) + time.Duration(random.ExpFloat64()*float64(gap)))
			lasts := random.Float64()
			if random.IntN(2) == 0 {
				lasts = 0.95 + 0.05*lasts // the longest are the hardest
			}
			o := outage{from: at, to: at.Add(time.Duration(lasts * float64(longest)))}
			if random.IntN(3) > 0 {
				o.kind = faultKinds[random.IntN(len(faultKinds))]
			}
			// Two outages with less time between them than a renewal needs count as one.
			at = o.to.Add(2 * time.Minute)
			w.outages = append(w.outages, o)
			w.figures.outages++
			w.figures.dark += o.to.Sub(o.from)
		}
		p := orders()
		p.AssumeRole.Duration = life
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: w})
		for time.Since(start) < span {
			var several sync.WaitGroup
			for range 1 + random.IntN(8)/5*2 { // three at a time, every third time or so
				several.Go(func() { w.request(t, s, short) })
			}
			several.Wait()
			time.Sleep(time.Duration(5+random.IntN(80)) * time.Second)
		}
		s.Close()
		out = w.figures
		out.seeds, out.virtual = 1, time.Since(start)
	})
	return out
}

func (w *world) request(t *testing.T, s *credentials.Store, short bool) {
	asked := time.Now()
	got, err := s.Session(t.Context(), credentials.SessionRequest{MinValidity: time.Minute})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.figures.requests++
	w.figures.longest = max(w.figures.longest, time.Since(asked))
	end, issued := w.ends[got.Credentials.AccessKeyID]
	var e *credentials.Error
	switch {
	case err != nil && !errors.As(err, &e):
		t.Errorf("Session() = %v, which has no class", err)
	case err != nil:
		w.figures.failed++
		if short {
			w.figures.failedShort++
		}
	case !issued || !time.Now().Before(end):
		w.figures.expired++
	}
}

// The promises of the cache: no expired session is served, no request fails in an outage shorter than the advisory
// window minus one minute, only one call at a time is under way for a session, and STS is called rarely.
func TestSimulation(t *testing.T) {
	const span = 3660 * 24 * time.Hour / 1000
	var all figures
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan uint64)
	for range 2 {
		wg.Go(func() {
			for seed := range next {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					f := simulate(t, seed, span)
					mu.Lock()
					defer mu.Unlock()
					all.add(f)
				})
			}
		})
	}
	for seed := range *seeds {
		next <- uint64(seed)
	}
	close(next)
	wg.Wait()
	budget := 2*all.issued + int(3*all.dark/time.Minute) + 3*all.outages
	t.Logf("%d seeds, %.2f virtual years, %d requests; %d outages of %v in all, %d faults in %d calls to STS for %d sessions (bound %d)",
		all.seeds, all.virtual.Hours()/24/365.25, all.requests, all.outages, all.dark.Round(time.Hour), all.faults, all.calls, all.issued, budget)
	t.Logf("served after their end: %d; failed in short outages: %d; failed in long ones: %d (%.2f %%); overlapping calls: %d; "+
		"longest wait: %v",
		all.expired, all.failedShort, all.failed-all.failedShort, 100*float64(all.failed)/float64(all.requests), all.overlaps, all.longest)
	if all.expired != 0 || all.failedShort != 0 || all.overlaps != 0 {
		t.Error("the promise is broken")
	}
	if all.calls > budget {
		t.Errorf("%d calls to STS, want at most %d", all.calls, budget)
	}
	if all.longest > 15*time.Second {
		t.Errorf("a request waited %v, want at most 15s", all.longest)
	}
	if all.seeds != *seeds || all.virtual < time.Duration(*seeds)*span || all.faults < 100**seeds || all.failed == 0 {
		t.Errorf("the simulation did not happen: %+v", all)
	}
}
