package access_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

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

// to is a request: its service and region are read from the plain form of the
// host, fields follow as name, value, name, value…
func to(method, target string, fields ...string) access.Request {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	r := access.Request{Profile: "orders", Region: "eu-west-1", Method: method, Scheme: u.Scheme, Host: u.Host,
		Path: u.EscapedPath(), RawQuery: u.RawQuery, Payload: access.PayloadSigned}
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
		want string // the policy that decides
	}{
		{"API Gateway", to("GET", "https://abc.execute-api.eu-west-1.amazonaws.com/prod/orders"), "default"},
		{"S3 with everything", to("PUT", "https://b.s3.eu-west-1.amazonaws.com/k?acl", "x-amz-acl", "public-read"), "default"},
		{"a service that nobody knows", to("GET", "https://newest.eu-west-1.amazonaws.com/"), "default"},
		{"STS", to("POST", "https://sts.eu-west-1.amazonaws.com/", "body", "Action=GetCallerIdentity&Version=2011-06-15"), "login-services"},
		{"IAM", to("POST", "https://iam.amazonaws.com/", "body", "Action=CreateAccessKey"), "login-services"},
	} {
		d := p.Decide(sign(tt.r))
		if !slices.Equal(d.Policies, []string{tt.want}) || d.Allowed != (tt.want == "default") {
			t.Errorf("%s: %v, want it decided by %s", tt.name, d, tt.want)
		}
	}
}
