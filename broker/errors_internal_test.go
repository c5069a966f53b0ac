package broker

import (
	"testing"

	"countersign/problem"
	"countersign/signing"
)

func TestSentinels_HaveKnownCodes(t *testing.T) {
	for _, s := range sentinels {
		if !problem.Known(s.code) || s.detail == "" {
			t.Errorf("%v: code %q, detail %q", s.err, s.code, s.detail)
		}
	}
}

func TestInputProblem_NamesEveryPart(t *testing.T) {
	for part := signing.InputMethod; part <= signing.InputEndpoint; part++ {
		p := inputProblem(&signing.InputError{Part: part, Index: -1, Reason: "is wrong"})
		if len(p.Fields) != 1 || p.Fields[0].Part == "" {
			t.Errorf("%s: fields %v, want one with a part", part, p.Fields)
		}
	}
}
