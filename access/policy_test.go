package access_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
)

func newPolicy(t testing.TB, document string) *access.Policy {
	t.Helper()
	var b []byte
	if document != "" {
		b = []byte(document)
	}
	p, err := access.NewPolicy("policies.cedar", b)
	if err != nil {
		t.Fatalf("NewPolicy: %v", err)
	}
	return p
}

// to returns a request whose service and region are read from the host. The fields are name, value, name, value…
func to(method, target string, fields ...string) access.Request {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	r := access.Request{
		Profile: "orders", Region: "eu-west-1", Method: method, Scheme: u.Scheme, Host: u.Host,
		Path: u.EscapedPath(), RawQuery: u.RawQuery, Payload: access.PayloadSigned,
	}
	labels := strings.Split(u.Hostname(), ".")
	r.Service = labels[0]
	for _, known := range []string{"execute-api", "s3"} {
		if slices.Contains(labels, known) {
			r.Service = known
		}
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "body" {
			r.Body = []byte(fields[i+1])
			continue
		}
		r.Headers = append(r.Headers, access.Field{Name: fields[i], Value: fields[i+1]})
	}
	return r
}

func by(caller string) access.Caller { return access.Caller{ID: caller, Method: access.MethodAPIKey} }

func sign(r access.Request) access.Question {
	return access.Question{Caller: by("crm-sync"), Action: access.ActionSign, Request: r}
}

func TestWithoutPolicyFile(t *testing.T) {
	p := newPolicy(t, "")
	for _, tt := range []struct {
		name string
		r    access.Request
		want string // the deciding policy
	}{
		{"API Gateway", to("GET", "https://abc.execute-api.eu-west-1.amazonaws.com/prod/orders"), "default"},
		{"S3 with everything", to("PUT", "https://b.s3.eu-west-1.amazonaws.com/k?acl", "x-amz-acl", "public-read"), "default"},
		{"an unknown service", to("GET", "https://newest.eu-west-1.amazonaws.com/"), "default"},
		{"STS", to("POST", "https://sts.eu-west-1.amazonaws.com/", "body", "Action=GetCallerIdentity&Version=2011-06-15"), "login-services"},
		{"IAM", to("POST", "https://iam.amazonaws.com/", "body", "Action=CreateAccessKey"), "login-services"},
	} {
		d := p.Decide(sign(tt.r))
		if !slices.Equal(d.Policies, []string{tt.want}) || d.Allowed != (tt.want == "default") {
			t.Errorf("%s: %v, want it decided by %s", tt.name, d, tt.want)
		}
	}
}

func TestPolicyFileIsCheckedWhenItIsRead(t *testing.T) {
	for _, tt := range []struct{ name, document, want string }{
		{"empty", " ", "policies.cedar: no policies"},
		{"not Cedar", "allow everything;", "policies.cedar"},
		{"misspelled attribute", "\npermit (principal, action, resource) when { resource.sevice == \"s3\" };", "policies.cedar:2:"},
		{"wrong type", `permit (principal, action, resource) when { resource.port == "443" };`, "policies.cedar:1:"},
		{"unknown action", `permit (principal, action == Action::"delete", resource);`, "policies.cedar:1:"},
		{"unknown kind of principal", `permit (principal == User::"x", action, resource);`, "policies.cedar:1:"},
		{"id of a guardrail", `@id("login-services") permit (principal, action, resource);`, `duplicate policy id "login-services"`},
		{"id twice", `@id("a") permit (principal, action, resource); @id("a") permit (principal, action, resource);`, `duplicate policy id "a"`},
		{
			"has", `forbid (principal, action, resource) when { resource has operation && resource.operation == "DeleteItem" };`,
			"use operation without has",
		},
		{
			"header in capitals", `permit (principal, action, resource) when { resource.headers.contains("X-Amz-Acl") };`,
			"header names must be in lower case",
		},
		{
			"tag in capitals",
			`permit (principal, action, resource) when { resource.hasTag("header.X") && resource.getTag("header.X") == "" };`,
			"header names must be in lower case",
		},
		{
			"tag of no kind",
			`permit (principal, action, resource) when { resource.hasTag("prefix") && resource.getTag("prefix") == "x" };`,
			`"query." or "header."`,
		},
		{
			"tag that is not written out",
			`permit (principal, action, resource) when { resource.hasTag(resource.host) && resource.getTag(resource.host) == "x" };`,
			`"query." or "header."`,
		},
		{"tag without hasTag", `permit (principal, action, resource) when { resource.getTag("query.prefix") == "x" };`, "policies.cedar:1:"},
	} {
		if _, err := access.NewPolicy("policies.cedar", []byte(tt.document)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.want)
		}
	}
	_, err := access.NewPolicy(
		"p",
		[]byte("permit (principal, action, resource) when { resource.a == 1 };\npermit (principal, action, resource) when { resource.b == 1 };"),
	)
	if err == nil || !strings.Contains(err.Error(), "p:1:") || !strings.Contains(err.Error(), "p:2:") {
		t.Errorf("two faults: got %v, want both", err)
	}
}

