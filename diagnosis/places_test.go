package diagnosis_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/explain"
)

// A place has one name, whoever tells it.
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
			t.Errorf("the part %s of an explanation is no place", part)
		}
	}
	if slices.Sort(places); len(slices.Compact(places)) != len(diagnosis.Places()) {
		t.Error("a place is listed twice")
	}
}
