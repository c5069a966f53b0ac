package credentials_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"countersign/credentials"
)

var fleets = flag.Bool("fleets", false, "simulate fleets of all sizes, and print the table of docs/operations.md")

const (
	stsQuota = 600              // calls a second that STS accepts per account and region
	askEvery = 30 * time.Second // average interval at which each caller requests each profile from each instance
	// simulatedSessions limits the number of simulated sessions. For a larger fleet only some instances are simulated,
	// with their part of the quota: STS is the only thing that instances share.
	simulatedSessions = 2_000
)

// fleet describes a number of instances with the same profiles, all using one STS.
type fleet struct {
	instances, profiles int
	callers             int // each with its own sessions; 0: all share the profiles' sessions
	life                time.Duration
}

func (f fleet) sessions() int { return f.profiles * max(f.callers, 1) }

// fleetFigures are the results for a whole fleet.
type fleetFigures struct {
	warm         time.Duration // from the simultaneous start of all instances until every session was there
	starting     asked         // until then
	rush         float64       // calls a second until then, maximum over ten seconds
	steady, most float64       // calls a second in the two hours after that: the mean, and the maximum over ten seconds
	steadily     asked
	away         asked   // while STS was unreachable for ten minutes, and in the ten minutes after that
	rolling      asked   // while instances were replaced one by one
	memory       float64 // MiB used by an instance's sessions and profiles
}

// asked counts requests for sessions.
type asked struct{ all, refused int64 }

func (a asked) since(b asked) asked { return asked{a.all - b.all, a.refused - b.refused} }

func (a asked) String() string {
	if a.refused == 0 {
		return "0"
	}
	return fmt.Sprintf("%.2g %%", 100*float64(a.refused)/float64(a.all))
}

// fleetWorld is the simulated part of a fleet, and STS.
type fleetWorld struct {
	fleet
	*fakeSTS
	part         int // one in how many instances is simulated
	quota        *rate.Limiter
	away         atomic.Bool
	number       atomic.Int64
	all, refused atomic.Int64
	instances    []*fleetInstance
	begun        time.Time
	calls        []atomic.Int64 // for each ten seconds since the start
}

// fleetInstance is an instance in the fleet, in which one process follows another.
type fleetInstance struct {
	store atomic.Pointer[credentials.Store]
	cold  atomic.Int64 // sessions that are not there yet
}

func newFleetWorld(f fleet) *fleetWorld {
	w := &fleetWorld{fleet: f, fakeSTS: newFake(time.Now), part: max(1, min(f.instances, simulatedSessions/f.sessions()))}
	w.quota = rate.NewLimiter(0, 0)
	w.setQuota(w.share())
	w.begun, w.calls = time.Now(), make([]atomic.Int64, 24*360)
	return w
}

// share is the part of the quota that the simulated instances have if all instances take the same.
func (w *fleetWorld) share() float64 { return stsQuota * float64(w.part) / float64(w.fleet.instances) }

func (w *fleetWorld) setQuota(perSecond float64) {
	w.quota.SetBurst(max(1, int(perSecond)))
	w.quota.SetLimit(rate.Limit(perSecond))
}

func (w *fleetWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c := call{ctx: r.Context(), number: int(w.number.Add(1))}
	if c.form, err = url.ParseQuery(string(body)); err != nil {
		return nil, err
	}
	w.calls[time.Since(w.begun)/(10*time.Second)].Add(1)
	time.Sleep(50*time.Millisecond + rand.N(100*time.Millisecond))
	switch {
	case w.away.Load():
		return nil, syscall.ECONNREFUSED
	case !w.quota.AllowN(time.Now(), 1):
		return w.refuse(400, "Throttling"), nil
	}
	return w.issue(c), nil
}

func (w *fleetWorld) open() *credentials.Store {
	o := credentials.Options{Transport: w, Now: time.Now}
	for i := range w.profiles {
		p := orders()
		p.Name = fmt.Sprintf("orders-%d", i)
		p.AssumeRole = &credentials.AssumeRole{RoleARN: fmt.Sprintf("%s-%d", roleARN, i), Duration: w.fleet.life}
		if w.callers > 0 {
			p.AssumeRole.SessionName = "{caller}"
		}
		o.Profiles = append(o.Profiles, p)
	}
	s, err := credentials.New(o)
	if err != nil {
		panic(err) // these profiles are valid
	}
	return s
}

// use requests one session again and again, from the instance's current process.
func (w *fleetWorld) use(ctx context.Context, at *fleetInstance, r credentials.SessionRequest) {
	var warm *credentials.Store
	for wait := rand.N(askEvery); ; wait = askEvery/2 + rand.N(askEvery) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		s := at.store.Load()
		_, err := s.Session(ctx, r)
		w.all.Add(1)
		switch {
		case err != nil && s == at.store.Load():
			w.refused.Add(1)
		case err == nil && s != warm && s == at.store.Load():
			warm = s
			at.cold.Add(-1)
		}
	}
}

func (w *fleetWorld) asked() asked { return asked{w.all.Load(), w.refused.Load()} }

// begin starts a process in an instance, replacing the one before.
func (w *fleetWorld) begin(at *fleetInstance) {
	at.cold.Store(int64(w.sessions()))
	if before := at.store.Swap(w.open()); before != nil {
		before.Close()
	}
}

// awaitWarm waits until every session is there, for at most four hours.
func (w *fleetWorld) awaitWarm(of ...*fleetInstance) time.Duration {
	begun := time.Now()
	for _, at := range of {
		for at.cold.Load() > 0 && time.Since(begun) < 4*time.Hour {
			time.Sleep(time.Second)
		}
	}
	return time.Since(begun)
}

