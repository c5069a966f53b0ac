package signing

import (
	"cmp"
	"encoding/base64"
	"strings"
	"time"
)

// ConnectKind is the kind of service that a connect token gives access to.
type ConnectKind string

// The kinds of connect tokens, each with its endpoint.
const (
	ConnectRDS                   ConnectKind = "rds"                    // RDS and Aurora: host:port of the database
	ConnectDSQL                  ConnectKind = "dsql"                   // Aurora DSQL: host of the cluster
	ConnectDSQLAdmin             ConnectKind = "dsql-admin"             // the same, as admin
	ConnectElastiCache           ConnectKind = "elasticache"            // the replication group's id, not a host
	ConnectElastiCacheServerless ConnectKind = "elasticache-serverless" // the cache's name, not a host
	ConnectMemoryDB              ConnectKind = "memorydb"               // the cluster's name, not a host
	ConnectEKS                   ConnectKind = "eks"                    // host of STS in the cluster's region
	ConnectMSK                   ConnectKind = "msk"                    // kafka.region.amazonaws.com, or its equivalent in another partition
	ConnectIoT                   ConnectKind = "iot"                    // data endpoint of the account
	ConnectBedrock               ConnectKind = "bedrock"                // bedrock.amazonaws.com, for an API key in any region
)

// Connect is a request for a token that a service accepts in place of a password. The token is a
// login: whoever has it acts as the identity whose credentials signed it.
type Connect struct {
	// Kind is one of the constants. Required.
	Kind ConnectKind
	// Endpoint is described at the kind. Required.
	Endpoint string
	// User is the user of the database or cache; for EKS it is the name of the cluster. Required
	// for these kinds, and rejected for the others.
	User string
	// Region is the endpoint's region. Required.
	Region string
	// Time is when the token becomes valid. Required.
	Time time.Time
	// Expires is how long the token is valid, 15 minutes if zero. The maximum is [MaxExpires] for
	// DSQL, a day for IoT, 12 hours for Bedrock, and 15 minutes for the others; EKS sets its own.
	Expires time.Duration
	// Credentials are the keys to sign with. Required.
	Credentials Credentials
}

// connectForm is the presigned request behind a kind of token. It is a GET unless method is set.
type connectForm struct {
	method        string
	service, path string
	query         []Parameter
	user          string        // the parameter or header with the user
	longest       time.Duration // a quarter of an hour if zero
}

const quarterHour = 15 * time.Minute

// form returns the form of a kind. Sources: RDS User Guide, "Connecting to your
// DB instance using IAM authentication"; Aurora DSQL User Guide, "Generating an
// authentication token"; ElastiCache User Guide and MemoryDB Developer Guide,
// "Authenticating with IAM"; aws-iam-authenticator, "API Authorization from
// Outside a Cluster"; MSK Developer Guide, "IAM access control"; IoT Core
// Developer Guide, "MQTT over WebSocket"; aws-bedrock-token-generator.
func (k ConnectKind) form() (f connectForm, known bool) {
	switch k {
	case ConnectRDS:
		return connectForm{service: "rds-db", path: "/", query: []Parameter{{"Action", "connect"}}, user: "DBUser"}, true
	case ConnectDSQL:
		return connectForm{service: "dsql", path: "/", query: []Parameter{{"Action", "DbConnect"}}, longest: MaxExpires}, true
	case ConnectDSQLAdmin:
		return connectForm{service: "dsql", path: "/", query: []Parameter{{"Action", "DbConnectAdmin"}}, longest: MaxExpires}, true
	case ConnectElastiCache:
		return connectForm{service: "elasticache", path: "/", query: []Parameter{{"Action", "connect"}}, user: "User"}, true
	case ConnectElastiCacheServerless:
		return connectForm{
			service: "elasticache",
			path:    "/",
			query:   []Parameter{{"Action", "connect"}, {"ResourceType", "ServerlessCache"}},
			user:    "User",
		}, true
	case ConnectMemoryDB:
		return connectForm{service: "memorydb", path: "/", query: []Parameter{{"Action", "connect"}}, user: "User"}, true
	case ConnectEKS:
		return connectForm{
			service: "sts",
			path:    "/",
			query:   []Parameter{{"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}},
			user:    eksCluster,
		}, true
	case ConnectMSK:
		return connectForm{service: "kafka-cluster", path: "/", query: []Parameter{{"Action", "kafka-cluster:Connect"}}}, true
	case ConnectIoT:
		return connectForm{service: "iotdevicegateway", path: "/mqtt", longest: 24 * time.Hour}, true
	case ConnectBedrock:
		return connectForm{
			method:  "POST",
			service: "bedrock",
			path:    "/",
			query:   []Parameter{{"Action", "CallWithBearerToken"}},
			longest: 12 * time.Hour,
		}, true
	}
	return connectForm{}, false
}

// bedrockHost is the only host that Bedrock API keys are signed for, in every region.
const bedrockHost = "bedrock.amazonaws.com"

// eksCluster is the header that binds a token to one cluster.
const eksCluster = "x-k8s-aws-id"

// ConnectToken returns a token and its expiry. For IoT the token is the URL to open, including
// wss://.
func (s *Signer) ConnectToken(c *Connect) (token string, expires time.Time, err error) {
	r, err := c.Request()
	if err != nil {
		return "", time.Time{}, err
	}
	signed, err := s.Presign(r)
	if err != nil {
		return "", time.Time{}, err
	}
	expires = r.Time.Add(r.Expires)
	bare := strings.TrimPrefix(signed.URL.String(), "https://")
	switch c.Kind {
	case ConnectEKS:
		// The cluster accepts a token for a quarter of an hour from X-Amz-Date; it sends the URL
		// inside at once.
		return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed.URL.String())), r.Time.Add(quarterHour), nil
	case ConnectMSK:
		return base64.RawURLEncoding.EncodeToString([]byte(signed.URL.String() + "&User-Agent=countersign")), expires, nil
	case ConnectIoT:
		return "wss://" + bare, expires, nil
	case ConnectBedrock:
		return "bedrock-api-key-" + base64.StdEncoding.EncodeToString([]byte(bare+"&Version=1")), expires, nil
	}
	return bare, expires, nil
}

