package access_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/access"
)

// credentialRow is a row of credentials.tsv.
type credentialRow struct{ service, operation, request, byDefault, credential, why, source string }

func credentialRows(t *testing.T) []credentialRow {
	t.Helper()
	var rows []credentialRow
	for _, row := range table2(t, "credentials.tsv", 7) {
		rows = append(rows, credentialRow{row[0], row[1], row[2], row[3], row[4], row[5], row[6]})
	}
	return rows
}

// example returns a request for what the row describes.
func (c credentialRow) example(targets map[string]string) access.Request {
	service := map[string]string{"*": "bedrock", "*-mcp": "aws-mcp"}[c.service]
	if service == "" {
		service = c.service
	}
	host := "https://" + strings.ToLower(service) + ".eu-west-1.amazonaws.com"
	switch {
	case strings.HasPrefix(c.request, "GET /v20180820/"):
		host = "https://123456789012.s3-control.eu-west-1.amazonaws.com"
	case c.service == "s3express":
		host = "https://b--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com"
	case c.service == "s3":
		host = "https://b.s3.eu-west-1.amazonaws.com"
	}
	var r access.Request
	switch method, path, rest := strings.Cut(c.request, " "); {
	case c.request == "target":
		r = to("POST", host+"/", "X-Amz-Target", targets[c.service]+"."+c.operation, "body", "{}")
	case c.request == "action":
		r = to("POST", host+"/", "body", "Version=1&Action="+c.operation)
	case rest:
		r = to(method, host+strings.TrimSuffix(strings.ReplaceAll(path, "{}", "x1"), "?"))
	default:
		r = to("POST", host+"/")
	}
	if c.service == "sts" { // which requires that the operation is known
		r.Body = []byte("Action=AssumeRole")
	}
	return inService(service, r)
}

// lifts returns a policy that names what the row describes, and whatever else the request needs.
func (c credentialRow) lifts(r access.Request) string {
	condition := `resource.service == "` + r.Service + `"`
	if c.operation != "*" {
		condition += ` && resource.operation == "` + c.operation + `"`
	}
	if c.operation == "CreateSession" {
		condition += ` && resource.query.contains("session")`
	}
	if c.operation == "GetDataAccess" {
		condition += ` && resource.host like "*.s3-control.eu-west-1.amazonaws.com"`
	}
	return `permit (principal, action, resource) when { ` + condition + ` };`
}

func targetsOf(t *testing.T) map[string]string {
	t.Helper()
	targets := map[string]string{}
	for _, row := range table2(t, "protocols.tsv", 3) {
		targets[row[0]], _, _ = strings.Cut(row[2], " ")
	}
	return targets
}

func every(r access.Request) []access.Question {
	var qs []access.Question
	for _, action := range []access.Action{access.ActionSign, access.ActionPresign, access.ActionVerify} {
		qs = append(qs, ask("crm-sync", action, r))
	}
	return qs
}

// Every row of the table holds: it is allowed, or refused by default unless a policy names it.
func TestCredentialTable(t *testing.T) {
	open, wide := newPolicy(t, ""), newPolicy(t, `permit (principal, action, resource);`)
	targets := targetsOf(t)
	rows := credentialRows(t)
	for _, c := range rows {
		r := c.example(targets)
		name := c.service + " " + c.operation
		if c.credential == "" || c.why == "" || !strings.HasPrefix(c.source, "https://docs.aws.amazon.com/") {
			t.Errorf("%s: what, why or source is missing", name)
		}
		if c.request == "SMTP" { // not an HTTP request
			continue
		}
		guardrail := "credential-operations"
		if c.operation == "*" {
			guardrail = "login-services"
		}
		lifted := newPolicy(t, c.lifts(r))
		serviceOnly := newPolicy(t, `permit (principal, action, resource) when { resource.service == "`+r.Service+`" };`)
		for _, q := range every(r) {
			switch c.byDefault {
			case "allowed":
				if d := open.Decide(q); !d.Allowed {
					t.Errorf("%s %s: %v, want it allowed", q.Action, name, d)
				}
				continue
			case "refused":
			default:
				t.Fatalf("%s: default %q", name, c.byDefault)
			}
			for what, p := range map[string]*access.Policy{"without a policy file": open, "with a policy that names nothing": wide} {
				if d := p.Decide(q); d.Allowed || !slices.Contains(d.Policies, guardrail) {
					t.Errorf("%s %s %s: %v, want it denied by %s", q.Action, name, what, d, guardrail)
				}
			}
			if d := lifted.Decide(q); !d.Allowed {
				t.Errorf("%s %s with a policy that names it: %v %v", q.Action, name, d, d.Notes)
			}
			if d := serviceOnly.Decide(q); d.Allowed != (c.operation == "*") {
				t.Errorf("%s %s with a policy that names the service: %v", q.Action, name, d)
			}
			if d := open.Decide(q); c.operation != "*" && d.Operation != c.operation {
				t.Errorf("%s: operation %q", name, d.Operation)
			}
			q.Request.OwnKeys, q.Request.Profile = true, ""
			if d := open.Decide(q); !d.Allowed {
				t.Errorf("%s %s with the caller's own keys: %v", q.Action, name, d)
			}
		}
	}
	if len(rows) < 170 {
		t.Errorf("%d rows, want 170 at least", len(rows))
	}
}