// rates returns the mean and the maximum rate of calls of the whole fleet in a period that ends now.
func (w *fleetWorld) rates(over time.Duration) (mean, most float64) {
	last := int(time.Since(w.begun) / (10 * time.Second))
	n := int(over / (10 * time.Second))
	whole := float64(w.fleet.instances) / float64(w.part) / 10
	for i := last - n; i < last; i++ {
		calls := float64(w.calls[i].Load()) * whole
		mean, most = mean+calls/float64(n), max(most, calls)
	}
	return mean, most
}

// live runs the fleet through its life.
func (w *fleetWorld) live(t *testing.T) (f fleetFigures) {
	ctx, cancel := context.WithCancel(t.Context())
	before := heap()
	for range w.part {
		at := new(fleetInstance)
		w.begin(at)
		w.instances = append(w.instances, at)
	}
	for _, at := range w.instances {
		for i := range w.sessions() {
			r := credentials.SessionRequest{Profile: fmt.Sprintf("orders-%d", i%w.profiles), Caller: "caller"}
			if w.callers > 0 {
				r.Caller = fmt.Sprintf("caller-%d", i/w.profiles)
			}
			go w.use(ctx, at, r)
		}
	}
	f.warm = w.awaitWarm(w.instances...)
	f.starting = w.asked()
	_, f.rush = w.rates(max(f.warm, 10*time.Second))
	f.memory = (heap() - before) / float64(w.part)

	const steady = 2 * time.Hour
	time.Sleep(steady)
	f.steadily = w.asked().since(f.starting)
	f.steady, f.most = w.rates(steady)

	was := w.asked()
	w.away.Store(true)
	time.Sleep(10 * time.Minute)
	w.away.Store(false)
	time.Sleep(10 * time.Minute)
	f.away = w.asked().since(was)

	// One instance at a time starts: it has the whole quota, less what the instances that are not simulated take.
	w.setQuota(max(w.share(), stsQuota-f.steady*(1-float64(w.part)/float64(w.fleet.instances))))
	was = w.asked()
	for _, at := range w.instances[:min(3, w.part)] {
		w.begin(at)
		w.awaitWarm(at)
	}
	f.rolling = w.asked().since(was)
	cancel()
	for _, at := range w.instances {
		at.store.Load().Close()
	}
	return f
}

// heap returns the heap memory in use, in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func simulateFleet(t *testing.T, f fleet) (out fleetFigures) {
	synctest.Test(t, func(t *testing.T) { out = newFleetWorld(f).live(t) })
	return out
}

// A fleet of the usual size makes fewer calls than STS accepts, and refuses no request: neither when all instances
// start at once, nor when they are replaced one by one, nor while STS is unreachable for ten minutes.
func TestFleet(t *testing.T) {
	for _, f := range []fleet{
		{instances: 1, profiles: 10, life: time.Hour},
		{instances: 5, profiles: 20, life: time.Hour},
		{instances: 2, profiles: 5, callers: 5, life: time.Hour},
	} {
		t.Run(fmt.Sprintf("%d instances, %d profiles, %d callers", f.instances, f.profiles, f.callers), func(t *testing.T) {
			got := simulateFleet(t, f)
			if got.most > stsQuota {
				t.Errorf("%.0f calls a second, STS takes %d", got.most, stsQuota)
			}
			if n := got.starting.refused + got.steadily.refused + got.away.refused + got.rolling.refused; n > 0 {
				t.Errorf("requests were refused: %+v", got)
			}
			if want := int64(f.instances*f.sessions()) * int64(2*time.Hour/askEvery) / 2; got.steadily.all < want {
				t.Errorf("the simulation did not happen: %d requests, want %d", got.steadily.all, want)
			}
		})
	}
}

// TestFleet_OfAllSizes prints the figures in docs/operations.md.
func TestFleet_OfAllSizes(t *testing.T) {
	if !*fleets {
		t.Skip("takes very long; make sim-fleet")
	}
	var table strings.Builder
	fmt.Fprintln(&table, "| instances | profiles | callers | session | calls/s | most | at start | all warm | "+
		"refused: start | steady | STS away | rolling | MiB |")
	fmt.Fprintln(&table, "| --- "+strings.Repeat("| --- ", 12)+"|")
	for _, f := range fleetsOfAllSizes() {
		t.Run(fmt.Sprintf("%d instances, %d profiles, %d callers, %v", f.instances, f.profiles, f.callers, f.life), func(t *testing.T) {
			got := simulateFleet(t, f)
			row := fmt.Sprintf("| %d | %d | %d | %v | %.3g | %.3g | %.3g | %v | %v | %v | %v | %v | %.1f |",
				f.instances, f.profiles, f.callers, f.life, got.steady, got.most, got.rush, got.warm.Round(time.Second),
				got.starting, got.steadily, got.away, got.rolling, got.memory)
			t.Log(row)
			fmt.Fprintln(&table, row)
		})
	}
	t.Log("\n" + table.String())
}

// fleetsOfAllSizes returns fleets, those with the most sessions last.
func fleetsOfAllSizes() (all []fleet) {
	sizes := []int{1, 10, 100, 1000}
	for _, profiles := range []int{10, 100, 1000, 10_000} {
		for _, instances := range sizes {
			all = append(all, fleet{instances: instances, profiles: profiles, life: time.Hour})
		}
		if profiles == 1000 {
			all = append(all, fleet{instances: 1000, profiles: profiles, life: 12 * time.Hour})
		}
	}
	return append(all, fleet{instances: 10, profiles: 10, callers: 20, life: time.Hour})
}
