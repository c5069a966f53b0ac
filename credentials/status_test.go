package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
)

// The status and the callbacks for sessions and calls, through a whole life: fetched, held, not renewed, refused.
func TestStatus_FollowsAProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		var told, calls []string
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{orders()}, Transport: fake,
			Served: func(profile, how string) { told = append(told, profile+" "+how) },
			Called: func(_ context.Context, c credentials.STSCall) {
				calls = append(calls, fmt.Sprint(c.Operation, " ", c.Region, " ", c.Err == nil))
			},
		})
		want := func(when string, usable, inUse bool, sessions int) {
			t.Helper()
			got := s.Status()
			if p := got.Profiles[0]; p.Name != "orders" || p.Usable != usable || p.Expires.IsZero() == inUse || got.Sessions != sessions {
				t.Errorf("%s: %+v", when, got)
			}
		}
		ask := func() { _, _ = s.Session(t.Context(), credentials.SessionRequest{}) }
		want("before", true, false, 0)
		ask()
		ask()
		want("fetched", true, true, 1)
		fake.response = func(call) (*http.Response, error) { return nil, errors.New("down") }
		time.Sleep(50 * time.Minute)
		ask() // starts a background fetch
		time.Sleep(10 * time.Second)
		ask()
		want("not renewed", true, true, 1)
		time.Sleep(time.Hour)
		ask()
		want("gone", false, false, 0)
		if got := fmt.Sprint(told); got != "[orders waited orders held orders held orders stale orders refused]" {
			t.Errorf("got %s", got)
		}
		if len(calls) < 3 || calls[0] != "AssumeRole eu-west-1 true" || calls[len(calls)-1] != "AssumeRole eu-west-1 false" {
			t.Errorf("calls %q", calls)
		}
	})
}

func TestStatus_CountsEvictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, credentials.Options{Profiles: []credentials.Profile{perHost()}, Transport: newFake(time.Now)})
		for n := range 40 {
			_, _ = s.Session(context.Background(), credentials.SessionRequest{Caller: "a", Host: fmt.Sprintf("h%d.example.com", n)})
		}
		if got := s.Status(); got.Sessions != 32 || got.Evictions != 8 || got.RequestEvictions != 0 {
			t.Errorf("%+v, want a caller's 32 and 8 that went", got)
		}
	})
}