// The whole services in the table are exactly those in the guardrail.
func TestCredentialTableMatchesTheGuardrail(t *testing.T) {
	var table []string
	for _, c := range credentialRows(t) {
		if c.operation == "*" && c.service != "*-mcp" {
			table = append(table, c.service)
		}
	}
	_, text, _ := strings.Cut(access.Guardrails(), `@id("login-services")`)
	text, _, _ = strings.Cut(text, "].contains(resource.service)")
	_, text, _ = strings.Cut(text, "[")
	var guardrail []string
	for _, found := range regexp.MustCompile(`"([a-z0-9-]+)"`).FindAllStringSubmatch(text, -1) {
		guardrail = append(guardrail, found[1])
	}
	slices.Sort(table)
	if !slices.Equal(table, guardrail) {
		t.Errorf("credentials.tsv has\n%q\nguardrails.cedar\n%q", table, guardrail)
	}
}

// If it cannot be determined which operation of a service in the table a request asks for, the guardrail applies.
func TestCredentialOperationsCannotHide(t *testing.T) {
	p := newPolicy(t, "")
	targets := targetsOf(t)
	for _, c := range credentialRows(t) {
		if c.byDefault != "refused" || c.operation == "*" {
			continue
		}
		r := c.example(targets)
		disguises := map[string]access.Request{}
		add := func(name string, change func(*access.Request)) { disguises[name] = but(r, change) }
		switch {
		case c.request == "target":
			target := targets[c.service] + "."
			add("twice", func(r *access.Request) {
				r.Headers = append(r.Headers, access.Field{Name: "x-amz-target", Value: target + "DescribeThing"})
			})
			add("no target", func(r *access.Request) { r.Headers = nil })
			add("another case", func(r *access.Request) { r.Headers[0].Value = target + strings.ToLower(c.operation) })
			add("another path", func(r *access.Request) { r.Path = "/x" })
			add("another prefix", func(r *access.Request) { r.Headers[0].Value = "Other." + c.operation })
			add("in the query", func(r *access.Request) { r.Headers, r.RawQuery = nil, "X-Amz-Target="+target+c.operation })
			add("no target, a path in doubt", func(r *access.Request) { r.Headers, r.Path = nil, "/endpoints;x/y" })
			add("by CBOR", func(r *access.Request) {
				r.Headers, r.Path = nil, "/service/"+strings.TrimSuffix(target, ".")+"/operation/"+c.operation
			})
			add("by CBOR, encoded", func(r *access.Request) {
				r.Headers, r.Path = nil, "/service%2F"+strings.TrimSuffix(target, ".")+"/operation/"+c.operation
			})
		case c.request == "action":
			add("a body that stays with the caller", func(r *access.Request) { r.Payload, r.Body = access.PayloadHash, nil })
			add("a body that is not signed", func(r *access.Request) { r.Payload = access.PayloadUnsigned })
			add("twice", func(r *access.Request) { r.Body = append(slices.Clone(r.Body), "&Action=DescribeThing"...) })
			add("another case", func(r *access.Request) { r.Body = []byte("action=" + c.operation) })
			add("encoded", func(r *access.Request) { r.Body = []byte("%41ction=" + c.operation) })
			add("in the query", func(r *access.Request) { r.Body, r.RawQuery = nil, "Action="+c.operation })
			add("beside JSON", func(r *access.Request) { r.Body, r.RawQuery = []byte("{}"), "Action=DescribeThing" })
			add("another path", func(r *access.Request) { r.Path = "/x" })
		case c.service == "s3" || c.service == "s3express":
			add("encoded", func(r *access.Request) { r.RawQuery = strings.Replace(r.RawQuery, "s", "%73", 1) })
			add("with a value", func(r *access.Request) { r.RawQuery += "=" })
			add("of a VPC endpoint", func(r *access.Request) {
				r.Host = "123.control.vpce-1a2b-3c4d.s3.eu-west-1.vpce.amazonaws.com"
			})
		default:
			add("a slash at the end", func(r *access.Request) { r.Path += "/" })
			add("in capitals", func(r *access.Request) { r.Path = strings.ToUpper(r.Path) })
			add("a semicolon", func(r *access.Request) { r.Path += ";x" })
			add("a backslash", func(r *access.Request) { r.Path = strings.Replace(r.Path, "/", "/%5C", 1) })
			add("two slashes", func(r *access.Request) { r.Path = "/" + r.Path })
			add("a slash encoded", func(r *access.Request) { r.Path = "/" + strings.ReplaceAll(r.Path[1:], "/", "%2F") })
			add("dots", func(r *access.Request) { r.Path = "/x/.." + r.Path })
			add("a letter encoded twice", func(r *access.Request) { r.Path += "%2561" })
			if c.service != "neptune-db" { // there, a parameter makes it a query
				add("a parameter", func(r *access.Request) { r.RawQuery = strings.TrimPrefix(r.RawQuery+"&x=1", "&") })
			}
		}
		for name, r := range disguises {
			if d := p.Decide(sign(r)); d.Allowed {
				t.Errorf("%s %s, %s: %v", c.service, c.operation, name, d)
			}
		}
	}
}

