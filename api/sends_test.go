package api_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"countersign/access"
	"countersign/api"
	"countersign/proxy"

	"github.com/rs/zerolog"
)

// A caller whose requests AWS delays leaves half of the places to others, and all of them to signing.
func TestSends_OneCallerLeavesPlacesToOthers(t *testing.T) {
	wait := make(chan struct{})
	s := newServerWith(t, sessions{}, func(o *api.Options) { o.Senders, o.Log = api.NewHalves(4), zerolog.Nop() })
	*s.aws = func() { <-wait }
	const document = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","retry":"none"}`
	var under sync.WaitGroup
	for range 2 {
		under.Go(func() {
			if w := s.do("POST", "/v1/send", document, "X-API-Key", key, "Content-Type", "application/json"); w.Code != 200 {
				t.Errorf("sent: %d %s", w.Code, w.Body)
			}
		})
	}
	for s.arrived.Load() < 2 {
		runtime.Gosched()
	}
	if w := s.do("POST", "/v1/send", document, "X-API-Key", key, "Content-Type", "application/json"); w.Code != 503 ||
		!strings.Contains(w.Body.String(), `"busy"`) {
		t.Errorf("the third: %d %s", w.Code, w.Body)
	}
	w := s.do("POST", "/v1/sign", document[:len(document)-len(`,"retry":"none"}`)]+"}", "X-API-Key", key, "Content-Type", "application/json")
	if w.Code != 200 {
		t.Errorf("signing: %d %s", w.Code, w.Body)
	}
	close(wait)
	under.Wait()
}

// A caller whose bodies to forward take long to arrive leaves half of the memory to others. A single body may take more.
func TestProxy_OneCallerLeavesMemoryToOthers(t *testing.T) {
	memory, err := access.NewLimiter(100, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var p *proxy.Proxy
	newServerWith(t, sessions{}, func(o *api.Options) {
		o.Memory, o.Bodies = memory, api.NewHalves(100)
		p = api.NewProxy(*o, proxy.Options{})
	})
	reserve := func(caller string, bytes int64) (release func(), busy bool) {
		release, err := p.Reserve(t.Context(), caller, bytes)
		if err != nil && !errors.As(err, new(*access.BusyError)) {
			t.Fatal(err)
		}
		return release, err != nil
	}
	first, _ := reserve("hostile", 30)
	second, _ := reserve("hostile", 20)
	if _, busy := reserve("hostile", 1); !busy {
		t.Error("a caller got more than half")
	}
	if release, busy := reserve("good", 50); busy {
		t.Error("another caller got nothing")
	} else {
		release()
	}
	first()
	second()
	if _, busy := reserve("hostile", 60); busy {
		t.Error("a single body was refused")
	}
	if _, busy := reserve("good", 60); !busy {
		t.Error("there is more memory than there is")
	}
	if _, busy := reserve("good", 40); busy {
		t.Error("a refused body still counts")
	}
}
