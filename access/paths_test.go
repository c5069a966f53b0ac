package access_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"path"
	"strings"
	"testing"

	"countersign/access"
)

// adminIsForbidden is a typical policy about paths: a wide permit and a narrow forbid.
const adminIsForbidden = `permit (principal, action, resource) when { resource.path like "/prod/*" };
@id("admin") forbid (principal, action, resource) when { resource.path like "/prod/admin/*" };`

func onPath(wire string) access.Question {
	return sign(but(to("GET", api+"/"), func(r *access.Request) { r.Path = wire }))
}

func TestAmbiguousPathsAreAbsent(t *testing.T) {
	forbids := newPolicy(t, adminIsForbidden)
	permits := newPolicy(t, `permit (principal, action, resource) when { resource.path like "/*" };`)
	blind := newPolicy(t, `permit (principal, action, resource) when { resource.method == "GET" };`)
	for _, wire := range []string{
		"/prod/admin%2Fusers", "/prod/admin%2fusers", "/prod%2Fadmin%2Fusers", "/prod/admin%252Fusers", "/prod/admin%252fusers",
		"/prod/admin%25252Fusers",
		"/prod/admin%5Cusers", "/prod/admin%5cusers", `/prod/admin\users`, "/prod/admin%255Cusers",
		"/prod/admin;x/users", "/prod/admin;/users", "/prod/admin;jsessionid=1/" +
			"users", "/prod/admin%3Bx/users", "/prod/admin%3bx/users", "/prod/admin%253Bx/users", "/prod;v=1/admin/users",
		"/prod/x%3F/../admin/users", "/prod/admin%3Fx", "/prod/admin%23x", "/prod/admin%253Fx", "/prod/admin%00/users", "/prod/admin%2500/users",
		"/prod/admin/users%00.png",
		"/prod/%2561dmin/users", "/prod/%252561dmin/users", "/prod/adm%2569n/users", "/prod/admin%C0%AFusers", "/prod/admin%E0%80%AFusers",
		"/prod/admin%0a/users", "/prod/admin%C2%85/users",
		"/prod//admin/users", "/prod/./admin/users", "/prod/x/%2e%2e/admin/users",
	} {
		q := onPath(wire)
		if d := forbids.Decide(q); d.Allowed {
			t.Errorf("%s: %v, want the forbid to hold", wire, d)
		}
		if d := permits.Decide(q); d.Allowed {
			t.Errorf("%s: %v, want no permit on paths to apply", wire, d)
		}
		if d := blind.Decide(q); !d.Allowed {
			t.Errorf("%s: %v, want it allowed where no policy reads the path", wire, d)
		}
	}
	for _, wire := range []string{
		"/prod/orders/1", "/prod/%6Frders/1", "/prod/100%25", "/prod/100%25/x", "/prod/a%20b", "/prod/%C3%A9", "/prod/a:b,c=d@e+f",
		"/prod/a%2Cb%3Ac", "/prod/",
	} {
		if d := forbids.Decide(onPath(wire)); !d.Allowed {
			t.Errorf("%s: %v, want it allowed", wire, d)
		}
	}
}

