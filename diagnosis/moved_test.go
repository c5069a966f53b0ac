package diagnosis_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/sandbox"
	"countersign/signing"
)

// A client replaces the date after signing: the request as sent shows only the new date, and the secret shows which
// one was signed.
func TestDiagnose_DateReplacedAfterSigning(t *testing.T) {
	for seed := range uint64(12) {
		g := &generated{
			r: rand.New(rand.NewPCG(seed, 19)), secret: sandbox.SecretAccessKey, truth: map[diagnosis.Cause]bool{},
			now: time.Date(2026, 11, 28, 19, 7, 48, 0, time.UTC),
		}
		g.site = pick(g.r, sites...)
		g.request()
		g.sign(g.right())
		sent := g.call.clone()
		sent.set("X-Amz-Date", g.now.Add(time.Duration(3+g.r.IntN(240))*time.Second).Format(signing.TimeFormat))
		in := diagnosis.Input{
			Request: sent.diagnosed(), RequestIs: diagnosis.AsSent, Response: refusedBy(t, g, sent),
			Credentials: signing.NewCredentials(generatedKey, g.secret, ""),
		}
		if in.Response == nil {
			t.Fatalf("seed %d: the request was not refused", seed)
		}
		report := diagnosis.Diagnose(context.Background(), in)
		v := &report.Verdicts[0]
		signed := slices.ContainsFunc(
			v.Evidence, func(e diagnosis.Evidence) bool { return strings.Contains(e.Signed, g.now.Format(signing.TimeFormat)) },
		)
		if v.Cause != "changed-header" || v.Place != "header:x-amz-date" || v.Certainty != diagnosis.Likely || !signed {
			t.Errorf("seed %d: %s at %s (%s): %s %+v", seed, v.Cause, v.Place, v.Certainty, v.Reason, v.Evidence)
		}
		in.RequestIs = diagnosis.AsSigned // so nothing can have replaced the date after that
		report = diagnosis.Diagnose(context.Background(), in)
		if v := &report.Verdicts[0]; v.Cause != "signed-time" || v.Certainty != diagnosis.Proved {
			t.Errorf("seed %d, as signed: %s at %s (%s): %s", seed, v.Cause, v.Place, v.Certainty, v.Reason)
		}
		in.Credentials = signing.Credentials{}
		for _, v := range diagnosis.Diagnose(context.Background(), in).Verdicts {
			if v.Certainty == diagnosis.Proved {
				t.Errorf("seed %d: without the secret %s is called proved", seed, v.Cause)
			}
		}
	}
}
