package api

import (
	"strconv"
	"testing"
	"time"
)

func TestRefusals_EachAddressHasTenLinesAMinute(t *testing.T) {
	var r refusals
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	count := func(address string, times int) (lines, unlogged int) {
		for range times {
			line, before := r.logs(address, now)
			if line {
				lines++
			}
			unlogged += before
		}
		return lines, unlogged
	}
	for _, step := range []struct {
		after           time.Duration
		address         string
		times           int
		lines, unlogged int
	}{
		{0, "192.0.2.1", 25, 10, 0},
		{0, "192.0.2.2", 3, 3, 0},
		{59 * time.Second, "192.0.2.1", 5, 0, 0},
		{time.Second, "192.0.2.1", 1, 1, 20},
		{0, "192.0.2.1", 9, 9, 0},
		{time.Minute, "192.0.2.2", 1, 1, 0},
	} {
		now = now.Add(step.after)
		if lines, unlogged := count(step.address, step.times); lines != step.lines || unlogged != step.unlogged {
			t.Errorf("%v: %d lines, %d before them without one", step, lines, unlogged)
		}
	}
}

func TestRefusals_ManyAddressesTakeLittleMemory(t *testing.T) {
	var r refusals
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	lines := 0
	for i := range 5 * refusedAddresses {
		if line, _ := r.logs(strconv.Itoa(i), now); line {
			lines++
		}
	}
	if lines != refusedAddresses+refusalLines || len(r.of) > refusedAddresses+1 {
		t.Errorf("%d lines, %d addresses in memory", lines, len(r.of))
	}
	if line, unlogged := r.logs("another", now.Add(time.Minute)); !line || unlogged != 0 || len(r.of) > 2 {
		t.Errorf("a minute later: %v %d, %d addresses in memory", line, unlogged, len(r.of))
	}
}
