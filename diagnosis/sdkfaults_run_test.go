package diagnosis_test

import (
	"context"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/signing"
)

// names reports whether a verdict has one of the names of a fault, with its detail if the name has one.
func (f *fault) names(v *diagnosis.Verdict, detail bool) bool {
	for name := range strings.FieldsSeq(f.want) {
		cause, kind, _ := strings.Cut(name, "/")
		if string(v.Cause) == cause && (!detail || kind == "" || kind == v.Detail) {
			return true
		}
	}
	return false
}

// make builds the request with its fault and has it refused.
func (f *fault) make(t *testing.T) (in diagnosis.Input, short *diagnosis.Response, signed, sent sdkCall) {
	t.Helper()
	signed = f.from()
	f.sign.sign(t, &signed)
	sent = sdkCall{signed.place, *signed.clone()}
	if f.send != nil {
		f.send(&sent.call)
	}
	in.Response, short = refusedByService(t, &sent, sdkSecret)
	if in.Response == nil {
		t.Fatalf("%s: the service accepts the request", f.name)
	}
	in.Credentials = signing.NewCredentials(sdkKey, orText(f.held, sdkSecret), f.sign.token)
	return in, short, signed, sent
}

// A request without a fault is accepted: what the SDK signs is what the service in these tests computes.
func TestSDK_AgreesWithTheService(t *testing.T) {
	for _, from := range []func() sdkCall{
		orderCall, orderList, report, listing, deepKey, queueMessage, tableItem, modelCall, search, functionURL, thing, topic, download, upload,
	} {
		q := from()
		s := sdkSigner{presigned: strings.Contains(q.query, "Expires")}
		s.sign(t, &q)
		if refused, _ := refusedByService(t, &q, sdkSecret); refused != nil {
			t.Errorf("%s %s%s is refused: %s", q.method, q.host, q.path, refused.Body)
		}
	}
}

// score counts the cases that are identified in a setting.
type score struct{ right, all int }

func (s *score) count(right bool) {
	s.all++
	if right {
		s.right++
	}
}

func TestDiagnose_FaultsOfSDKRequests(t *testing.T) {
	var scores [4]score
	all, onTheWay := faults()
	for i, f := range all {
		if testing.Short() && i%10 > 0 {
			continue
		}
		f.run(t, &scores, i < onTheWay)
	}
	for setting, s := range scores {
		t.Logf("secret %t, canonical request %t: %d of %d", setting&1 == 0, setting&2 == 0, s.right, s.all)
		if s.right*100 < s.all*95 {
			t.Errorf("fewer than 95 %% are identified")
		}
	}
}

// run diagnoses a fault with and without the secret, and with and without AWS's canonical request.
func (f *fault) run(t *testing.T, scores *[4]score, onTheWay bool) {
	t.Helper()
	in, short, signed, sent := f.make(t)
	if in.RequestIs, in.Request = diagnosis.AsSent, sent.diagnosed(); onTheWay {
		in.RequestIs, in.Request = diagnosis.AsSigned, signed.diagnosed()
	}
	for setting := range 4 {
		with := in
		if setting&1 != 0 {
			with.Credentials = signing.Credentials{}
		}
		if setting&2 != 0 {
			with.Response = short
		}
		report := diagnosis.Diagnose(context.Background(), with)
		checkReport(t, &report)
		f.noFalseProof(t, &report, setting)
		// A change shows in AWS's canonical request; a mistake shows with the secret.
		decidable := setting == 0 || onTheWay && setting == 1 || !onTheWay && f.held == "" && setting == 2
		v := &report.Verdicts[0]
		right := f.names(v, decidable) || (f.hard || !decidable) && v.Cause == "unclear" && v.Certainty == diagnosis.Open
		scores[setting].count(right)
		if !right {
			t.Logf("%s (setting %d): %s/%s (%s), want %s: %s", f.name, setting, v.Cause, v.Detail, v.Certainty, f.want, v.Reason)
		}
	}
}

func (f *fault) noFalseProof(t *testing.T, report *diagnosis.Report, setting int) {
	t.Helper()
	for i := range report.Verdicts {
		if v := &report.Verdicts[i]; claimed(v.Certainty) && !f.names(v, false) {
			t.Errorf("%s (setting %d): %s/%s is called %s, want %s: %s", f.name, setting, v.Cause, v.Detail, v.Certainty, f.want, v.Reason)
		}
	}
	if text := reportJSON(t, report); strings.Contains(text, sdkSecret) {
		t.Errorf("%s: the secret leaks", f.name)
	}
}

func claimed(c diagnosis.Certainty) bool { return c == diagnosis.Proved || c == diagnosis.Stated }
