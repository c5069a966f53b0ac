package handlers_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/broker"
	"countersign/handlers"
	"countersign/signing"
)

var pairs = flag.Int("pairs", 2_000, "how many changed requests to decide on again; 1000000 is the full run")

// The test signs random requests under random policies and changes each in every way that a sender could. Whatever
// AWS would still accept, the policies must allow, with all headers visible. Policies that no signature can enforce
// must be warned of when they are loaded.
func TestPolicies_DecideOnWhatTheSignatureCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(20261128, 13))
	want := *pairs
	if testing.Short() {
		want /= 4
	}
	taken, refused, warned, kinds := 0, 0, 0, map[string]int{}
	for taken < want {
		text := randomPolicies(r)
		policy, err := access.NewPolicy("policies.cedar", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
		reader := handlers.New(handlers.Options{Options: broker.Options{
			Signer: new(signing.Signer), Policy: policy, DefaultProfile: "orders", Now: server.now,
		}})
		if len(policy.Warnings()) > 0 {
			warned++
			continue
		}
		for range 40 {
			document := randomDocument(r)
			w := server.postPlain("/v1/sign", encode(t, document))
			if w.Code != http.StatusOK {
				continue
			}
			sent := asWire(t, decodeAs[signResponse](t, w.Body), document)
			if reason := sent.verify(); reason != "" {
				t.Fatalf("the signed request is not valid: %s\n%+v", reason, sent)
			}
			for range 10 {
				changed, kind := sent.change(r)
				if changed.verify() != "" {
					refused++
					continue
				}
				taken++
				kinds[kind]++
				request, err := reader.PolicyRequest(
					access.ActionSign,
					[]byte(encode(t, map[string]any{"method": changed.method, "url": changed.url(), "service": changed.service, "region": "eu-west-1"})),
				)
				if err != nil {
					t.Fatalf("%s: the changed request cannot be read: %v\n%+v", kind, err, changed)
				}
				request.Headers, request.Body, request.Payload = changed.visible(), changed.body, changed.payload
				d := policy.Decide(access.Question{
					Caller: access.Caller{ID: "anonymous", Method: access.MethodNone}, Action: access.ActionSign, Request: request,
				})
				if !d.Allowed {
					t.Fatalf("%s: the signature still holds, and the policies deny it: %v\nsigned  %+v\nchanged %+v\n%s", kind, d, sent, changed, text)
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%7d  %s", kinds[kind], kind)
	}
	t.Logf("%d changed requests that AWS accepts, all allowed; %d that it refuses; %d policies warned of", taken, refused, warned)
	if warned == 0 || refused == 0 || len(kinds) < 12 {
		t.Errorf(
			"%d policies warned of, %d changes refused, %d kinds of change that AWS takes: the test looks at too little", warned,
			refused, len(kinds),
		)
	}
}

func oneOf[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func randomPolicies(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(3) {
		fmt.Fprintf(&b, "permit (principal, action, resource) when { %s };\n", randomCondition(r, 2))
	}
	for range r.IntN(3) {
		fmt.Fprintf(&b, "forbid (principal, action, resource) %s { %s };\n", oneOf(r, "when", "unless"), randomCondition(r, 1))
	}
	return b.String()
}

func randomCondition(r *rand.Rand, depth int) string {
	if depth > 0 {
		a, b := randomCondition(r, depth-1), randomCondition(r, depth-1)
		return oneOf(r, a, a+" && "+b, "("+a+") || ("+b+")", a, "!("+a+") && ("+b+")")
	}
	header := oneOf(r, "x-tenant", "if-none-match", "content-type", "x-debug", "x-amz-meta-a", "x-amzn-guard", "accept")
	query := oneOf(r, "a", "prefix", "acl", "b c")
	tag := func(kind, name, value string) string {
		return fmt.Sprintf(`(resource.hasTag("%[1]s.%[2]s") && resource.getTag("%[1]s.%[2]s") %[3]s)`, kind, name, value)
	}
	return oneOf(r,
		`resource.service == "`+oneOf(r, "execute-api", "s3", "dynamodb", "sqs")+`"`,
		`resource.method == "`+oneOf(r, "GET", "PUT", "POST")+`"`,
		`resource.path like "`+oneOf(r, "/prod/*", "/prod/a*", "*admin*", "/a b*")+`"`,
		`resource.path == "`+oneOf(r, "/", "/prod/a", "/prod/admin/x")+`"`,
		`resource.operation == "`+oneOf(r, "PutObject", "GetObject", "GetItem", "SendMessage", "Invoke")+`"`,
		`resource.payload == "`+oneOf(r, "signed", "unsigned")+`"`,
		`resource.headers.contains("`+header+`")`,
		`resource.headers.containsAny(["`+header+`", "x-tenant"])`,
		`["`+header+`", "x-tenant"].containsAll(resource.headers)`,
		tag("header", header, `== "`+oneOf(r, "acme", "victim", "a b", "*", "text/plain")+`"`),
		tag("header", header, `like "a*"`),
		`resource.query.contains("`+query+`")`,
		`resource.query.containsAll(["`+query+`"])`,
		tag("query", query, `== "`+oneOf(r, "1", "x/y", "")+`"`),
		`true`,
	)
}

func randomDocument(r *rand.Rand) map[string]any {
	service := oneOf(r, "execute-api", "s3", "dynamodb", "sqs")
	host := map[string]string{
		"execute-api": "abc.execute-api.eu-west-1.amazonaws.com", "s3": "bucket.s3.eu-west-1.amazonaws.com",
		"dynamodb": "dynamodb.eu-west-1.amazonaws.com", "sqs": "sqs.eu-west-1.amazonaws.com",
	}[service]
	url := "https://" + host + oneOf(r, "/", "/prod/a", "/prod/admin/x", "/a%20b/c", "/prod/a~b", "/prod/%E2%82%AC")
	for i := range r.IntN(3) {
		url += oneOf(r, "?", "&")[:1]
		if i == 0 {
			url = strings.TrimRight(url, "?&") + "?"
		}
		url += oneOf(r, "a=1", "prefix=x%2Fy", "b%20c=", "a=2", "list-type=2", "z")
	}
	url = strings.ReplaceAll(strings.ReplaceAll(url, "??", "?"), "&?", "&")
	if before, query, ok := strings.Cut(url, "?"); ok {
		url = before + "?" + strings.ReplaceAll(query, "?", "&")
	}
	document := map[string]any{"method": oneOf(r, "GET", "PUT", "POST"), "url": url}
	var headers []map[string]string
	for range r.IntN(5) {
		headers = append(headers, map[string]string{
			"name": oneOf(
				r, "X-Tenant", "If-None-Match", "Content-Type", "X-Debug", "x-amz-meta-a", "X-Amzn-Guard", "Accept", "X-Other",
				"User-Agent",
			),
			"value": oneOf(r, "acme", "victim", "a b", "*", "text/plain", "acme,victim", "a, b", ""),
		})
	}
	if service == "dynamodb" {
		headers = append(headers, map[string]string{"name": "X-Amz-Target", "value": "DynamoDB_20120810." + oneOf(r, "GetItem", "PutItem")})
	}
	document["headerList"] = headers
	if r.IntN(3) == 0 {
		document["signedHeaders"] = []string{}
		if len(headers) > 0 && !strings.EqualFold(headers[0]["name"], "user-agent") {
			document["signedHeaders"] = []string{headers[0]["name"]}
		}
	}
	if document["method"] != "GET" {
		document["body"] = oneOf(r, "{}", "Action=SendMessage&x=1", "text")
		if service == "s3" && r.IntN(2) == 0 {
			document["payload"] = "unsigned"
		}
	}
	return document
}