// Every attribute is taken from the request, and policies see its exact value.
func TestAttributes(t *testing.T) {
	full := to(
		"POST", "https://s3.eu-west-1.amazonaws.com:8443/b%20c/d?prefix=x%2Fy&delimiter=%2F", "X-Amz-Meta-Flow", "  a   b ",
		"Content-Type", "text/plain",
	)
	full.ExpiresIn = 300 * time.Second
	q := access.Question{
		Caller: access.Caller{ID: "crm-sync", Method: access.MethodEntra, Roles: []string{"Sign.Invoke"}},
		Action: access.ActionPresign, Request: full,
	}
	own := q
	own.Request.Profile, own.Request.OwnKeys = "", true
	getItem := q
	getItem.Request = target("GetItem")
	for _, tt := range []struct {
		name, holds, fails string
		q                  access.Question
	}{
		{"id", `principal.id == "crm-sync"`, `principal.id == "crm"`, q},
		{"caller's method", `principal.method == "entra"`, `principal.method == "api-key"`, q},
		{"role", `principal in Role::"Sign.Invoke"`, `principal in Role::"Sign.Admin"`, q},
		{"profile", `resource.profile == "orders"`, `resource.profile == "other"`, q},
		{"not its own keys", `resource.ownKeys == false`, `resource.ownKeys`, q},
		{"its own keys", `resource.ownKeys`, `!resource.ownKeys`, own},
		{"service", `resource.service == "s3"`, `resource.service == "s3express"`, q},
		{"region", `resource.region == "eu-west-1"`, `resource.region == "eu-west"`, q},
		{"host", `resource.host == "s3.eu-west-1.amazonaws.com"`, `resource.host == "s3.eu-west-1.amazonaws.com:8443"`, q},
		{"port", `resource.port == 8443`, `resource.port == 443`, q},
		{"method", `resource.method == "POST"`, `resource.method == "GET"`, q},
		{"path", `resource.path == "/b c/d"`, `resource.path == "/b%20c/d"`, q},
		{"query", `resource.query == ["delimiter", "prefix"]`, `resource.query.contains("Prefix")`, q},
		{"headers", `resource.headers == ["x-amz-meta-flow", "content-type"]`, `resource.headers.contains("host")`, q},
		{"query's value", `resource.hasTag("query.prefix") && resource.getTag("query.prefix") == "x/y"`, `resource.hasTag("query.marker")`, q},
		{
			"header's value", `resource.hasTag("header.x-amz-meta-flow") && resource.getTag("header.x-amz-meta-flow") == "a b"`,
			`resource.hasTag("header.accept")`, q,
		},
		{"payload", `resource.payload == "signed"`, `resource.payload == "hash"`, q},
		{"seconds", `resource.expiresIn == 300`, `resource.expiresIn > 300`, q},
		{"operation", `resource.operation == "GetItem"`, `resource.operation == "Query"`, getItem},
		{"port of https", `resource.port == 443`, `resource.port == 80`, getItem},
	} {
		if d := newPolicy(t, "permit (principal, action, resource) when { "+tt.holds+" };").Decide(tt.q); !d.Allowed {
			t.Errorf("%s: %s: %v %v", tt.name, tt.holds, d, d.Notes)
		}
		if d := newPolicy(t, "permit (principal, action, resource) when { "+tt.fails+" };").Decide(tt.q); d.Allowed || len(d.Notes) > 0 {
			t.Errorf("%s: %s: %v %v", tt.name, tt.fails, d, d.Notes)
		}
	}
}

