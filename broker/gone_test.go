package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/broker"
)

// A caller who does not wait for the response leaves a record of the decision, and that is not a failure of the audit
// log.
func TestSign_ADecisionIsRecordedAfterTheCallerHasGone(t *testing.T) {
	for name, row := range map[string]struct {
		policies       string
		session        error
		code, decision string
	}{
		"waiting for a session": {session: context.Canceled, code: "caller_gone", decision: "allow"},
		"denied":                {policies: "forbid (principal, action, resource);", code: "forbidden", decision: "deny"},
		"signed":                {decision: "allow"},
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			auditor, err := access.NewAuditor(access.AuditOptions{
				Stdout: &text, Now: time.Now, Random: strings.NewReader(strings.Repeat("x", 64)),
			})
			if err != nil {
				t.Fatal(err)
			}
			s := newSender(t, row.policies, ok)
			s.Audit, s.sessions.err = auditor, row.session
			gone, leave := context.WithCancel(t.Context())
			leave()
			call := &broker.Call{RequestID: "request-1", Caller: access.Caller{ID: "crm-sync", Method: access.MethodAPIKey}}
			_, err = s.Sign(gone, call, &broker.Input{Method: "GET", URL: orders})
			if code := codeOf(err); code != row.code {
				t.Errorf("code %q (%v), want %q", code, err, row.code)
			}
			if err := auditor.Close(); err != nil {
				t.Fatal(err)
			}
			var record access.Record
			if err := json.Unmarshal(text.Bytes(), &record); err != nil {
				t.Fatalf("%v: the records are %q, want one", err, &text)
			}
			noted := row.session == nil || slices.Contains(record.Notes, "nothing was signed: "+row.code)
			if record.Decision != row.decision || record.RequestID != "request-1" || !noted {
				t.Errorf("recorded %+v", record)
			}
		})
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return broker.Problem(err).Code
}
