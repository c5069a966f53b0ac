package handlers_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
)

func withPolicies(t testing.TB, text string) *testServer {
	t.Helper()
	policy, err := access.NewPolicy("policies.cedar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return newServer(t, func(o *handlers.Options) { o.Policy = policy })
}

func TestSign_CoversTheHeadersThatPoliciesRead(t *testing.T) {
	server := withPolicies(t, `
		permit (principal, action, resource) when { resource.service == "execute-api" &&
			resource.hasTag("header.x-tenant-id") && resource.getTag("header.x-tenant-id") == "acme" };
		permit (principal, action, resource) when { resource.service == "s3" && resource.operation == "PutObject" &&
			resource.headers.contains("if-none-match") };
		permit (principal, action, resource) when { resource.service == "bedrock" &&
			resource.headers.contains("x-amzn-bedrock-guardrailidentifier") };
		permit (principal, action, resource) when { resource.service == "sqs" && resource.headers.contains("user-agent") };
		permit (principal, action, resource) when { resource.service == "lambda" };`)
	const (
		api     = "https://abc.execute-api.eu-west-1.amazonaws.com/prod/orders"
		bedrock = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/invoke"
	)
	for _, tt := range []struct {
		name, request string
		status        int
		signed        string // must be among the signed headers
		warning       string
	}{
		{"a tenant", `{"method":"GET","url":"` + api + `","headers":{"X-Tenant-Id":"acme"}}`, 200, "x-tenant-id", ""},
		{"another tenant", `{"method":"GET","url":"` + api + `","headers":{"X-Tenant-Id":"victim"}}`, 403, "", ""},
		{"no tenant", `{"method":"GET","url":"` + api + `"}`, 403, "", ""},
		{
			"two tenants",
			`{"method":"GET","url":"` + api + `","headerList":[{"name":"X-Tenant-Id","value":"acme"},{"name":"x-tenant-id","value":"victim"}]}`,
			403, "", "",
		},
		{
			"a condition on a write",
			`{"method":"PUT","url":"https://b.s3.eu-west-1.amazonaws.com/k","headers":{"If-None-Match":"*"},"body":"x"}`, 200,
			"if-none-match", "",
		},
		{"a write without it", `{"method":"PUT","url":"https://b.s3.eu-west-1.amazonaws.com/k","body":"x"}`, 403, "", ""},
		{
			"a guardrail", `{"method":"POST","url":"` + bedrock + `","headers":{"X-Amzn-Bedrock-GuardrailIdentifier":"g"},"body":"{}"}`,
			200, "x-amzn-bedrock-guardrailidentifier", "",
		},
		{
			"a header that cannot be signed",
			`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"User-Agent":"x"}}`, 403, "", "",
		},
		{
			"all headers signed anyway", `{"method":"GET","url":"` + api + `","signAllHeaders":true,"headers":{"X-Tenant-Id":"acme"}}`,
			200, "x-tenant-id", "",
		},
		{
			"named by the caller too",
			`{"method":"GET","url":"` + api + `","signedHeaders":["X-Tenant-Id"],"headers":{"X-Tenant-Id":"acme"}}`, 200, "x-tenant-id",
			"",
		},
		{
			"a policy that reads no headers",
			`{"method":"GET","url":"https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/","headers":{"X-Other":"1"}}`, 200,
			"host", "",
		},
	} {
		for _, operation := range []string{"/v1/sign", "/v1/presign", "/v1/steps/canonical-request"} {
			w := server.post(operation, tt.request)
			if w.Code != tt.status {
				t.Errorf("%s: %s = %d %s, want %d", tt.name, operation, w.Code, w.Body, tt.status)
				continue
			}
			got := decodeAs[signResponse](t, w.Body)
			if tt.status == http.StatusOK && !slices.Contains(got.SignedHeaders, tt.signed) {
				t.Errorf("%s: %s signs %q, want %s among them", tt.name, operation, got.SignedHeaders, tt.signed)
			}
		}
	}
}

// If a workflow engine drops a signed header, the request fails at AWS, so the workflow's author must be warned.
func TestSign_WarnsOfASignedHeaderThatMayBeDropped(t *testing.T) {
	server := withPolicies(t, `permit (principal, action, resource) when { resource.headers.containsAny(["content-type", "x-tenant-id"]) };`)
	const url = `"url":"https://abc.execute-api.eu-west-1.amazonaws.com/prod"`
	for request, want := range map[string]bool{
		`{"method":"GET",` + url + `,"headers":{"Content-Type":"text/plain"}}`:             true,
		`{"method":"POST",` + url + `,"headers":{"Content-Type":"text/plain"},"body":"x"}`: false,
		`{"method":"GET",` + url + `,"headers":{"X-Tenant-Id":"acme"}}`:                    false,
	} {
		if codes := server.sign(request).warningCodes(); slices.Contains(codes, "header_signed_for_policy") != want {
			t.Errorf("%s: warnings %q, want header_signed_for_policy %v", request, codes, want)
		}
	}
}

// Headers that the steps in between left out of the signature must not be visible to policies.
func TestStepThree_SeesOnlySignedHeaders(t *testing.T) {
	server := withPolicies(
		t,
		`permit (principal, action, resource) when { resource.hasTag("header.x-tenant-id") && resource.getTag("header.x-tenant-id") == "acme" };`,
	)
	w := server.post(
		"/v1/steps/canonical-request",
		`{"method":"GET","url":"https://abc.execute-api.eu-west-1.amazonaws.com/prod","headers":{"X-Tenant-Id":"acme"}}`,
	)
	document := decodeAs[map[string]any](t, w.Body)
	document["signedHeaders"] = slices.DeleteFunc(document["signedHeaders"].([]any), func(v any) bool { return v == "x-tenant-id" })
	text := strings.Replace(document["canonicalRequest"].(string), "x-tenant-id:acme\n", "", 1)
	document["canonicalRequest"] = strings.Replace(text, ";x-tenant-id", "", 1)
	w = server.post("/v1/steps/string-to-sign", encode(t, document))
	if w.Code != http.StatusOK {
		t.Fatalf("step 2 = %d %s", w.Code, w.Body)
	}
	if w = server.post("/v1/steps/signature", w.Body.String()); w.Code != http.StatusForbidden {
		t.Errorf("step 3 without the header that the policy reads = %d %s, want 403", w.Code, w.Body)
	}
}

// Verifying is decided like signing: by the headers that the signature covers.
func TestVerify_DecidesByTheSignedHeaders(t *testing.T) {
	server := withPolicies(
		t,
		`permit (principal, action, resource) when { resource.hasTag("header.x-tenant-id") && resource.getTag("header.x-tenant-id") == "acme" };`,
	)
	signed := server.sign(`{"method":"GET","url":"https://abc.execute-api.eu-west-1.amazonaws.com/prod","headers":{"X-Tenant-Id":"acme"}}`)
	for tenant, want := range map[string]int{"acme": 200, "victim": 403} {
		headers := map[string]string{}
		for name, value := range signed.Headers {
			headers[name] = value
		}
		headers["X-Tenant-Id"] = tenant
		w := server.post("/v1/verify", encode(t, map[string]any{"method": "GET", "url": signed.URL, "headers": headers}))
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", tenant, w.Code, w.Body, want)
		}
	}
	unsigned := encode(t, map[string]any{"method": "GET", "url": signed.URL, "headers": map[string]string{
		"X-Tenant-Id": "acme", "X-Amz-Date": signed.XAmzDate, "X-Amz-Security-Token": signed.XAmzSecurityToken,
		"Authorization": strings.Replace(signed.Authorization, ";x-tenant-id", "", 1),
	}})
	if w := server.post("/v1/verify", unsigned); w.Code != http.StatusForbidden {
		t.Errorf("a header that is not signed: %d %s, want 403", w.Code, w.Body)
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
