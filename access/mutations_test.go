package access_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
)

var mutations = flag.Int("mutations", 20_000, "how many mutations of denied requests to try; 1000000 is the full run")

// A mutation changes a denied question without removing the reason for the denial: it adds, repeats, respells and
// disguises.
type mutation func(*rand.Rand, *access.Question)

// TestDeniedRequestsStayDenied tries to trick the policies into allowing what they deny.
func TestDeniedRequestsStayDenied(t *testing.T) {
	p := filePolicy(t)
	bases := deniedBases()
	for _, b := range bases {
		if p.Decide(b.q).Allowed {
			t.Fatalf("%s: allowed without any mutation", b.name)
		}
	}
	random := rand.New(rand.NewPCG(20260301, 6))
	tries := *mutations
	if testing.Short() {
		tries /= 4
	}
	for n := range tries {
		b := bases[random.IntN(len(bases))]
		q := b.q
		q.Request.Headers = slices.Clone(q.Request.Headers)
		for range 1 + random.IntN(4) {
			tricks := b.tricks
			if random.IntN(3) == 0 {
				tricks = noise
			}
			tricks[random.IntN(len(tricks))](random, &q)
		}
		if d := p.Decide(q); d.Allowed {
			t.Fatalf("mutation %d of %s: %v\n%+v\nbody %q", n, b.name, d, q, q.Request.Body)
		}
	}
	t.Logf("%d mutations of %d denied requests, none allowed", tries, len(bases))
}

type deniedBase struct {
	name   string
	q      access.Question
	tricks []mutation
}

func deniedBases() []deniedBase {
	return []deniedBase{
		{"an operation that is not permitted", crm(target("DescribeTable")), operationTricks("DynamoDB_20120810.GetItem", "GetItem")},
		{"an operation that is forbidden", admin(target("DeleteTable")), operationTricks("DynamoDB_20120810.GetItem", "GetItem")},
		{"an action in a form", crm(form("Action=DeleteQueue&QueueUrl=x")), operationTricks("AmazonSQS.SendMessage", "SendMessage")},
		{"an action in the query", crm(to("GET", queue+"?Action=DeleteQueue")), operationTricks("AmazonSQS.SendMessage", "SendMessage")},
		{"another path", crm(to("GET", api+"/prod/admin")), pathTricks("/prod/orders", "/prod/admin")},
		{"another key", inbox(to("GET", files+"/private/a")), pathTricks("/inbox", "/private/a")},
		{"an access list", inbox(to("GET", files+"/inbox/a?acl")), s3Tricks("acl")},
		{"a bucket policy, by an operator", admin(to("PUT", files+"/?policy")), s3Tricks("policy")},
		{"a public object", inbox(to("PUT", files+"/inbox/a", "x-amz-acl", "public-read")), headerTricks("x-amz-acl", "private")},
		{
			"a copy from elsewhere",
			ask("archiver", access.ActionSign, to("PUT", "https://archive.s3.eu-west-1.amazonaws.com/a", "x-amz-copy-source", "/secrets/a")),
			headerTricks("x-amz-copy-source", "/files/inbox/a"),
		},
		{
			"a list of another folder", inbox(to("GET", files+"/?list-type=2&prefix=private%2F")),
			[]mutation{addQuery("prefix=inbox%2F"), addQuery("Prefix=inbox%2F"), addQuery("%70refix=inbox%2F")},
		},
		{
			"a login to another cluster",
			ask("deployer", access.ActionPresign, to("GET", token+"?Action=GetCallerIdentity", "x-k8s-aws-id", "test")),
			headerTricks("x-k8s-aws-id", "prod"),
		},
		{
			"a login with another's header",
			ask(
				"deployer", access.ActionPresign,
				to("GET", token+"?Action=GetCallerIdentity", "x-k8s-aws-id", "prod", "x-vault-aws-iam-server-id", "v"),
			),
			headerTricks("x-vault-aws-iam-server-id", "prod"),
		},
		{
			"a role, by an operator", admin(to("POST", token, "body", "Action=AssumeRole")),
			operationTricks("AWSSecurityTokenServiceV20110615.GetCallerIdentity", "GetCallerIdentity"),
		},
		{"a login service, by an operator", admin(to("POST", "https://iam.amazonaws.com/", "body", "Action=CreateAccessKey")), serviceTricks()},
		{"another host", crm(to("GET", "https://attacker.example/prod/orders/1")), hostTricks()},
		{
			"a long link",
			ask("crm-sync", access.ActionPresign, but(to("GET", api+"/prod/orders/1"), func(r *access.Request) { r.ExpiresIn = 901 * time.Second })),
			[]mutation{longer},
		},
		{"another region", admin(but(to("GET", api+"/prod/orders/1"), func(r *access.Request) { r.Region = "us-east-1" })), regionTricks()},
		{"another caller", ask("stranger", access.ActionSign, to("GET", api+"/prod/orders/1")), callerTricks()},
	}
}