// TestNoReadingOfAnAllowedPathIsForbidden disguises paths at random and reads the allowed ones as gateways and
// application servers do.
func TestNoReadingOfAnAllowedPathIsForbidden(t *testing.T) {
	p := newPolicy(t, adminIsForbidden)
	random := rand.New(rand.NewPCG(13, 3))
	pieces := []string{
		"/", "/", "/", "prod", "prod", "admin", "admin", "users", "orders", "a", ".", "..", ";", ";x", "%2F", "%2f", "%252F", "%25252f", "%5C",
		"%5c", "%255c", `\`,
		"%3B", "%3bx", "%253b", "%3F", "%253f", "%23", "%2523", "%00", "%2500", "%2e", "%2E%2e", "%252e", "%61dmin", "%2561dmin", "%252561dmin",
		"%25", "%2525", "%20", "%C0%AF", "%70rod",
	}
	allowed, tried, n := 0, 0, 30_000
	if testing.Short() {
		n = 6_000
	}
	for range n {
		wire := "/" + pick(random, "prod/", "prod/", "")
		for range random.IntN(7) {
			wire += pick(random, pieces...)
		}
		if !p.Decide(onPath(wire)).Allowed {
			continue
		}
		allowed++
		for _, reading := range lenientReadings(wire) {
			tried++
			if strings.HasPrefix(reading, "/prod/admin/") {
				t.Fatalf("%s is allowed and may be read as %s", wire, reading)
			}
		}
	}
	if allowed < n/30 || tried <= allowed {
		t.Errorf("%d allowed paths in %d readings, want %d at least, some with more than one reading", allowed, tried, n/30)
	}
}

// lenientReadings returns what servers can make of a path that split, decode, cut and clean it in any order.
func lenientReadings(wire string) []string {
	steps := []func(string) string{
		func(s string) string {
			if d, err := url.PathUnescape(s); err == nil {
				return d
			}
			return s
		},
		func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
		func(s string) string {
			parts := strings.Split(s, "/")
			for i := range parts {
				parts[i], _, _ = strings.Cut(parts[i], ";")
			}
			return strings.Join(parts, "/")
		},
		func(s string) string {
			if i := strings.IndexAny(s, "?#\x00"); i >= 0 {
				return s[:i]
			}
			return s
		},
		func(s string) string {
			if strings.HasSuffix(s, "/") {
				return path.Clean(s) + "/"
			}
			return path.Clean(s)
		},
	}
	seen := map[string]bool{wire: true}
	list := []string{wire}
	for i := 0; i < len(list); i++ {
		for _, step := range steps {
			if next := step(list[i]); !seen[next] {
				seen[next] = true
				list = append(list, next)
			}
		}
	}
	return list
}

// A queue's path is absent if the request may be for another queue.
func TestQueuesNamedTwiceHaveNoPath(t *testing.T) {
	p := newPolicy(t, `permit (principal, action, resource) when { resource.service == "sqs" && resource.path == "/123456789012/orders" };`)
	const orders = queue + "123456789012/orders"
	if d := p.Decide(sign(to("POST", orders, "body", "Action=SendMessage&MessageBody=x"))); !d.Allowed {
		t.Errorf("the queue alone: %v %v", d, d.Notes)
	}
	for name, r := range map[string]access.Request{
		"a form":              to("POST", orders, "body", "Action=SendMessage&QueueUrl=https%3A%2F%2Fx%2Fsecrets"),
		"another case":        to("POST", orders, "body", "Action=SendMessage&queueURL=x"),
		"encoded":             to("POST", orders, "body", "Action=SendMessage&%51ueueUrl=x"),
		"the query":           to("GET", orders+"?Action=SendMessage&QueueUrl=x"),
		"JSON":                to("POST", orders, "X-Amz-Target", "AmazonSQS.SendMessage", "body", `{"QueueUrl":"x"}`),
		"JSON without target": to("POST", orders, "body", ` {"QueueUrl":"x"}`),
		"a kept body": but(
			to("POST", orders, "X-Amz-Target", "AmazonSQS.SendMessage"), func(r *access.Request) { r.Payload = access.PayloadHash },
		),
		"a body that is open":  but(to("POST", orders+"?Action=SendMessage"), func(r *access.Request) { r.Payload = access.PayloadUnsigned }),
		"a name not decodable": to("POST", orders, "body", "Action=SendMessage&%zz=x"),
	} {
		if d := p.Decide(sign(r)); d.Allowed {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// The S3 control plane is signed like S3, but policies for S3 must not cover it.
func TestS3ControlPlaneIsNotS3(t *testing.T) {
	const account = "https://123456789012.s3-control.eu-west-1.amazonaws.com"
	requests := map[string]access.Request{
		"host.s3-control":   inService("s3", to("GET", account+"/v20180820/bucket/files")),
		"host.s3-control ":  inService("s3", to("GET", account+"/inbox/a")),
		"host.s3-control  ": inService("s3", to("GET", "https://123456789012.s3-control.dualstack.eu-west-1.amazonaws.com/inbox/a")),
		"host.s3-control   ": inService(
			"s3", to("GET", "https://123456789012.control.vpce-1a2b-3c4d.s3.eu-west-1.vpce.amazonaws.com/inbox/a"),
		),
		"host.s3express-control": inService("s3express", to("GET", "https://s3express-control.eu-west-1.amazonaws.com/files")),
		"host.s3-outposts":       inService("s3-outposts", to("GET", "https://s3-outposts.eu-west-1.amazonaws.com/v20180820/bucket/b")),
	}
	for name, r := range requests {
		if d := newPolicy(t, "").Decide(sign(r)); !d.Allowed || d.Operation != "" {
			t.Errorf("%s without a policy file: %v, operation %q", r.Host, d, d.Operation)
		}
		for _, condition := range []string{
			`resource.service == "` + r.Service + `"`,
			`resource.service == "` + r.Service + `" && resource.method == "GET" && resource.path like "/*"`,
			`resource.service == "` + r.Service + `" && ["GetObject", "ListObjectsV2", "ListObjects", "ListBuckets"].contains(resource.operation)`,
			`resource.host like "*.amazonaws.com"`,
		} {
			if d := newPolicy(t, `permit (principal, action, resource) when { `+condition+` };`).Decide(sign(r)); d.Allowed {
				t.Errorf("%s: %s: %v", r.Host, condition, d)
			}
		}
		if d := newPolicy(t, `permit (principal, action, resource);`).Decide(sign(r)); d.Allowed ||
			!strings.Contains(d.Reason, strings.TrimSpace(name)) {
			t.Errorf("%s: %v, want it to say what to name", r.Host, d)
		}
		d := newPolicy(t, `permit (principal, action, resource); forbid (principal, action, resource) `+
			`when { resource.service == "`+r.Service+`" };`).Decide(sign(r))
		if d.Allowed {
			t.Errorf("%s: %v, want a forbid on the service to hold", r.Host, d)
		}
		for _, condition := range []string{
			`resource.host == "` + r.Host + `"`,
			`["` + r.Host + `"].contains(resource.host)`,
			`resource.service == "` + r.Service + `" && resource.host like "*` + strings.TrimPrefix(r.Host, "123456789012") + `"`,
		} {
			if d := newPolicy(t, `permit (principal, action, resource) when { `+condition+` };`).Decide(sign(r)); !d.Allowed {
				t.Errorf("%s: %s: %v", r.Host, condition, d)
			}
		}
	}
}

// Identifiers with slashes are common. Their paths are absent, so policies name the operation instead.
func TestIdentifiersWithSlashesHaveAnOperation(t *testing.T) {
	const model = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/" +
		"arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fa1/"
	for want, q := range map[string]access.Question{
		"InvokeModel":    sign(inService("bedrock", to("POST", model+"invoke"))),
		"ConverseStream": sign(inService("bedrock", to("POST", model+"converse-stream"))),
		"Invoke":         onPath("/prod/orders%2F1"),
		"":               onPath("/prod/%40connections%2F1"),
	} {
		d := newPolicy(t, fmt.Sprintf(`permit (principal, action, resource) when { resource.operation == %q };`, want)).Decide(q)
		if d.Operation != want || d.Allowed != (want != "") {
			t.Errorf("%s: operation %q, %v", q.Request.Path, d.Operation, d)
		}
		if d := newPolicy(t, `permit (principal, action, resource) when { resource.path like "/*" };`).Decide(q); d.Allowed {
			t.Errorf("%s: %v, want no permit on paths to apply", q.Request.Path, d)
		}
	}
	for _, id := range []string{"a%2F..%2Fb", "a%3F", "a%23", "a;b", "a%5Cb", "a%2561", "%2F%2F"} {
		r := inService("bedrock", to("POST", "https://bedrock-runtime.eu-west-1.amazonaws.com/"))
		r.Path = "/model/" + id + "/invoke"
		if d := newPolicy(t, "").Decide(sign(r)); d.Operation != "" || !d.Allowed {
			t.Errorf("%s: operation %q, %v, want none and it signed", r.Path, d.Operation, d)
		}
	}
}
