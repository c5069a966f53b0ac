package access_test

import (
	"strings"
	"testing"

	"countersign/access"
)

func TestPolicy_WarnsOfConditionsThatNoSignatureEnforces(t *testing.T) {
	for _, tt := range []struct {
		name, policy string
		want         string // in the one warning; empty if there must be none
	}{
		{
			"forbid on presence", `forbid (principal, action, resource) when { resource.headers.contains("x-debug") };`,
			"absence of the header x-debug",
		},
		{
			"forbid on a value",
			`forbid (principal, action, resource) when { resource.hasTag("header.x-debug") && resource.getTag("header.x-debug") == "1" };`,
			"absence of the header x-debug",
		},
		{
			"forbid on any of several", `forbid (principal, action, resource) when { resource.headers.containsAny(["x-debug"]) };`,
			"absence of the header x-debug",
		},
		{
			"forbid, written the other way round",
			`forbid (principal, action, resource) when { ["x-debug"].containsAny(resource.headers) };`, "absence of the header x-debug",
		},
		{
			"permit on absence", `permit (principal, action, resource) when { !resource.headers.contains("x-debug") };`,
			"absence of the header x-debug",
		},
		{
			"permit that a header makes ask for more",
			`permit (principal, action, resource) when { (resource.headers.contains("x-debug") && resource.operation == "PutObject") || ` +
				`resource.payload == "signed" };`,
			"absence of the header x-debug",
		},
		{
			"permit unless", `permit (principal, action, resource) unless { resource.headers.contains("x-debug") };`,
			"absence of the header x-debug",
		},
		{"permit on no headers", `permit (principal, action, resource) when { resource.headers.isEmpty() };`, "absence of other headers"},
		{
			"permit on a list of allowed headers",
			`permit (principal, action, resource) when { ["accept"].containsAll(resource.headers) };`, "absence of other headers",
		},
		{"permit on exactly these", `permit (principal, action, resource) when { resource.headers == ["accept"] };`, "absence of other headers"},
		{
			"permit unless it has a value",
			`permit (principal, action, resource) unless { resource.hasTag("header.x-t") && resource.getTag("header.x-t") == "a" };`,
			"absence of the header x-t",
		},
		{
			"either way",
			`permit (principal, action, resource) ` +
				`when { if resource.headers.contains("x-t") then resource.method == "GET" else resource.method == "PUT" };`,
			"absence of the header x-t",
		},
		{
			"a name out of the request", `forbid (principal, action, resource) when { resource.headers.contains(resource.method) };`,
			"absence of other headers",
		},
		{
			"Authorization", `permit (principal, action, resource) when { resource.headers.contains("authorization") };`,
			"looks for the header authorization",
		},
		{
			"User-Agent",
			`permit (principal, action, resource) when { resource.hasTag("header.user-agent") && resource.getTag("header.user-agent") like "x*" };`,
			"looks for the header user-agent",
		},
		{"Host", `permit (principal, action, resource) when { resource.headers.contains("host") };`, "looks for the header host"},

		{"permit on presence", `permit (principal, action, resource) when { resource.headers.contains("if-none-match") };`, ""},
		{
			"permit on a value",
			`permit (principal, action, resource) when { resource.hasTag("header.x-tenant-id") && ` +
				`resource.getTag("header.x-tenant-id") == "acme" };`,
			"",
		},
		{"forbid unless present", `forbid (principal, action, resource) unless { resource.headers.contains("x-guardrail") };`, ""},
		{"forbid when nothing is there", `forbid (principal, action, resource) when { resource.headers.isEmpty() };`, ""},
		{"x-amz-, which AWS wants signed", `forbid (principal, action, resource) when { resource.headers.contains("x-amz-acl") };`, ""},
		{
			"verify, after which nothing is sent",
			`forbid (principal, action == Action::"verify", resource) when { resource.headers.contains("x-debug") };`, "",
		},
		{
			"send, which cannot be changed afterwards",
			`forbid (principal, action == Action::"send", resource) when { resource.headers.contains("x-debug") };`, "",
		},
		{
			"User-Agent, which is sent",
			`permit (principal, action == Action::"send", resource) when { resource.headers.contains("user-agent") };`, "",
		},
		{
			"Host, when sent", `permit (principal, action == Action::"send", resource) when { resource.headers.contains("host") };`,
			"looks for the header host",
		},
		{"no headers at all", `forbid (principal, action, resource) when { resource.query.contains("acl") };`, ""},
	} {
		got := newPolicy(t, tt.policy).Warnings()
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want) ||
			!strings.Contains(got[0], "policies.cedar:1")) {
			t.Errorf("%s: warnings %q, want %q in one that names the policy", tt.name, got, tt.want)
		}
	}
	if got := newPolicy(t, "").Warnings(); len(got) > 0 {
		t.Errorf("without a policy file: %q", got)
	}
}

