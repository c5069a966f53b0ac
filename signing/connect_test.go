package signing_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// The token is from botocore's test of generate_db_auth_token.
func TestConnectToken_RDS(t *testing.T) {
	got, expires, err := new(signing.Signer).ConnectToken(&signing.Connect{
		Kind: signing.ConnectRDS, Endpoint: "prod-instance.us-east-1.rds.amazonaws.com:3306", User: "someusername", Region: "us-east-1",
		Time: time.Date(2016, 11, 7, 17, 39, 33, 0, time.UTC), Credentials: signing.NewCredentials("akid", "skid", ""),
	})
	const want = "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=someusername" +
		"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=akid%2F20161107%2Fus-east-1%2Frds-db%2Faws4_request" +
		"&X-Amz-Date=20161107T173933Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=d1138cdbc0ca63eec012ec0fc6c2267e03642168f5884a7795320d4c18374c61"
	if err != nil || got != want {
		t.Errorf("ConnectToken = %q, %v, want %q", got, err, want)
	}
	if want := time.Date(2016, 11, 7, 17, 54, 33, 0, time.UTC); !expires.Equal(want) {
		t.Errorf("expires = %v, want %v", expires, want)
	}
}

// The API keys were made with botocore's SigV4QueryAuth the way aws-bedrock-token-generator does
// it. It puts the session token after the signed headers, where the order does not matter.
func TestConnectToken_Bedrock(t *testing.T) {
	for _, tt := range []struct{ id, secret, token, want string }{
		{
			"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "",
			"bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&" +
				"X-Amz-Credential=AKIDEXAMPLE%2F20260301%2Feu-west-1%2Fbedrock%2Faws4_request" +
				"&X-Amz-Date=20260301T123000Z&X-Amz-Expires=43200&X-Amz-SignedHeaders=host" +
				"&X-Amz-Signature=c76db19bae176c10d5a9d786c149078c7b7819b25244c4f7ab4dbf20dc2b388b&Version=1",
		},
		{
			"ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AQoDYXdzEJr/+token=EXAMPLE",
			"bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&" +
				"X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260301%2Feu-west-1%2Fbedrock%2Faws4_request" +
				"&X-Amz-Date=20260301T123000Z&X-Amz-Expires=43200&X-Amz-Security-Token=AQoDYXdzEJr%2F%2Btoken%3DEXAMPLE&X-Amz-SignedHeaders=host" +
				"&X-Amz-Signature=3d902cfcbca5a404b822fd5cf70a2af80d04d06d1a7103d2e8b5bde3deb72abd&Version=1",
		},
	} {
		c := &signing.Connect{
			Kind: signing.ConnectBedrock, Endpoint: "bedrock.amazonaws.com", Region: "eu-west-1", Expires: 12 * time.Hour,
			Time: time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC), Credentials: signing.NewCredentials(tt.id, tt.secret, tt.token),
		}
		got, expires, err := new(signing.Signer).ConnectToken(c)
		encoded, found := strings.CutPrefix(got, "bedrock-api-key-")
		text, bad := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !found || bad != nil || string(text) != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.id, text, err, tt.want)
		}
		if want := c.Time.Add(12 * time.Hour); !expires.Equal(want) {
			t.Errorf("expires = %v, want %v", expires, want)
		}
	}
}

func exampleConnect(kind signing.ConnectKind, endpoint, user string) *signing.Connect {
	return &signing.Connect{
		Kind: kind, Endpoint: endpoint, User: user, Region: "eu-west-1",
		Time: exampleTime, Credentials: signing.NewCredentials(exampleID, exampleSecret, exampleToken),
	}
}