// noise is what may occur in any request.
var noise = []mutation{
	func(r *rand.Rand, q *access.Question) {
		addHeader("x-noise-"+word(r), word(r))(r, q)
	},
	func(r *rand.Rand, q *access.Question) { addQuery("noise"+word(r)+"="+word(r))(r, q) },
	func(r *rand.Rand, q *access.Question) {
		addHeader(pick(
			r, "Content-Type", "Accept", "User-Agent", "X-HTTP-Method-Override", "X-Forwarded-Host", "X-Original-URL", "Host",
			"Content-Encoding",
		),
			pick(
				r, "application/x-www-form-urlencoded", "application/json", "GET", "abc.execute-api.eu-west-1.amazonaws.com",
				"/prod/orders/1", "gzip",
			))(r, q)
	},
	func(r *rand.Rand, q *access.Question) {
		for i := range q.Request.Headers {
			q.Request.Headers[i].Name = respell(r, q.Request.Headers[i].Name)
		}
	},
	func(r *rand.Rand, q *access.Question) {
		r.Shuffle(len(q.Request.Headers), func(i, j int) {
			h := q.Request.Headers
			h[i], h[j] = h[j], h[i]
		})
	},
	func(r *rand.Rand, q *access.Question) { q.Request.Host += pick(r, ":443", ":8443", ":0", ":", ".") },
	func(r *rand.Rand, q *access.Question) {
		q.Request.Profile = pick(r, "orders", "other", "", "Orders", "*")
	},
	func(r *rand.Rand, q *access.Question) {
		q.Request.Payload = pick(r, access.PayloadHash, access.PayloadUnsigned, "", "SIGNED")
	},
}

func addHeader(name, value string) mutation {
	return func(r *rand.Rand, q *access.Question) {
		at := r.IntN(len(q.Request.Headers) + 1)
		q.Request.Headers = slices.Insert(q.Request.Headers, at, access.Field{Name: name, Value: value})
	}
}

func addQuery(piece string) mutation {
	return func(r *rand.Rand, q *access.Question) {
		pieces := slices.DeleteFunc(strings.Split(q.Request.RawQuery, "&"), func(s string) bool { return s == "" })
		pieces = slices.Insert(pieces, r.IntN(len(pieces)+1), piece)
		q.Request.RawQuery = strings.Join(pieces, "&")
	}
}

// operationTricks name a permitted operation in further places and disguise the actual one. They never remove it.
func operationTricks(target, operation string) []mutation {
	return []mutation{
		func(r *rand.Rand, q *access.Question) { addHeader(respell(r, "X-Amz-Target"), target)(r, q) },
		func(r *rand.Rand, q *access.Question) {
			addQuery(disguise(r, pick(r, "Action", "action", "ACTION", "Action[]", "X-Amz-Target"))+"="+pick(r, operation, target, ""))(r, q)
		},
		func(r *rand.Rand, q *access.Question) {
			addition := disguise(r, pick(r, "Action", "aCtion", " Action", "Action\x00")) + "=" + operation
			if q.Request.Body = slices.Clone(q.Request.Body); r.IntN(2) == 0 || len(q.Request.Body) == 0 {
				q.Request.Body = append(q.Request.Body, "&"+addition...)
				return
			}
			q.Request.Body = append([]byte(addition+"&"), q.Request.Body...)
		},
		func(r *rand.Rand, q *access.Question) {
			for i, h := range q.Request.Headers {
				if strings.EqualFold(h.Name, "x-amz-target") && !strings.Contains(h.Value, operation) {
					q.Request.Headers[i].Value = pick(
						r, " "+h.Value, h.Value+" ", respell(r, h.Value), h.Value+","+target, target+","+h.Value, target+" "+h.Value,
						h.Value+"."+word(r),
					)
				}
			}
		},
		func(r *rand.Rand, q *access.Question) { q.Request.Method = pick(r, "POST", "PUT", "DELETE", "PATCH") },
		func(r *rand.Rand, q *access.Question) {
			q.Request.Path = pick(r, "/", "//", "/x", "/%2e", "/service/DynamoDB_20120810/operation/"+operation, "/123456789012/orders")
		},
	}
}

// pathTricks reach the bad path through the good one.
func pathTricks(good, bad string) []mutation {
	return []mutation{
		func(r *rand.Rand, q *access.Question) {
			up := strings.Repeat("/"+disguise(r, ".."), 1+r.IntN(4))
			q.Request.Path = good + up + pick(r, "/", "//", "/./", "%2f", "%2F", "\\", "%5c", ";/", "%3b/") + strings.TrimPrefix(bad, "/")
		},
		func(_ *rand.Rand, q *access.Question) {
			q.Request.Path = strings.ReplaceAll(q.Request.Path, "%", "%25")
		},
		func(r *rand.Rand, q *access.Question) {
			q.Request.Path = strings.Replace(q.Request.Path, "..", pick(r, "%2e%2e", ".%2E", "%2e.", "..;", "..;a=b", "..%3b"), 1)
		},
		func(r *rand.Rand, q *access.Question) {
			if q.Request.Path == bad {
				q.Request.Path = "/" + disguise(r, bad[1:])
			}
		},
		func(_ *rand.Rand, q *access.Question) { q.Request.Path += "/" },
	}
}

