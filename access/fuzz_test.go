package access_test

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"countersign/access"
)

// FuzzDecide checks that whatever is permitted is also permitted by an independent reading of the request, and that
// respelling headers changes nothing.
func FuzzDecide(f *testing.F) {
	for _, rows := range [][]row{matrix()[:8], hostRows(), pathRows(), operationRows(), s3Rows()[:80], loginRows()[:20], shapeRows()} {
		for _, r := range rows {
			q := r.q.Request
			name, value := "", ""
			if len(q.Headers) > 0 {
				name, value = q.Headers[0].Name, q.Headers[0].Value
			}
			f.Add(q.Service, q.Region, q.Method, q.Host, q.Path, q.RawQuery, name, value, string(q.Payload), q.Body)
		}
	}
	p := newPolicy(f, `
@id("api") permit (principal, action, resource) when { resource.host == "abc.execute-api.eu-west-1.amazonaws.com" &&
  resource.path like "/prod/orders/*" };
@id("table") permit (principal, action, resource) when { resource.service == "dynamodb" && resource.operation == "GetItem" };
@id("queue") permit (principal, action, resource) when { resource.service == "sqs" && resource.operation == "SendMessage" };
@id("object") permit (principal, action, resource) when { resource.service == "s3" && resource.operation == "GetObject" };
`)
	f.Fuzz(func(t *testing.T, service, region, method, host, target, query, name, value, payload string, body []byte) {
		r := access.Request{
			Profile: "p", Service: service, Region: region, Method: method, Scheme: "https", Host: host, Path: target,
			RawQuery: query, Headers: []access.Field{{Name: name, Value: value}}, Payload: access.Payload(payload), Body: body,
		}
		d := p.Decide(crm(r))
		respelled := r
		respelled.Headers = []access.Field{{Name: strings.ToUpper(name), Value: value}}
		if again := p.Decide(crm(respelled)); again.Allowed != d.Allowed {
			t.Errorf("allowed %v, with the header in capitals %v", d.Allowed, again.Allowed)
		}
		if !d.Allowed {
			if d.Reason == "" {
				t.Error("denied without a reason")
			}
			return
		}
		u, err := url.Parse("https://" + host + target)
		if err != nil {
			t.Fatalf("allowed an invalid URL: %v", err)
		}
		if strings.ContainsAny(method+host+target+query+name+value, "\r\n\x00") {
			t.Error("allowed a line break")
		}
		switch d.Policies[0] {
		case "api":
			if u.Hostname() != "abc.execute-api.eu-west-1.amazonaws.com" || u.User != nil {
				t.Errorf("allowed the host %q", u.Hostname())
			}
			clean := path.Clean(u.Path)
			if !strings.HasPrefix(clean+"/", "/prod/orders/") {
				t.Errorf("allowed the path %q", clean)
			}
		case "table":
			if !strings.EqualFold(name, "x-amz-target") || !strings.HasSuffix(strings.TrimSpace(value), ".GetItem") {
				t.Errorf("allowed the target %q: %q", name, value)
			}
		case "queue":
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatalf("allowed a query that cannot be parsed: %v", err)
			}
			form, _ := url.ParseQuery(string(body))
			for from, of := range map[string]url.Values{"query": values, "body": form} {
				for key, all := range of {
					if strings.EqualFold(strings.TrimSpace(key), "action") && (len(all) != 1 || all[0] != "SendMessage") {
						t.Errorf("allowed %s=%q in the %s", key, all, from)
					}
				}
			}
		case "object":
			if values, _ := url.ParseQuery(query); method != "GET" || values.Has("acl") || values.Has("policy") || values.Has("torrent") {
				t.Errorf("allowed %s %s", method, query)
			}
		}
	})
}

// FuzzPolicyFile checks that no file makes parsing or deciding panic, and that none lifts the STS guardrail without
// naming it.
func FuzzPolicyFile(f *testing.F) {
	f.Add(`permit (principal, action, resource);`)
	f.Add(access.Guardrails())
	f.Add(`@id("a") permit (principal in Role::"x", action in [Action::"sign"], resource) when { ["GetItem"].contains(resource.operation) } ` +
		`unless { resource.port > 1 };`)
	f.Add(`permit (principal, action, resource) when { resource.hasTag("query.a") && resource.getTag("query.a") like "x*" };`)
	f.Add(`permit (principal, action, resource) when { if resource.service == "s3" then true else context.restricted };`)
	questions := []access.Question{
		crm(target("GetItem")), inbox(to("GET", files+"/a?acl&prefix=x")), admin(to("POST", token, "body", "Action=AssumeRole")),
	}
	f.Fuzz(func(t *testing.T, document string) {
		p, err := access.NewPolicy("fuzz", []byte(document))
		if err != nil {
			return
		}
		for _, q := range questions {
			d := p.Decide(q)
			if d.Allowed && q.Request.Service == "sts" && !strings.Contains(document, "sts") && !strings.Contains(document, `\`) {
				t.Errorf("STS allowed by %q", document)
			}
			if d.Allowed && !p.CouldAllow(q.Caller, access.Filter{Service: q.Request.Service}) {
				t.Errorf("%s is allowed and not listed", q.Request.Service)
			}
		}
	})
}

// FuzzToken checks that only tokens signed by the issuer are accepted, and that nothing panics.
func FuzzToken(f *testing.F) {
	i := directory()
	good := i.sign(goodHeader(), goodClaims(noon))
	f.Add(good)
	for _, token := range badTokens(i) {
		if len(token) < 4096 {
			f.Add(token)
		}
	}
	a := newAuthenticator(f, access.Options{Entra: i.entra(), APIKeys: []access.APIKey{{ID: "a", SHA256: hashOf("a.key")}}})
	f.Fuzz(func(t *testing.T, token string) {
		r := &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}
		got, err := a.Authenticate(r)
		if (err == nil) != (got.ID != "") {
			t.Errorf("got %+v with %v", got, err)
		}
		if err != nil {
			return
		}
		presented := strings.Split(strings.TrimSpace(token), ".")
		if want := strings.Split(good, "."); len(presented) != 3 || presented[0] != want[0] || presented[1] != want[1] {
			if strings.TrimSpace(token) != "a.key" {
				t.Errorf("accepted %q as %+v", token, got)
			}
		}
	})
}

// FuzzClientPrincipal checks that only applications of the tenant with the role are accepted.
func FuzzClientPrincipal(f *testing.F) {
	f.Add(clientPrincipal("aad", "appid", app, "tid", tenant, "roles", "Sign.Invoke"))
	f.Add(clientPrincipal("aad", "appid", app))
	f.Add("e30=")
	a := newAuthenticator(
		f,
		access.Options{TrustedHeader: &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{Roles: []string{"Sign.Invoke"}}}},
	)
	f.Fuzz(func(t *testing.T, header string) {
		got, err := a.Authenticate(&http.Request{Header: http.Header{"X-Ms-Client-Principal": {header}}})
		if (err == nil) != (got.ID != "") || err == nil && len(got.ID) != 36 {
			t.Errorf("got %+v with %v", got, err)
		}
	})
}
