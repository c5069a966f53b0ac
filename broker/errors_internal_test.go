package broker

import (
	"testing"

	"countersign/problem"
)

func TestSentinels_HaveKnownCodes(t *testing.T) {
	for _, s := range sentinels {
		if !problem.Known(s.code) || s.detail == "" {
			t.Errorf("%v: code %q, detail %q", s.err, s.code, s.detail)
		}
	}
}