// Request returns the request that a token is made from, so that policies can decide on it like on
// any other.
func (c *Connect) Request() (*Request, error) {
	form, known := c.Kind.form()
	if !known {
		return nil, inputError(InputKind, "is not a kind of connect token")
	}
	r := &Request{
		Method:      cmp.Or(form.method, "GET"),
		PayloadHash: PayloadHash(nil),
		Scope:       Scope{Service: form.service, Region: c.Region},
		Time:        c.Time,
		Credentials: c.Credentials,
		Expires:     quarterHour,
	}
	query := form.query
	switch {
	case form.user == "" && c.User != "":
		return nil, inputError(InputUser, "is not used in a token of this kind")
	case form.user != "" && c.User == "":
		return nil, inputError(InputUser, "is missing")
	case form.user == eksCluster && !unreserved.all(c.User):
		return nil, inputError(InputUser, "must be the name of a cluster")
	case form.user == eksCluster:
		r.Headers, r.SignedHeaders = []Header{{eksCluster, c.User}}, []string{eksCluster}
		r.Expires = time.Minute
	case form.user != "":
		query = append(query, Parameter{form.user, c.User})
	}
	if c.Kind == ConnectIoT {
		r.Token = TokenAppended
	}
	if c.Expires != 0 && c.Kind != ConnectEKS {
		r.Expires = c.Expires
	}
	if r.Expires > max(form.longest, quarterHour) {
		return nil, inputError(InputExpires, "is longer than a token of this kind may last")
	}
	var err error
	r.URL, _, err = ParseURL("https://"+c.Endpoint+form.path, query)
	if err != nil || r.URL.Path() != form.path || strings.Contains(c.Endpoint, "?") {
		return nil, inputError(InputEndpoint, "must be a host, with or without a port")
	}
	if c.Kind == ConnectBedrock && r.URL.Host() != bedrockHost {
		return nil, inputError(InputEndpoint, "must be "+bedrockHost+", which API keys are signed for in every region")
	}
	return r, nil
}

// SMTPPassword returns the password for the SMTP interface of SES in a region. The user name is the
// access key id (SES Developer Guide, "Obtaining Amazon SES SMTP credentials by converting existing
// AWS credentials"). The password does not expire; session tokens do not work there.
func SMTPPassword(secretAccessKey, region string) string {
	const fixedDate, version = "11111111", 4
	key := []byte("AWS4" + secretAccessKey)
	for _, part := range []string{fixedDate, region, "ses", scopeEnd, "SendRawEmail"} {
		key = hmacSHA256(key, part)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{version}, key...))
}