// Only naming lifts a guardrail.
func TestGuardrailsAreLiftedByName(t *testing.T) {
	connect := to("GET", "https://db.eu-west-1.amazonaws.com/?Action=connect")
	connect.Service = "rds-db"
	acl := to("GET", files+"/a?acl")
	for _, tt := range []struct {
		condition string
		r         access.Request
		want      bool
	}{
		{`resource.service == "rds-db"`, connect, true},
		{`"rds-db" == resource.service`, connect, true},
		{`["rds-db", "sts"].contains(resource.service)`, connect, true},
		{`resource.region == "eu-west-1" && (resource.service == "s3" || resource.service == "rds-db")`, connect, true},
		{`true`, connect, false},
		{`resource.service like "rds-db"`, connect, false},
		{`resource.service like "*"`, connect, false},
		{`resource.service != "sts"`, connect, false},
		{`!(resource.service like "sts*")`, connect, false},
		{`["rds-db"] == [resource.service]`, connect, false},
		{`resource.profile != "rds-db"`, connect, false},
		{`resource.host == "db.eu-west-1.amazonaws.com"`, connect, false},
		{`resource.query.contains("acl")`, acl, true},
		{`resource.query.containsAny(["acl"])`, acl, true},
		{`["acl"].containsAll(resource.query)`, acl, true},
		{`resource.hasTag("query.acl")`, acl, true},
		{`resource.service == "s3"`, acl, false},
		{`resource.operation == "GetObjectAcl"`, acl, false},
		{`resource.path like "/a*"`, acl, false},
		{`!resource.query.contains("policy")`, acl, false},
	} {
		p := newPolicy(t, `permit (principal, action, resource) when { `+tt.condition+` };`)
		if d := p.Decide(sign(tt.r)); d.Allowed != tt.want {
			t.Errorf("%s: %v, want allow %v", tt.condition, d, tt.want)
		}
	}
	two := newPolicy(t, `permit (principal, action, resource) when { resource.query.contains("acl") };
		permit (principal, action, resource) when { resource.query.contains("versionId") };`)
	if d := two.Decide(sign(to("GET", files+"/a?acl&versionId=1"))); !d.Allowed {
		t.Errorf("named by two policies together: %v", d)
	}
	if d := two.Decide(sign(to("GET", files+"/a?acl&versionId=1&torrent"))); d.Allowed || !strings.Contains(d.Reason, "query.torrent") {
		t.Errorf("one is not named: %v, want it said which", d)
	}
}

// Guardrails guard the operator's credentials, not the caller's own. The operator's policies apply to both.
func TestGuardrailsLetOwnKeysThrough(t *testing.T) {
	requests := []access.Request{
		to("POST", token, "body", "Action=AssumeRole"),
		to("GET", token+"?Action=GetCallerIdentity", "X-Vault-AWS-IAM-Server-ID", "vault"),
		to("POST", token, "body", "no action"),
		to("PUT", files+"/a?acl", "x-amz-acl", "public-read"),
	}
	for _, r := range requests {
		own := but(r, func(r *access.Request) { r.Profile, r.OwnKeys = "", true })
		for _, document := range []string{
			"", `permit (principal, action, resource);`, `permit (principal, action, resource) when { resource.ownKeys };`,
		} {
			if d := newPolicy(t, document).Decide(sign(own)); !d.Allowed {
				t.Errorf("%q: %v", document, d)
			}
		}
		d := newPolicy(t, `permit (principal, action, resource); forbid (principal, action, resource) `+
			`when { resource.ownKeys };`).Decide(sign(own))
		if d.Allowed {
			t.Errorf("forbidden by the operator: %v", d)
		}
		nameless := but(r, func(r *access.Request) { r.Profile = "" })
		if d := newPolicy(t, `permit (principal, action, resource);`).Decide(sign(nameless)); d.Allowed {
			t.Errorf("no profile, and not said whose keys: %v", d)
		}
	}
}

