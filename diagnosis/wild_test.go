package diagnosis_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/signing"
)

// wildRefusal is an AWS response that was reported in public.
type wildRefusal struct {
	Source  string
	Status  int
	Code    string
	Headers []signing.Header
	Body    string
	Want    []diagnosis.Cause
	Todo    string // what the second line must mention
}

// Someone who reads only two lines must learn what is wrong and what to do.
func TestDiagnose_SummariesOfAWSRefusals(t *testing.T) {
	var refusals []wildRefusal
	readJSON(t, "testdata/refusals.json", &refusals)
	if len(refusals) != 30 {
		t.Fatalf("%d refusals", len(refusals))
	}
	for _, r := range refusals {
		t.Run(r.Source, func(t *testing.T) {
			for form, in := range map[string]diagnosis.Input{
				"pasted": {Paste: r.Body},
				"parts":  {Response: &diagnosis.Response{Status: r.Status, Headers: r.Headers, Body: []byte(r.Body)}},
			} {
				report := diagnosis.Diagnose(context.Background(), in)
				checkReport(t, &report)
				v := report.Verdicts[0]
				if !slices.Contains(r.Want, v.Cause) {
					t.Errorf("%s: %s (%s), want %v", form, v.Cause, v.Certainty, r.Want)
				}
				first, second, two := strings.Cut(report.Summary, "\n")
				if !two || strings.Contains(second, "\n") || !strings.Contains(first, v.Title) || !strings.HasPrefix(second, "To do: ") {
					t.Errorf("%s: not two lines: %q", form, report.Summary)
				}
				if !strings.Contains(second, r.Todo) || len(first) > 420 || len(second) > 420 {
					t.Errorf("%s: the second line does not mention %q, or the lines are too long:\n%s", form, r.Todo, report.Summary)
				}
			}
		})
	}
}
