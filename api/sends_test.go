package api_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"countersign/api"

	"github.com/rs/zerolog"
)

// A caller whose requests AWS delays leaves half of the places to others, and all of them to signing.
func TestSends_OneCallerLeavesPlacesToOthers(t *testing.T) {
	wait := make(chan struct{})
	s := newServerWith(t, sessions{}, func(o *api.Options) { o.Senders, o.Log = api.NewSenders(4), zerolog.Nop() })
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