func TestReasonsExplain(t *testing.T) {
	p := filePolicy(t)
	for _, tt := range []struct {
		name string
		q    access.Question
		want string
	}{
		{"nothing permits", crm(to("GET", api+"/prod/admin")), "no policy permits this"},
		{"its own reason", admin(target("DeleteItem")), "tables are not deleted from here"},
		{"no reason", admin(but(target("GetItem"), func(r *access.Request) { r.Region = "us-east-1" })), "a policy forbids this"},
		{
			"in doubt", admin(to("POST", table)),
			"the policy nothing-is-deleted reads an attribute that cannot be determined for this request: `operation`",
		},
		{
			"a login", admin(to("POST", token, "body", "Action=AssumeRole")),
			"a signature for this service can be used as a login; a policy must name the service",
		},
		{
			"malformed", crm(but(target("GetItem"), func(r *access.Request) { r.Service = "DYNAMODB" })),
			`the service name "DYNAMODB" is not an AWS signing name, such as sqs or execute-api`,
		},
		{"twice", inbox(to("GET", files+"/?list-type=2&prefix=inbox%2F&prefix=b")), `the query parameter "prefix" is given more than once`},
		{
			"another case", inbox(to("GET", files+"/?list-type=2&Prefix=inbox%2F")),
			`the query parameter "Prefix" is spelled differently in a policy`,
		},
	} {
		if d := p.Decide(tt.q); d.Reason != tt.want {
			t.Errorf("%s: reason %q, want %q", tt.name, d.Reason, tt.want)
		}
	}
}

func TestCouldAllow(t *testing.T) {
	p := newPolicy(t, `
permit (principal == Caller::"crm-sync", action == Action::"sign", resource)
when { resource.profile == "orders" && (resource.service == "s3" || resource.service == "sqs") && resource.path like "/x*" };
permit (principal == Caller::"crm-sync", action == Action::"presign", resource)
when { resource.profile == "files" && resource.service == "s3" } unless { resource.host == "h" || resource.region == "us-east-1" };
permit (principal == Caller::"crm-sync", action, resource)
when { resource.profile == "cluster" && resource.service == "sts" && resource.hasTag("header.x-k8s-aws-id") };
permit (principal == Caller::"verifier", action == Action::"verify", resource);
permit (principal == Caller::"ops", action, resource);
forbid (principal, action, resource) when { resource.region == "cn-north-1" };
forbid (principal, action, resource) when { resource.service == "sqs" && resource.operation == "DeleteQueue" };
`)
	for _, tt := range []struct {
		caller string
		use    access.Filter
		want   bool
	}{
		{"crm-sync", access.Filter{}, true},
		{"crm-sync", access.Filter{Profile: "orders"}, true},
		{"crm-sync", access.Filter{Profile: "files"}, true},
		{"crm-sync", access.Filter{Profile: "cluster"}, true},
		{"crm-sync", access.Filter{Profile: "other"}, false},
		{"crm-sync", access.Filter{Service: "s3"}, true},
		{"crm-sync", access.Filter{Service: "sqs"}, true},
		{"crm-sync", access.Filter{Service: "sts"}, true},
		{"crm-sync", access.Filter{Service: "iam"}, false},
		{"crm-sync", access.Filter{Service: "ec2"}, false},
		{"crm-sync", access.Filter{Profile: "orders", Service: "sts"}, false},
		{"crm-sync", access.Filter{Profile: "files", Service: "sqs"}, false},
		{"crm-sync", access.Filter{Region: "eu-west-1"}, true},
		{"crm-sync", access.Filter{Region: "cn-north-1"}, false},
		{"crm-sync", access.Filter{Profile: "files", Region: "us-east-1"}, false},
		{"crm-sync", access.Filter{Profile: "orders", Region: "us-east-1"}, true},
		{"verifier", access.Filter{}, false},
		{"stranger", access.Filter{}, false},
		{"ops", access.Filter{Profile: "any", Service: "ec2", Region: "eu-west-1"}, true},
		{"ops", access.Filter{Service: "sts"}, false},
		{"", access.Filter{}, false},
	} {
		if got := p.CouldAllow(by(tt.caller), tt.use); got != tt.want {
			t.Errorf("%q %+v: got %v, want %v", tt.caller, tt.use, got, tt.want)
		}
	}
	open := newPolicy(t, "")
	if !open.CouldAllow(by("x"), access.Filter{Profile: "any", Service: "s3"}) || open.CouldAllow(by("x"), access.Filter{Service: "sts"}) {
		t.Error("without a policy file: want every service but those of the guardrails")
	}
}

