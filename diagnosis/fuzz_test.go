package diagnosis_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/signing"
)

// Whatever is pasted, the report is the same each time and holds no secret.
func FuzzDiagnose(f *testing.F) {
	for _, c := range readCases(f) {
		f.Add(c.Paste, string(bodyOf(ptr(c.input()))), 403)
	}
	for _, w := range wordings {
		f.Add(w.paste, "", 400)
	}
	f.Fuzz(func(t *testing.T, paste, body string, status int) {
		in := diagnosis.Input{Paste: paste, Credentials: signing.NewCredentials(exampleKey, "canary/SECRET+wJalrXUtnFEMIEXAMPLEKEY", "")}
		if body != "" {
			in.Response = &diagnosis.Response{Status: status, Body: []byte(body)}
		}
		checkRepeatable(t, in)
	})
}

// The same for any request and signature.
func FuzzDiagnoseRequest(f *testing.F) {
	for _, c := range readCases(f) {
		if c.Request == nil {
			continue
		}
		authorization := ""
		for _, h := range c.Request.Headers {
			if h.Name == "Authorization" {
				authorization = h.Value
			}
		}
		f.Add(c.Request.Method, c.Request.URL, authorization, c.Request.body(), c.Response.body())
	}
	f.Fuzz(func(t *testing.T, method, url, authorization string, body, response []byte) {
		in := diagnosis.Input{
			Request: &diagnosis.Request{
				Method: method, URL: url, Body: body,
				Headers: []signing.Header{{Name: "X-Amz-Date", Value: "20261128T190748Z"}, {Name: "Authorization", Value: authorization}},
			},
			Response: &diagnosis.Response{Status: 403, Body: response},
		}
		checkRepeatable(t, in)
		// With a secret it searches, but no longer than the context allows.
		in.Credentials = signing.NewCredentials(exampleKey, "canary/SECRET+wJalrXUtnFEMIEXAMPLEKEY", "")
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		report := diagnosis.Diagnose(ctx, in)
		checkReport(t, &report)
		if strings.Contains(reportJSON(t, &report), "canary/SECRET+wJalrXUtnFEMI") {
			t.Error("the secret leaks")
		}
	})
}

func checkRepeatable(t *testing.T, in diagnosis.Input) {
	t.Helper()
	report := diagnosis.Diagnose(context.Background(), in)
	checkReport(t, &report)
	text := reportJSON(t, &report)
	if !strings.Contains(in.Paste, "canary/SECRET") && strings.Contains(text, "canary/SECRET+wJalrXUtnFEMI") {
		t.Error("the secret leaks")
	}
	again := diagnosis.Diagnose(context.Background(), in)
	if !reflect.DeepEqual(report, again) {
		t.Error("the same input gives two different reports")
	}
}

func ptr[T any](v T) *T { return &v }
