package diagnosis_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"countersign/diagnosis"
	"countersign/signing"
)

// caseFile is a refusal with everything that is known about it, and the expected result.
type caseFile struct {
	ID               string
	Request, Sent    *caseMessage
	Response         *caseMessage
	Paste            string
	RequestIs        diagnosis.RequestIs
	Credentials      *struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	ReceivedAt       time.Time
	SignerClock      bool
	SignedAt         time.Time
	SessionExpiresAt time.Time
	STSEndpoint      string
	Attempt          int
	Want             struct {
		Causes             []diagnosis.Cause
		Details            []string
		Certainty          diagnosis.Certainty
		Facts, MustNotLeak []string
	}
}

type caseMessage struct {
	Method, URL string
	Status      int
	Headers     []signing.Header
	Body        string
	BodyBase64  []byte
}

func (m *caseMessage) body() []byte {
	if m.BodyBase64 != nil {
		return m.BodyBase64
	}
	return []byte(m.Body)
}

func (m *caseMessage) request() *diagnosis.Request {
	if m == nil {
		return nil
	}
	return &diagnosis.Request{Method: m.Method, URL: m.URL, Headers: m.Headers, Body: m.body()}
}

func (c *caseFile) input() diagnosis.Input {
	in := diagnosis.Input{
		Paste: c.Paste, Request: c.Request.request(), Sent: c.Sent.request(), RequestIs: c.RequestIs,
		ReceivedAt: c.ReceivedAt, SignerClock: c.SignerClock, SignedAt: c.SignedAt, SessionExpires: c.SessionExpiresAt,
		STSEndpoint: c.STSEndpoint, Attempt: c.Attempt,
	}
	if c.Response != nil {
		in.Response = &diagnosis.Response{Status: c.Response.Status, Headers: c.Response.Headers, Body: c.Response.body()}
	}
	if k := c.Credentials; k != nil {
		in.Credentials = signing.NewCredentials(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	}
	return in
}

func readCases(t testing.TB) []caseFile {
	t.Helper()
	var cases []caseFile
	readJSON(t, "testdata/cases.json", &cases)
	if len(cases) != 60 {
		t.Fatalf("%d cases", len(cases))
	}
	return cases
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// order ranks certainties by what they claim: what AWS states is as sure as what a calculation proves.
var order = map[diagnosis.Certainty]int{diagnosis.Open: 0, diagnosis.Likely: 1, diagnosis.Stated: 2, diagnosis.Proved: 2}

func TestDiagnose_Cases(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			c.check(t, false)
		})
	}
}

// check diagnoses a case. A modest report may be less certain than the case allows.
func (c *caseFile) check(t *testing.T, modest bool) {
	t.Helper()
	report := diagnosis.Diagnose(context.Background(), c.input())
	checkReport(t, &report)
	text := reportJSON(t, &report)
	v := report.Verdicts[0]
	if !slices.Contains(c.Want.Causes, v.Cause) {
		t.Errorf("the cause is %s (%s), want %v: %s", v.Cause, v.Certainty, c.Want.Causes, v.Reason)
	}
	if c.Want.Details != nil && !slices.Contains(c.Want.Details, v.Detail) {
		t.Errorf("the detail is %q, want %q", v.Detail, c.Want.Details)
	}
	if order[v.Certainty] > order[c.Want.Certainty] {
		t.Errorf("the certainty is %s, want %s", v.Certainty, c.Want.Certainty)
	}
	if order[v.Certainty] < order[c.Want.Certainty] && !modest {
		t.Errorf("the certainty is only %s, want %s", v.Certainty, c.Want.Certainty)
	}
	for _, fact := range c.Want.Facts {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(fact)) {
			t.Errorf("%q is not in the report", fact)
		}
	}
	for _, secret := range c.Want.MustNotLeak {
		if strings.Contains(text, secret) {
			t.Errorf("the report holds %.8s…", secret)
		}
	}
}

// These cases were written without knowledge of this package, and it did not pass them at first.
func TestDiagnose_MoreCases(t *testing.T) {
	var cases []caseFile
	readJSON(t, "testdata/more.json", &cases)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) { c.check(t, true) })
	}
}

func reportJSON(t testing.TB, report *diagnosis.Report) string {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))
}

// checkReport checks what must be true of every report.
func checkReport(t testing.TB, report *diagnosis.Report) {
	t.Helper()
	if report.Summary == "" || len(report.Verdicts) == 0 {
		t.Fatalf("the report has no summary or no verdict: %+v", report)
	}
	lead, todo, two := strings.Cut(report.Summary, "\n")
	if !two || !strings.HasPrefix(todo, "To do: ") || strings.ContainsFunc(lead+todo, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("the summary is not two printable lines: %q", report.Summary)
	}
	for _, v := range report.Verdicts {
		if !diagnosis.IsCause(v.Cause) || v.Title == "" || v.Side == "" || v.FixInWorkflow == "" || v.FixInCode == "" || v.Read == "" {
			t.Errorf("the verdict has an empty field: %+v", v)
		}
	}
	if report.Verdicts[0].Certainty == diagnosis.Open && len(report.Questions) == 0 {
		t.Errorf("the verdict is open, but the report asks nothing: %+v", report.Verdicts[0])
	}
}

// If another session of the profile signed, nothing can be proved, and the questions say so.
func TestDiagnose_OtherSessions(t *testing.T) {
	for _, others := range []bool{true, false} {
		in := diagnosis.Input{
			Request: request("GET https://sqs.eu-west-1.amazonaws.com/", "X-Amz-Date: 20261128T190748Z", "X-Amz-Security-Token: "+
				"IQoJb3JpZ2luX2VjEXAMPLE",
				"Authorization: "+authorization("ASIAIOSFODNN7EXAMPLE", "20261128/eu-west-1/sqs/aws4_request", "host;x-amz-date;x-amz-security-token")),
			Response: response(
				403, queryError("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."),
			),
			Credentials:   signing.NewCredentials("ASIAI44QH8DHBEXAMPLE", "another/SECRET+wJalrXUtnFEMI0EXAMPLEKEY0", "IQoJb3JpZ2luX2VjOTHER"),
			OtherSessions: others,
		}
		report := diagnosis.Diagnose(context.Background(), in)
		checkReport(t, &report)
		asks := slices.ContainsFunc(report.Questions, func(q diagnosis.Question) bool { return strings.Contains(q.Why, "Another session") })
		if report.Verdicts[0].Cause != "unclear" || asks != others {
			t.Errorf("with other sessions %v: %s, %+v", others, report.Verdicts[0].Cause, report.Questions)
		}
	}
}