// The guardrail does not concern the other operations of these services.
func TestOtherOperationsOfTheSameServicesAreAllowed(t *testing.T) {
	p := newPolicy(t, "")
	for name, r := range map[string]access.Request{
		"ECR": to(
			"POST", "https://ecr.eu-west-1.amazonaws.com/", "X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeImages",
			"body", "{}",
		),
		"EC2":          to("POST", "https://ec2.eu-west-1.amazonaws.com/", "body", "Action=DescribeInstances&Version=2016-11-15"),
		"EC2, GET":     to("GET", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances&Version=2016-11-15"),
		"CodeArtifact": to("GET", "https://codeartifact.eu-west-1.amazonaws.com/v1/package?domain=d&repository=r"),
		"SageMaker runtime": inService(
			"sagemaker", to("POST", "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations", "body", "{}"),
		),
		"AgentCore runtime": inService(
			"bedrock-agentcore",
			to(
				"POST",
				"https://bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A1%3Aruntime%2Fr/"+
					"invocations?qualifier=DEFAULT",
				"body", "{}",
			),
		),
		"IoT": to("GET", "https://iot.eu-west-1.amazonaws.com/things/lamp"),
		"EFS": to("GET", "https://elasticfilesystem.eu-west-1.amazonaws.com/2015-02-01/file-systems"),
		"Neptune": inService(
			"neptune-db", to("GET", "https://n.eu-west-1.neptune.amazonaws.com:8182/opencypher?query=MATCH%20%28n%29%20RETURN%20n"),
		),
		"S3":         to("GET", files+"/a"),
		"S3, no AWS": inService("s3", to("GET", "https://minio.internal:9000/b/k?unknown")),
		"SSM":        to("POST", "https://ssm.eu-west-1.amazonaws.com/", "X-Amz-Target", "AmazonSSM.SendCommand", "body", "{}"),
		"CodeCommit": to("POST", "https://codecommit.eu-west-1.amazonaws.com/", "X-Amz-Target", "CodeCommit_20150413.GetFile", "body", "{}"),
		"Bedrock":    inService("bedrock", to("POST", "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/invoke", "body", "{}")),
		"a kept body": but(
			to("POST", "https://ecr.eu-west-1.amazonaws.com/", "X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.PutImage"),
			func(r *access.Request) { r.Payload = access.PayloadHash },
		),
	} {
		for _, q := range every(r) {
			if d := p.Decide(q); !d.Allowed {
				t.Errorf("%s, %s: %v", name, q.Action, d)
			}
		}
	}
}

// A presigned CallWithBearerToken is an API key for the service that it names.
func TestBearerTokensOfEveryService(t *testing.T) {
	open, wide := newPolicy(t, ""), newPolicy(
		t,
		`permit (principal, action, resource) when { resource.service == "bedrock" || resource.query.contains("Action") || `+
			`resource.path like "/*" };`,
	)
	named := newPolicy(t, `permit (principal, action, resource) when { resource.operation == "CallWithBearerToken" };`)
	for _, service := range []string{
		"bedrock", "bedrock-mantle", "sagemaker", "aws-external-anthropic", "newest", "ecr", "ec2", "sqs", "s3", "execute-api",
		"lambda", "dynamodb",
	} {
		host := "https://" + service + ".amazonaws.com"
		for _, target := range []string{
			"/?Action=CallWithBearerToken", "/?action=CallWithBearerToken", "/?ACTION=CALLWITHBEARERTOKEN", "/?Action=callwithbearertoken",
			"/?%41ction=Call%57ithBearerToken",
			"/?%2541ction=CallWithBearerToken", "/?Action=%2543allWithBearerToken", "/?Action=%20CallWithBearerToken",
			"/?Action=CallWithBearerToken%20", "/?Action%5B%5D=CallWithBearerToken",
			"/?Action=Other&Action=CallWithBearerToken", "/?Action=CallWithBearerToken&Version=1", "/x?Action=CallWithBearerToken",
			"/model/m/invoke?Action=CallWithBearerToken", "/?x=1&Action=CallWithBearerToken",
		} {
			for _, method := range []string{"GET", "POST"} {
				for _, q := range every(inService(service, to(method, host+target))) {
					for _, p := range []*access.Policy{open, wide} {
						if d := p.Decide(q); d.Allowed {
							t.Errorf("%s %s %s%s for %s: %v", q.Action, method, host, target, service, d)
						}
					}
				}
			}
		}
		d := named.Decide(ask("crm-sync", access.ActionPresign, inService(service, to("POST", host+"/?Action=CallWithBearerToken"))))
		if !d.Allowed && service != "s3" { // S3 also needs the parameter to be named
			t.Errorf("%s, named: %v %v", service, d, d.Notes)
		}
		if d := named.Decide(ask("crm-sync", access.ActionPresign, inService(service, to("POST", host+"/?Action=CallWithBearerToken&"+
			"action=Other")))); d.Allowed {
			t.Errorf("%s, two actions: %v", service, d)
		}
		for what, r := range map[string]access.Request{
			"a body":     to("POST", host+"/?Action=CallWithBearerToken", "body", "Action=Other"),
			"a target":   to("POST", host+"/?Action=CallWithBearerToken", "X-Amz-Target", "Other.Other"),
			"in doubt":   to("POST", host+"/x%2Fy?Action=CallWithBearerToken"),
			"a path too": to("POST", host+"/x?Action=CallWithBearerToken"),
		} {
			if d := named.Decide(sign(inService(service, r))); d.Allowed {
				t.Errorf("%s, %s: %v", service, what, d)
			}
		}
	}
}

// AWS's MCP servers carry out any call.
func TestMCPServersAreLogins(t *testing.T) {
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"aws___call_aws",` +
		`"arguments":{"cli_command":"aws iam create-access-key"}}}`
	open := newPolicy(t, "")
	for _, service := range []string{"aws-mcp", "eks-mcp", "ecs-mcp", "some-new-mcp"} {
		r := inService(service, to("POST", "https://"+service+".us-east-1.api.aws/mcp", "body", call))
		for _, q := range every(r) {
			if d := open.Decide(q); d.Allowed || !slices.Contains(d.Policies, "login-services") {
				t.Errorf("%s %s: %v", q.Action, service, d)
			}
			if d := newPolicy(t, `permit (principal, action, resource) when { resource.service == "`+service+`" };`).Decide(q); !d.Allowed {
				t.Errorf("%s %s, named: %v", q.Action, service, d)
			}
			if d := newPolicy(t, `permit (principal, action, resource) when { resource.service like "*-mcp" };`).Decide(q); d.Allowed {
				t.Errorf("%s %s, by a pattern: %v", q.Action, service, d)
			}
		}
		if open.CouldAllow(by("x"), access.Filter{Service: service}) {
			t.Errorf("%s is listed", service)
		}
	}
}