func TestPolicy_ReadsHeader(t *testing.T) {
	p := newPolicy(t, `
		permit (principal, action, resource) when { resource.headers.contains("if-none-match") };
		forbid (principal, action, resource) unless { ["x-a", "x-b"].containsAny(resource.headers) };
		permit (principal, action, resource) when { resource.hasTag("header.x-tenant-id") && resource.getTag("header.x-tenant-id") == "acme" };
		permit (principal, action, resource) when { resource.query.contains("x-query") };`)
	for _, name := range []string{"if-none-match", "x-a", "x-b", "x-tenant-id"} {
		if !p.ReadsHeader(name) {
			t.Errorf("ReadsHeader(%q) = false, and a policy looks for it", name)
		}
	}
	for _, name := range []string{"x-query", "accept", ""} {
		if p.ReadsHeader(name) {
			t.Errorf("ReadsHeader(%q) = true, and no policy looks for it", name)
		}
	}
}

// A comma separates the values of one header just as it joins two headers of the same name. The signature is the same,
// but receivers may read it differently.
func TestPolicy_RefusesAHeaderThatCouldBeSentAsTwo(t *testing.T) {
	const tenant = `permit (principal, action, resource) when { resource.hasTag("header.x-tenant") && ` +
		`resource.getTag("header.x-tenant") like "*" };`
	const present = `permit (principal, action, resource) when { resource.headers.contains("x-tenant") };`
	one, two := []string{"x-tenant", "acme,victim"}, []string{"x-tenant", "acme", "X-Tenant", "victim"}
	for _, tt := range []struct {
		name, policy string
		headers      []string
		allow        bool
	}{
		{"one value", tenant, []string{"x-tenant", "acme"}, true},
		{"a comma, and its value is read", tenant, one, false},
		{"two headers, and their value is read", tenant, two, false},
		{"a comma, and only its presence counts", present, one, true},
		{"two headers, and only their presence counts", present, two, true},
		{"a comma in a header that no policy reads", tenant, []string{"x-tenant", "acme", "accept", "a, b"}, true},
	} {
		d := newPolicy(t, tt.policy).Decide(sign(to("GET", api+"/prod/orders", tt.headers...)))
		if d.Allowed != tt.allow {
			t.Errorf("%s: %v, want allowed %v", tt.name, d, tt.allow)
		}
	}
}

// In the canonical request, a lenient receiver may write the same line for a missing header as for an empty one. A
// policy that looks for a header must be sure that it is there.
func TestPolicy_RefusesAnEmptyHeaderThatItLooksFor(t *testing.T) {
	const policy = `permit (principal, action, resource);
		forbid (principal, action, resource) when { resource.headers.contains("x-amz-acl") };`
	for value, allow := range map[string]bool{"": false, " \t ": false, "private": false} {
		d := newPolicy(t, policy).Decide(sign(to("GET", api+"/prod/orders", "x-amz-acl", value)))
		if d.Allowed != allow {
			t.Errorf("x-amz-acl: %q: %v, want allowed %v", value, d, allow)
		}
	}
	if d := newPolicy(t, policy).Decide(sign(to("GET", api+"/prod/orders", "x-other", ""))); !d.Allowed {
		t.Errorf("an empty header that no policy looks for: %v", d)
	}
	for _, whole := range []string{
		`!(["accept"].containsAll(resource.headers))`, `!resource.headers.isEmpty()`, `resource.headers != ["accept"]`,
	} {
		all := "permit (principal, action, resource) when { " + whole + " };"
		if d := newPolicy(t, all).Decide(sign(to("GET", api+"/prod/orders", "x-other", ""))); d.Allowed {
			t.Errorf("an empty header where a permit looks at all of them by %s: %v", whole, d)
		}
		if d := newPolicy(t, all).Decide(sign(to("GET", api+"/prod/orders", "x-other", "1"))); !d.Allowed {
			t.Errorf("a header where a permit looks at all of them by %s: %v", whole, d)
		}
	}
	present := `permit (principal, action, resource) when { resource.headers.contains("x-tenant") };`
	if d := newPolicy(t, present).Decide(sign(to("GET", api+"/prod/orders", "x-tenant", ""))); d.Allowed {
		t.Errorf("an empty header that a permit looks for: %v", d)
	}
}

// Signing folds only spaces and tabs, so a policy must not treat other white space as a space.
func TestPolicy_FoldsWhiteSpaceAsSigningDoes(t *testing.T) {
	p := newPolicy(t, `permit (principal, action, resource) when { resource.hasTag("header.x-t") && resource.getTag("header.x-t") == "a b" };`)
	for value, want := range map[string]bool{
		"a b": true, " a \t b ": true, "a\u00a0b": false, "a\u2003b": false, "a\u0085b": false, "a  b\u00a0": false,
	} {
		q := access.Question{Caller: by("crm-sync"), Action: access.ActionSign, Request: to("GET", api+"/prod", "x-t", value)}
		if d := p.Decide(q); d.Allowed != want {
			t.Errorf("%q: %v, want allowed %v", value, d, want)
		}
	}
}
