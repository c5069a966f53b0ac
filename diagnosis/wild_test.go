package diagnosis_test

import (
	"context"
	"os"
	"testing"

	"countersign/diagnosis"
	"countersign/signing"
)

// wildRefusal is an answer of AWS that somebody reported.
type wildRefusal struct {
	Source  string
	Status  int
	Code    string
	Headers []signing.Header
	Body    string
	Want    []diagnosis.Cause
}

func TestShow(t *testing.T) {
	if os.Getenv("SHOW") == "" {
		t.Skip()
	}
	var refusals []wildRefusal
	readJSON(t, "testdata/refusals.json", &refusals)
	for _, r := range refusals {
		report := diagnosis.Diagnose(context.Background(), diagnosis.Input{Paste: r.Body})
		v := report.Verdicts[0]
		t.Logf("%s %s\n   %.150s\n   => %s/%s %s %s\n   %s\n   q=%d ruledOut=%q", r.Source, r.Code, r.Body, v.Cause, v.Detail, v.Certainty, v.Place, report.Summary, len(report.Questions), report.RuledOut)
	}
}