// Every token is an encoded presigned URL, which must verify.
func TestConnectToken_Verifies(t *testing.T) {
	base64URL := func(prefix string) func(string) string {
		return func(token string) string {
			raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, prefix))
			if err != nil || !strings.HasPrefix(token, prefix) {
				t.Errorf("token %q: %v", token, err)
			}
			return string(raw)
		}
	}
	https := func(token string) string { return "https://" + strings.TrimPrefix(token, "wss://") }
	withoutAgent := func(decode func(string) string) func(string) string {
		return func(token string) string {
			url, found := strings.CutSuffix(decode(token), "&User-Agent=countersign")
			if !found {
				t.Errorf("%q does not end with the user agent", url)
			}
			return url
		}
	}
	for _, tt := range []struct {
		kind           signing.ConnectKind
		endpoint, user string
		decode         func(string) string
		wantURL        string
		service        string
		headers        []signing.Header
		token          signing.TokenMode
		urlExpires     string
		lasts          time.Duration
	}{
		{
			kind: signing.ConnectRDS, endpoint: "db.example.com:5432", user: "j+d", decode: https,
			wantURL: "https://db.example.com:5432/?Action=connect&DBUser=j%2Bd&", service: "rds-db", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectDSQL, endpoint: "x.dsql.eu-west-1.on.aws", decode: https,
			wantURL: "https://x.dsql.eu-west-1.on.aws/?Action=DbConnect&", service: "dsql", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectDSQLAdmin, endpoint: "x.dsql.eu-west-1.on.aws", decode: https,
			wantURL: "https://x.dsql.eu-west-1.on.aws/?Action=DbConnectAdmin&", service: "dsql", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectElastiCache, endpoint: "orders", user: "u", decode: https,
			wantURL: "https://orders/?Action=connect&User=u&", service: "elasticache", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectElastiCacheServerless, endpoint: "orders", user: "u", decode: https,
			wantURL: "https://orders/?Action=connect&ResourceType=ServerlessCache&" +
				"User=u&", service: "elasticache", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectMemoryDB, endpoint: "orders", user: "u", decode: https,
			wantURL: "https://orders/?Action=connect&User=u&", service: "memorydb", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectEKS, endpoint: "sts.eu-west-1.amazonaws.com", user: "cluster", decode: base64URL("k8s-aws-v1."),
			wantURL: "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&", service: "sts",
			headers: []signing.Header{{Name: "X-K8s-Aws-Id", Value: "cluster"}}, urlExpires: "60", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectMSK, endpoint: "kafka.eu-west-1.amazonaws.com", decode: withoutAgent(base64URL("")),
			wantURL: "https://kafka.eu-west-1.amazonaws.com/" +
				"?Action=kafka-cluster%3AConnect&", service: "kafka-cluster", urlExpires: "900", lasts: 15 * time.Minute,
		},
		{
			kind: signing.ConnectIoT, endpoint: "x-ats.iot.eu-west-1.amazonaws.com:443", decode: https,
			wantURL: "https://x-ats.iot.eu-west-1.amazonaws.com/" +
				"mqtt?", service: "iotdevicegateway", token: signing.TokenAppended, urlExpires: "900", lasts: 15 * time.Minute,
		},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			c := exampleConnect(tt.kind, tt.endpoint, tt.user)
			token, expires, err := new(signing.Signer).ConnectToken(c)
			if err != nil {
				t.Fatal(err)
			}
			url := tt.decode(token)
			if !strings.HasPrefix(url, tt.wantURL) {
				t.Errorf("token = %q, want prefix %q", url, tt.wantURL)
			}
			if want := c.Time.Add(tt.lasts); !expires.Equal(want) {
				t.Errorf("expires = %v, want %v", expires, want)
			}
			u := mustParse(t, url)
			if !slices.Contains(u.Query(), signing.Parameter{Name: "X-Amz-Expires", Value: tt.urlExpires}) {
				t.Errorf("%q does not expire after %s seconds", u, tt.urlExpires)
			}
			verdict := signing.Verify(
				&signing.Received{Method: "GET", URL: u, Headers: tt.headers, PayloadHash: signing.PayloadHash(nil)},
				&signing.Expected{
					Credentials: c.Credentials, Scope: signing.Scope{Service: tt.service, Region: "eu-west-1"}, Token: tt.token, Time: c.Time,
				},
			)
			if !verdict.Valid() {
				t.Errorf("%q does not verify: %v", u, verdict.Mismatches)
			}
			if tt.headers != nil && verdict.Info.SignedHeaders != "host;x-k8s-aws-id" {
				t.Errorf("signed headers = %q, want them to include the cluster", verdict.Info.SignedHeaders)
			}
		})
	}
}

