package access

import (
	"fmt"
	"testing"
	"time"
)

func TestRateForgets(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r, err := NewRate(RateOptions{PerSecond: 1, Burst: 1, Callers: 10, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		r.Allow(fmt.Sprint(n))
		if len(r.by) > 10 {
			t.Fatalf("%d callers remembered, want 10 at most", len(r.by))
		}
	}
	now = now.Add(time.Second)
	r.Allow("late")
	if len(r.by) != 1 {
		t.Errorf("%d callers remembered when all but one have their whole share, want 1", len(r.by))
	}
}
