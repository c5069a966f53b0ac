package broker_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/access"
	"countersign/broker"
	"countersign/signing"
)

// usageKey is not a real key.
const usageKey = "usage/plan+key=EXAMPLE"

func withUsageKey(t *testing.T, s *sender, hosts ...string) {
	t.Helper()
	h, err := broker.NewUpstreamHeader("X-Api-Key", usageKey, hosts)
	if err != nil {
		t.Fatal(err)
	}
	s.UpstreamHeaders = map[string][]broker.UpstreamHeader{"orders": {h}}
}

// The operator's usage plan key replaces the caller's, is not signed, and is never revealed.
func TestSend_SetsTheOperatorsHeader(t *testing.T) {
	var got []string
	var authorization string
	s := newSender(t, "", func(w http.ResponseWriter, r *http.Request) {
		got, authorization = r.Header.Values("X-Api-Key"), r.Header.Get("Authorization")
		ok(w, r)
	})
	withUsageKey(t, s, "a1b2c3.execute-api.eu-west-1.amazonaws.com")
	in := post(orders, "{}")
	in.Headers = []signing.Header{{Name: "x-API-key", Value: "the-maker's"}}
	sent, err := s.send(in)
	if err != nil {
		t.Fatal(err)
	}
	defer sent.Close()
	if len(got) != 1 || got[0] != usageKey {
		t.Errorf("arrived: %q", got)
	}
	if strings.Contains(authorization, "x-api-key") {
		t.Errorf("it is signed: %s", authorization)
	}
	if len(sent.Warnings) != 1 || sent.Warnings[0].Code != "header_replaced" {
		t.Errorf("warnings: %v", sent.Warnings)
	}
	text := fmt.Sprintf("%+v %#v", sent, s.UpstreamHeaders) + fmt.Sprintf("%+v", sent.Signed) + fmt.Sprintf("%+v", s.audit.records())
	if strings.Contains(text, usageKey) {
		t.Error("printing the request shows the key")
	}
}

// Other hosts, other profiles and requests that the caller sends do not get it.
func TestSend_KeepsTheOperatorsHeaderFromOthers(t *testing.T) {
	var got []string
	s := newSender(t, "", func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Values("X-Api-Key")
		ok(w, r)
	})
	withUsageKey(t, s, "a1b2c3.execute-api.eu-west-1.amazonaws.com")
	other := post(orders, "{}")
	other.Profile = "billing"
	for name, in := range map[string]*broker.SendInput{
		"another host": post(strings.Replace(orders, "a1b2c3", "z1b2c3", 1), "{}"), "another profile": other,
	} {
		sent, err := s.send(in)
		if err != nil {
			t.Fatal(err)
		}
		sent.Close()
		if len(got) > 0 {
			t.Errorf("%s got it", name)
		}
	}
	signed, err := s.Sign(t.Context(), &broker.Call{Caller: access.Caller{ID: "my-flow", Method: access.MethodAPIKey}},
		&post(orders, "{}").Input)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%+v", signed), usageKey) {
		t.Error("a signature for others has it")
	}
}

func TestSend_RemovesTheOperatorsHeaderFromRefusals(t *testing.T) {
	s := newSender(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"message":"no plan for `+r.Header.Get("X-Api-Key")+`"}`)
	})
	withUsageKey(t, s, "A1B2C3.execute-api.eu-west-1.amazonaws.com")
	sent, err := s.send(post(orders, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer sent.Close()
	text, err := io.ReadAll(sent.Response.Body)
	if err != nil || !strings.Contains(string(text), usageKey) {
		t.Fatalf("%q %v", text, err)
	}
	for _, spelled := range []string{string(text), strings.ReplaceAll(string(text), "/", `\/`)} {
		if told := sent.Redact(spelled); told != `{"message":"no plan for …"}` {
			t.Errorf("told: %s", told)
		}
	}
}

func TestNewUpstreamHeader_RefusesWhatItMustNotSet(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		hosts       []string
		want        string
	}{
		{"", "v", []string{"a.example"}, "name"},
		{"x api", "v", []string{"a.example"}, "name"},
		{"Authorization", "v", []string{"a.example"}, "set by signing"},
		{"Host", "v", []string{"a.example"}, "set by signing"},
		{"X-Amz-Meta-A", "v", []string{"a.example"}, "set by signing"},
		{"Content-Type", "v", []string{"a.example"}, "set by signing"},
		{"Connection", "v", []string{"a.example"}, "set by signing"},
		{"x-api-key", "", []string{"a.example"}, "value"},
		{"x-api-key", "a\nb", []string{"a.example"}, "value"},
		{"x-api-key", "v", nil, "hosts"},
		{"x-api-key", "v", []string{"https://a.example"}, "hosts"},
		{"x-api-key", "v", []string{"*.example"}, "hosts"},
		{"x-api-key", "v", []string{""}, "hosts"},
	} {
		if _, err := broker.NewUpstreamHeader(tt.name, tt.value, tt.hosts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