func TestConnectToken_Rejects(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   signing.ConnectKind
		change func(*signing.Connect)
		part   signing.InputPart
	}{
		{"no kind", "", func(*signing.Connect) {}, signing.InputKind},
		{"no user", signing.ConnectRDS, func(c *signing.Connect) { c.User = "" }, signing.InputUser},
		{"a user for a kind without users", signing.ConnectMSK, func(*signing.Connect) {}, signing.InputUser},
		{"no endpoint", signing.ConnectRDS, func(c *signing.Connect) { c.Endpoint = "" }, signing.InputEndpoint},
		{"an endpoint with a path", signing.ConnectRDS, func(c *signing.Connect) { c.Endpoint = "db.example.com/x" }, signing.InputEndpoint},
		{"an endpoint with a query", signing.ConnectRDS, func(c *signing.Connect) { c.Endpoint = "db.example.com?x=" }, signing.InputEndpoint},
		{
			"an endpoint with a scheme", signing.ConnectRDS, func(c *signing.Connect) { c.Endpoint = "https://db.example.com" },
			signing.InputEndpoint,
		},
		{
			"an endpoint with user information", signing.ConnectRDS, func(c *signing.Connect) { c.Endpoint = "a@db.example.com" },
			signing.InputEndpoint,
		},
		{"no region", signing.ConnectRDS, func(c *signing.Connect) { c.Region = "" }, signing.InputRegion},
		{"an expiry too long", signing.ConnectRDS, func(c *signing.Connect) { c.Expires = 901 * time.Second }, signing.InputExpires},
		{"an expiry too short", signing.ConnectRDS, func(c *signing.Connect) { c.Expires = -time.Second }, signing.InputExpires},
		{"an API key valid for more than 12 hours", signing.ConnectBedrock, func(c *signing.Connect) {
			c.Endpoint, c.User, c.Expires = "bedrock.amazonaws.com", "", 12*time.Hour+time.Second
		}, signing.InputExpires},
		{
			"an API key for another host", signing.ConnectBedrock,
			func(c *signing.Connect) { c.Endpoint, c.User = "bedrock-runtime.eu-west-1.amazonaws.com", "" }, signing.InputEndpoint,
		},
		{
			"an API key with a port", signing.ConnectBedrock,
			func(c *signing.Connect) { c.Endpoint, c.User = "bedrock.amazonaws.com:8443", "" }, signing.InputEndpoint,
		},
		{"an API key with a user", signing.ConnectBedrock, func(c *signing.Connect) { c.Endpoint = "bedrock.amazonaws.com" }, signing.InputUser},
		{"a cluster with a line break", signing.ConnectEKS, func(c *signing.Connect) { c.User = "a\nb" }, signing.InputUser},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := exampleConnect(tt.kind, "db.example.com:5432", "user")
			tt.change(c)
			token, _, err := new(signing.Signer).ConnectToken(c)
			if err == nil {
				t.Fatalf("ConnectToken = %q, want an error", token)
			}
			if input := wantInputError(t, err); input.Part != tt.part {
				t.Errorf("ConnectToken: %v, want an error about %s", input, tt.part)
			}
		})
	}
}

func TestConnectToken_DSQLAllowsAWeek(t *testing.T) {
	c := exampleConnect(signing.ConnectDSQL, "x.dsql.eu-west-1.on.aws", "")
	c.Expires = signing.MaxExpires
	if _, expires, err := new(signing.Signer).ConnectToken(c); err != nil || !expires.Equal(c.Time.Add(signing.MaxExpires)) {
		t.Errorf("ConnectToken expires %v, %v, want a week later", expires, err)
	}
}

// The passwords are from the access key tests of terraform-provider-aws.
func TestSMTPPassword(t *testing.T) {
	for _, tt := range []struct{ secret, region, want string }{
		{"some+secret+key", "eu-central-1", "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"},
		{"another+secret+key", "eu-central-1", "BBbphbrQmrKMx42d1N6+C7VINYEBGI5v9VsZeTxwskfh"},
		{"some+secret+key", "us-west-1", "BH+jbMzper5WwlwUar9E1ySBqHa9whi0GPo+sJ0mVYJj"},
		{"another+secret+key", "us-west-1", "BKVmjjMDFk/qqw8EROW99bjCS65PF8WKvK5bSr4Y6EqF"},
	} {
		if got := signing.SMTPPassword(tt.secret, tt.region); got != tt.want {
			t.Errorf("SMTPPassword(%q, %q) = %q, want %q", tt.secret, tt.region, got, tt.want)
		}
	}
}