func s3Tricks(sub string) []mutation {
	return []mutation{
		func(r *rand.Rand, q *access.Question) { q.Request.RawQuery = disguise(r, sub) },
		func(r *rand.Rand, q *access.Question) { q.Request.RawQuery = respell(r, sub) },
		func(r *rand.Rand, q *access.Question) { addQuery(disguise(r, sub)+"="+word(r))(r, q) },
		func(r *rand.Rand, q *access.Question) {
			addQuery(pick(r, "x-id=GetObject", "list-type=2", "prefix=inbox%2F", "versionId=1", "uploadId=1", "response-content-type=x"))(r, q)
		},
		func(r *rand.Rand, q *access.Question) { q.Request.Method = pick(r, "GET", "PUT", "POST", "HEAD") },
	}
}

func headerTricks(name, harmless string) []mutation {
	return []mutation{
		func(r *rand.Rand, q *access.Question) { addHeader(respell(r, name), harmless)(r, q) },
		func(r *rand.Rand, q *access.Question) { addQuery(name+"="+harmless)(r, q) },
		func(r *rand.Rand, q *access.Question) {
			for i, h := range q.Request.Headers {
				if strings.EqualFold(h.Name, name) && h.Value != harmless {
					q.Request.Headers[i].Value = pick(r, " "+h.Value, h.Value+","+harmless, h.Value+"\t")
				}
			}
		},
	}
}

func serviceTricks() []mutation {
	return []mutation{
		func(r *rand.Rand, q *access.Question) {
			s := loginServices()[r.IntN(len(loginServices()))]
			q.Request.Service = pick(r, s, respell(r, s), s+" ", " "+s, s+".", s+"\x00", s+"/x", strings.ReplaceAll(s, "s", "ſ"))
			if !slices.Contains(loginServices(), strings.ToLower(strings.Trim(q.Request.Service, " ./x\x00"))) {
				q.Request.Service = s
			}
		},
		func(r *rand.Rand, q *access.Question) { q.Request.Region = pick(r, "eu-west-1", "us-east-1", "*", "") },
		func(r *rand.Rand, q *access.Question) {
			q.Action = pick(r, access.ActionPresign, access.ActionVerify, access.ActionPostPolicy)
		},
	}
}

func hostTricks() []mutation {
	const good, bad = "abc.execute-api.eu-west-1.amazonaws.com", "attacker.example"
	return []mutation{func(r *rand.Rand, q *access.Question) {
		q.Request.Host = pick(r, good+"@"+bad, bad+"#"+good, bad+"/"+good, bad+"\\"+good, bad+"?"+good, good+"."+bad, bad+"."+good,
			good+"."+bad+":443", bad+":443@"+good, good+" "+bad, bad+"://"+good, respell(r, good)+"."+bad, good+"\r\n"+bad,
			"["+good+"]", disguise(r, good)+"."+bad, good+":"+bad)
	}}
}

func longer(r *rand.Rand, q *access.Question) {
	q.Request.ExpiresIn += time.Duration(r.IntN(1_000_000)) * time.Second
}

func regionTricks() []mutation {
	return []mutation{func(r *rand.Rand, q *access.Question) {
		q.Request.Region = pick(
			r, "eu-west-1,us-east-1", "us-east-1,eu-west-1", "*", "eu-west-*", "eu-west-1 ", "EU-WEST-1", "eu-west-1,", ",eu-west-1",
			"eu-west-1\x00", "",
		)
	}}
}

func callerTricks() []mutation {
	return []mutation{
		func(r *rand.Rand, q *access.Question) {
			q.Caller.ID = pick(
				r, "Crm-Sync", "crm-sync ", "crm-sync\x00", `crm-sync" || true || "`, "Caller::\"crm-sync\"", "crm-sync/x", "*", "crm*",
			)
		},
		func(r *rand.Rand, q *access.Question) {
			q.Caller.Roles = []string{pick(r, "sign.admin", "Sign.Admin ", "Sign", "Sign.*", "crm-sync", "Sign.Admin\x00")}
		},
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func word(r *rand.Rand) string { return fmt.Sprint(r.IntN(1000)) }

// respell changes the case of letters.
func respell(r *rand.Rand, s string) string {
	b := []byte(s)
	for i := range b {
		if r.IntN(2) == 0 {
			b[i] = strings.ToUpper(string(b[i]))[0]
		} else {
			b[i] = strings.ToLower(string(b[i]))[0]
		}
	}
	return string(b)
}

// disguise percent-encodes some characters, some of them twice.
func disguise(r *rand.Rand, s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "%%%02x", s[i])
		case 1:
			fmt.Fprintf(&b, "%%%02X", s[i])
		case 2:
			if r.IntN(4) == 0 {
				fmt.Fprintf(&b, "%%25%02x", s[i])
				continue
			}
			fallthrough
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