// Whatever is allowed is listed.
func TestEverythingAllowedIsListed(t *testing.T) {
	p := filePolicy(t)
	allowed := 0
	for _, r := range slices.Concat(matrix(), pathRows(), operationRows(), s3Rows(), loginRows(), shapeRows()) {
		q := r.q
		if !p.Decide(q).Allowed || q.Action != access.ActionSign && q.Action != access.ActionPresign {
			continue
		}
		allowed++
		for _, use := range []access.Filter{
			{},
			{Profile: q.Request.Profile},
			{Service: q.Request.Service},
			{Region: q.Request.Region},
			{Profile: q.Request.Profile, Service: q.Request.Service, Region: q.Request.Region},
		} {
			if !p.CouldAllow(q.Caller, use) {
				t.Errorf("%s: %+v is not listed", r.name, use)
			}
		}
	}
	if allowed < 40 {
		t.Errorf("%d allowed rows, want 40 at least", allowed)
	}
}

func TestPolicyTable(t *testing.T) {
	p := filePolicy(t)
	parse := func(c access.Case) (access.Request, error) {
		if string(c.Request) == `"bad"` {
			return access.Request{}, errors.New("not a request")
		}
		return to("GET", api+strings.Trim(string(c.Request), `"`)), nil
	}
	cases, err := access.ReadCases([]byte(`[
		{"name": "reads orders", "caller": "crm-sync", "request": "/prod/orders/1", "expect": "allow", "policy": "orders-api"},
		{"name": "reads no admin", "caller": "crm-sync", "action": "presign", "request": "/prod/admin", "expect": "deny"},
		{"name": "operator", "caller": "x", "roles": ["Sign.Admin"], "method": "entra", "request": "/prod/admin", "expect": "allow"},
		{"name": "nonsense", "caller": "x", "request": "bad", "expect": "refuse"},
		{"name": "wrong", "caller": "x", "request": "/prod/orders/1", "expect": "allow"},
		{"name": "wrong policy", "caller": "crm-sync", "request": "/prod/orders/1", "expect": "allow", "policy": "operators"},
		{"name": "nonsense too", "caller": "x", "request": "bad", "expect": "deny"}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	failed, err := p.Test(&out, cases, parse)
	if err != nil || failed != 3 {
		t.Errorf("%d failed, %v, want 3", failed, err)
	}
	want := `ok    reads orders
ok    reads no admin
ok    operator
ok    nonsense
FAIL  wrong: deny: no policy permits this, want allow
FAIL  wrong policy: allow by orders-api, want it decided by operators
FAIL  nonsense too: refused, want deny: not a request
7 cases, 3 failed
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `[{"title": "x"}]`, `[{"name": "x", "caller": "y", "request": 1, "expect": "maybe"}]`,
		`[{"name": "x", "expect": "deny"}]`,
		`[{"name": "x", "caller": "y", "request": 1, "expect": "deny"}] []`,
	} {
		if _, err := access.ReadCases([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func TestExplain(t *testing.T) {
	var out strings.Builder
	if err := filePolicy(t).Explain(&out, crm(to("POST", table+"?b=1", "X-Amz-Target", "nothing"))); err != nil {
		t.Fatal(err)
	}
	want := "deny by nothing-is-deleted: the policy nothing-is-deleted reads an attribute that cannot be determined " +
		"for this request: `operation`" + `

  caller     crm-sync
  action     sign
  profile    orders
  service    dynamodb
  region     eu-west-1
  host       dynamodb.eu-west-1.amazonaws.com
  method     POST
  path       /
  operation  (undetermined)
  payload    signed
  query      b
  header     x-amz-target

not evaluated: orders-table: ` + "`Request::\"request\"` does not have the attribute `operation`" + `

not evaluated: nothing-is-deleted: ` + "`Request::\"request\"` does not have the attribute `operation`" + `
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestShippedTextsArePrintable(t *testing.T) {
	if !strings.Contains(access.Guardrails(), `@id("login-services")`) || !strings.Contains(access.Schema(), "entity Request") {
		t.Error("the shipped texts are not there")
	}
}

func BenchmarkDecide(b *testing.B) {
	for name, p := range map[string]*access.Policy{"no policy file": newPolicy(b, ""), "eleven policies": filePolicy(b)} {
		for what, q := range map[string]access.Question{
			"API Gateway": crm(to("GET", api+"/prod/orders/1", "Accept", "*/*")), "DynamoDB": crm(target("GetItem")),
		} {
			b.Run(name+", "+what, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if d := p.Decide(q); !d.Allowed {
						b.Fatal(d)
					}
				}
			})
		}
	}
}

func BenchmarkCouldAllow(b *testing.B) {
	p := filePolicy(b)
	for b.Loop() {
		p.CouldAllow(by("crm-sync"), access.Filter{Service: "glacier"})
	}
}
