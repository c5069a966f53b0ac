package diagnosis_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/explain"
)

// Each place has one name in all parts of a report.
func TestPlaces_AreListedOnce(t *testing.T) {
	places := diagnosis.Places()
	for _, c := range readCases(t) {
		for _, v := range diagnosis.Diagnose(context.Background(), c.input()).Verdicts {
			if kind, _, _ := strings.Cut(v.Place, ":"); kind != "" && !slices.Contains(places, kind) {
				t.Errorf("%s: the place %s is not listed", c.ID, v.Place)
			}
			for _, e := range v.Evidence {
				if kind, _, _ := strings.Cut(e.Part, ":"); !slices.Contains(places, kind) {
					t.Errorf("%s: the part %s is not listed", c.ID, e.Part)
				}
			}
		}
	}
	for _, part := range []string{
		explain.PartMethod, explain.PartPath, explain.PartQuery, explain.PartHeader, explain.PartSignedHeaders, explain.PartPayloadHash,
	} {
		if !slices.Contains(places, part) {
			t.Errorf("the part %s of an explanation is not a place", part)
		}
	}
	if slices.Sort(places); len(slices.Compact(places)) != len(diagnosis.Places()) {
		t.Error("a place is listed twice")
	}
}
