package broker_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/internal/upstream"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

const orders = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/orders"

// trail keeps records. Writing fails from record number failFrom on, unless that is 0.
type trail struct {
	mu       sync.Mutex
	list     []access.Record
	failFrom int
	ids      int
}

func (t *trail) Write(_ context.Context, r access.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failFrom > 0 && len(t.list)+1 >= t.failFrom {
		return access.ErrAudit
	}
	t.list = append(t.list, r)
	return nil
}

func (t *trail) NextID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids++
	return "event-" + string(rune('0'+t.ids))
}

func (t *trail) records() []access.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}

// sessions provides one session after another, as they are dropped.
type sessions struct {
	skew    time.Duration
	err     error
	dropped int
}

func (s *sessions) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	id := "ASIAEXAMPLE" + string(rune('A'+s.dropped))
	return credentials.Session{
		Credentials: signing.NewCredentials(id, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/EXAMPLE="),
		Expires:     time.Now().Add(time.Hour), Profile: "orders", Skew: s.skew,
	}, s.err
}

func (s *sessions) SessionFromRequest(context.Context, credentials.RequestCredentials) (credentials.Session, error) {
	return credentials.Session{}, credentials.ErrConfiguration
}

func (s *sessions) Identity(context.Context, credentials.SessionRequest) (credentials.Identity, error) {
	return credentials.Identity{}, nil
}

func (s *sessions) Profiles() []credentials.Profile       { return nil }
func (s *sessions) Drop(refused credentials.Session) bool { s.dropped++; return true }

// sender is a broker that sends to the test's own server in place of AWS.
type sender struct {
	*broker.Broker
	t        *testing.T
	audit    *trail
	sessions *sessions
	calls    *[]string // received requests
}

func newSender(t *testing.T, policies string, response http.HandlerFunc) *sender {
	t.Helper()
	var mu sync.Mutex
	calls := &[]string{}
	aws, err := upstream.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*calls = append(*calls, r.Method+" "+r.Host+r.URL.RequestURI())
		mu.Unlock()
		response(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	client, err := sending.New(sending.Options{Now: time.Now, ExtraCAs: aws.CA, Proxy: aws.Proxy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var document []byte
	if policies != "" {
		document = []byte(policies)
	}
	policy, err := access.NewPolicy("test.cedar", document)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t, audit: &trail{}, sessions: &sessions{}, calls: calls}
	s.Broker = broker.New(broker.Options{
		Signer: new(signing.Signer), Sessions: s.sessions, Now: time.Now, Policy: policy, Audit: s.audit, DefaultProfile: "orders",
		Sender: client,
	})
	return s
}

func ok(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-Requestid", "aws-request-1")
	_, _ = io.WriteString(w, `{"order":1042}`)
}

func (s *sender) send(in *broker.SendInput) (*broker.Sent, error) {
	s.t.Helper()
	call := &broker.Call{RequestID: "request-1", Caller: access.Caller{ID: "crm-sync", Method: access.MethodAPIKey}}
	return s.Send(context.Background(), call, in)
}

func (s *sender) read(in *broker.SendInput) (int, string) {
	s.t.Helper()
	sent, err := s.send(in)
	if err != nil {
		s.t.Fatal(err)
	}
	defer sent.Close()
	body, err := sent.ReadAll(1 << 20)
	if err != nil {
		s.t.Fatal(err)
	}
	return sent.Response.StatusCode, string(body)
}

func (s *sender) refused(in *broker.SendInput, code string) {
	s.t.Helper()
	_ = s.refusal(in, code)
}

// refusal returns the problem, and fails unless the request was refused with the code.
func (s *sender) refusal(in *broker.SendInput, code string) *problem.Error {
	s.t.Helper()
	sent, err := s.send(in)
	if err == nil {
		sent.Close()
		s.t.Fatalf("status %d, want %s", sent.Response.StatusCode, code)
	}
	p := broker.Problem(err)
	if p.Code != code {
		s.t.Fatalf("refused with %v, want %s", err, code)
	}
	return p
}

func get(url string, headers ...signing.Header) *broker.SendInput {
	return &broker.SendInput{Input: broker.Input{Method: "GET", URL: url, Headers: headers}}
}

func post(url, body string) *broker.SendInput {
	return &broker.SendInput{Input: broker.Input{Method: "POST", URL: url, Body: func() (broker.Body, error) {
		return broker.Body{Present: true, Bytes: []byte(body), MediaType: broker.MediaJSON, Text: true}, nil
	}}}
}

func TestSend_RecordsIntentBeforeTheFirstByteAndOutcomeAfter(t *testing.T) {
	var s *sender
	var onArrival []access.Record
	var sentHash, contentType string
	s = newSender(t, "", func(w http.ResponseWriter, r *http.Request) {
		onArrival = s.audit.records()
		sentHash, contentType = r.Header.Get("Authorization"), r.Header.Get("Content-Type")
		ok(w, r)
	})
	if status, body := s.read(post(orders, `{"order":1042}`)); status != 200 || body != `{"order":1042}` {
		t.Errorf("status %d %s", status, body)
	}
	if len(onArrival) != 1 || onArrival[0].Action != access.ActionSend || onArrival[0].Decision != "allow" ||
		onArrival[0].SignatureSHA256 == "" ||
		onArrival[0].EventID == "" || onArrival[0].Outcome != "" {
		t.Errorf("when the request arrived, the records were %+v", onArrival)
	}
	if !strings.Contains(sentHash, "SignedHeaders=content-type;host;x-amz-date") || contentType != "application/json" {
		t.Errorf("sent with %s and content type %s", sentHash, contentType)
	}
	all := s.audit.records()
	if len(all) != 2 {
		t.Fatalf("%d records, want 2", len(all))
	}
	want := access.Sent{
		Of: all[0].EventID, Outcome: "complete", Attempts: 1, Status: 200, AWSRequestID: "aws-request-1", BytesOut: 14, BytesIn: 14,
		RemoteAddress: all[1].RemoteAddress, DurationMilliseconds: all[1].DurationMilliseconds,
	}
	if got := all[1]; got.Sent != want || got.RequestID != "request-1" || got.CallerID != "crm-sync" || got.RemoteAddress == "" {
		t.Errorf("outcome %+v, want %+v", got, want)
	}
}

func TestSend_IsItsOwnAction(t *testing.T) {
	for name, test := range map[string]struct {
		policies string
		allowed  bool
	}{
		"signing is permitted": {`permit (principal, action == Action::"sign", resource);`, false},
		"sending is permitted": {`permit (principal, action == Action::"send", resource);`, true},
		"sending is forbidden": {`permit (principal, action, resource); forbid (principal, action == Action::"send", resource);`, false},
		"no policy file":       {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, test.policies, ok)
			if test.allowed {
				s.read(get(orders))
				return
			}
			s.refused(get(orders), "forbidden")
			if len(*s.calls) > 0 || len(s.audit.list) != 1 || s.audit.list[0].Decision != "deny" {
				t.Errorf("sent %v, recorded %+v", *s.calls, s.audit.list)
			}
		})
	}
}

func TestSend_PoliciesSeeEveryHeaderThatIsSent(t *testing.T) {
	s := newSender(
		t, `permit (principal, action == Action::"send", resource) unless { resource.headers.contains("x-http-method-override") };`,
		ok,
	)
	s.refused(get(orders, signing.Header{Name: "X-HTTP-Method-Override", Value: "DELETE"}), "forbidden")
	s.read(get(orders, signing.Header{Name: "User-Agent", Value: "workflow"}))
	if len(*s.calls) != 1 {
		t.Errorf("sent %v", *s.calls)
	}
}

func TestSend_CredentialResponsesNeedAPolicyThatNamesThem(t *testing.T) {
	target := func(url, operation string) *broker.SendInput {
		in := post(url, "{}")
		in.Headers = []signing.Header{{Name: "X-Amz-Target", Value: operation}, {Name: "Content-Type", Value: "application/x-amz-json-1.1"}}
		return in
	}
	for name, in := range map[string]*broker.SendInput{
		"sts":                 get("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"),
		"iam":                 get("https://iam.amazonaws.com/?Action=CreateAccessKey&Version=2010-05-08"),
		"S3 Express":          get("https://bucket--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com/?session"),
		"S3 Access Grants":    get("https://123456789012.s3-control.eu-west-1.amazonaws.com/v20180820/accessgrantsinstance/dataaccess?target=s3"),
		"ECR":                 target("https://api.ecr.eu-west-1.amazonaws.com/", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
		"CodeArtifact":        post("https://codeartifact.eu-west-1.amazonaws.com/v1/authorization-token?domain=d", ""),
		"a shell":             target("https://ssm.eu-west-1.amazonaws.com/", "AmazonSSM.StartSession"),
		"unknown, of ECR":     target("https://api.ecr.eu-west-1.amazonaws.com/", ""),
		"Cognito's role keys": target("https://cognito-identity.eu-west-1.amazonaws.com/", "AWSCognitoIdentityService.GetCredentialsForIdentity"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, policies := range []string{"", "permit (principal, action, resource);"} {
				s := newSender(t, policies, ok)
				s.refused(in, "forbidden")
				if len(*s.calls) > 0 {
					t.Errorf("sent %v", *s.calls)
				}
			}
		})
	}
}

func TestSend_WithoutItsRecordNothingIsSent(t *testing.T) {
	s := newSender(t, "", ok)
	s.audit.failFrom = 1
	s.refused(get(orders), "audit_unavailable")
	if len(*s.calls) > 0 {
		t.Errorf("sent %v", *s.calls)
	}
}

func TestSend_AnUnrecordedOutcomeDoesNotWithholdTheResponse(t *testing.T) {
	s := newSender(t, "", ok)
	s.audit.failFrom = 2
	if status, body := s.read(get(orders)); status != 200 || body == "" {
		t.Errorf("status %d %s", status, body)
	}
}

func TestSend_WithoutASessionNothingIsSent(t *testing.T) {
	s := newSender(t, "", ok)
	s.sessions.err = credentials.ErrDenied
	s.refused(get(orders), "session_denied")
	if got := s.audit.list; len(*s.calls) > 0 || len(got) != 1 || !slices.Contains(got[0].Notes, "nothing was signed: session_denied") {
		t.Errorf("sent %v, recorded %+v", *s.calls, got)
	}
}

func TestSend_AnExpiredSessionIsReplacedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		refusals, attempts int
		status             int
		outcome            string
	}{
		"then it is taken": {1, 2, 200, "complete"},
		"then refused too": {2, 2, 400, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var ids []string
			s := newSender(t, "", func(w http.ResponseWriter, r *http.Request) {
				ids = append(ids, r.Header.Get("Authorization"))
				if len(ids) <= test.refusals {
					w.Header().Set("X-Amzn-Errortype", "ExpiredTokenException")
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				ok(w, r)
			})
			if status, _ := s.read(post(orders, "{}")); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if len(ids) != test.attempts || !strings.Contains(ids[0], "ASIAEXAMPLEA") || !strings.Contains(ids[1], "ASIAEXAMPLEB") {
				t.Errorf("signed with %v", ids)
			}
			all := s.audit.records()
			if len(all) != 3 || all[1].Of != all[0].EventID || all[1].Attempt != 2 || all[1].AccessKeyID != "ASIAEXAMPLEB" ||
				all[1].SignatureSHA256 == "" ||
				all[2].Of != all[0].EventID || all[2].Attempts != 2 || all[2].Outcome != test.outcome {
				t.Errorf("recorded %+v", all)
			}
		})
	}
}

func TestSend_OnlyGoesToHostsOfKnownServices(t *testing.T) {
	hosts, err := endpoints.NewHosts([]endpoints.HostRule{{Pattern: "api.example.com", Service: "execute-api", Region: "eu-west-1"}})
	if err != nil {
		t.Fatal(err)
	}
	for url, code := range map[string]string{
		"https://api.example.com/orders":                                    "",
		"https://orders.s3.eu-west-1.amazonaws.com/a":                       "",
		"https://photos.s3-accelerate.amazonaws.com/a":                      "",
		"https://api.example.com:8443/orders":                               "",
		"https://orders.s3.eu-west-1.amazonaws.com:443/a":                   "",
		"https://db.cluster-abc.eu-west-1.neptune.amazonaws.com:8182/":      "",
		"https://orders.s3.eu-west-1.amazonaws.com:22/a":                    "host_not_sendable",
		"https://vpce-0a-1b.execute-api.eu-west-1.vpce.amazonaws.com:8080/": "host_not_sendable",
		"https://other.example.com/":                                        "host_not_sendable",
		"https://ec2-1-2-3-4.compute.amazonaws.com/":                        "host_not_sendable",
		"https://my-lb-1234567890.eu-west-1.elb.amazonaws.com/":             "host_not_signed",
		"https://d111111abcdef8.cloudfront.net/":                            "host_not_signed",
		"https://site.s3-website.eu-west-1.amazonaws.com/":                  "host_not_signed",
		"https://db.abc.eu-west-1.rds.amazonaws.com/":                       "host_not_signed",
		"https://vpce-svc-0123456789abcdef0.eu-west-1.vpce.amazonaws.com/":  "host_not_sendable",
		"https://169.254.169.254/latest/meta-data/":                         "url_invalid",
		"http://orders.s3.eu-west-1.amazonaws.com/a":                        "url_not_https",
	} {
		s := newSender(t, "", ok)
		s.Hosts = map[string]*endpoints.Hosts{"orders": hosts}
		in := get(url)
		in.Service, in.Region = "s3", "eu-west-1"
		if strings.Contains(url, "api.") {
			in.Service = "execute-api"
		}
		if code == "" {
			s.read(in)
			continue
		}
		s.refused(in, code)
		if len(*s.calls) > 0 {
			t.Errorf("%s: sent %v", url, *s.calls)
		}
	}
}

// CONNECT transmits a target other than the signed one, and the response to TRACE repeats the request.
func TestSend_RefusesCONNECTAndTRACE(t *testing.T) {
	s := newSender(t, "permit (principal, action, resource);", ok)
	for _, method := range []string{"CONNECT", "TRACE", "connect", "Trace"} {
		for _, url := range []string{"https://abc.execute-api.eu-west-1.amazonaws.com/prod", "https://abc.execute-api.eu-west-1.amazonaws.com"} {
			s.refused(&broker.SendInput{Input: broker.Input{Method: method, URL: url}}, "field_invalid")
		}
	}
	if len(*s.calls) > 0 {
		t.Errorf("arrived: %q", *s.calls)
	}
}

func TestSend_IsOffUnlessAllowed(t *testing.T) {
	s := newSender(t, "", ok)
	s.Sender = nil
	if p := s.refusal(get(orders), "send_not_allowed"); !strings.Contains(p.Document("").Hint, "allow_send") {
		t.Errorf("the hint %q does not name the setting", p.Document("").Hint)
	}
}

// If AWS may have acted, the status is not one that makes workflows retry.
func TestSend_SaysWhetherAWSMayHaveActed(t *testing.T) {
	hangUp := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // otherwise the payload may not have left, and the request is sent again
		panic(http.ErrAbortHandler)
	}
	breakOff := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	for _, test := range []struct {
		name     string
		response http.HandlerFunc
		in       *broker.SendInput
		code     string
		outcome  string
	}{
		{"no response to a POST", hangUp, post(orders, "{}"), "outcome_unknown", "unknown"},
		{"no response to a GET", hangUp, get(orders), "aws_timeout", "unknown"},
		{"half a response to a POST", breakOff, post(orders, "{}"), "outcome_unknown", "broken"},
		{"half a response to a GET", breakOff, get(orders), "answer_broken", "broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(t, "", test.response)
			sent, err := s.send(test.in)
			if err == nil {
				_, err = sent.ReadAll(1 << 20)
				err = sent.Problem(err)
				sent.Close()
			}
			if p := broker.Problem(err); p.Code != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
			if all := s.audit.records(); all[len(all)-1].Outcome != test.outcome {
				t.Errorf("outcome %+v, want %s", all[len(all)-1].Sent, test.outcome)
			}
		})
	}
}

// Lambda responds when a function has ended, which may take longer than any workflow waits.
func TestSend_SaysHowToInvokeASlowFunction(t *testing.T) {
	const function, event = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/", "X-Amz-Invocation-Type: Event"
	for url, want := range map[string]bool{
		function + "report/invocations": true, function: false, orders: false, "https://abc.lambda-url.eu-west-1.on.aws/": false,
	} {
		s := newSender(t, "", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		})
		if p := s.refusal(post(url, "{}"), "outcome_unknown"); strings.Contains(p.Detail, event) != want {
			t.Errorf("%s: %q", url, p.Detail)
		}
	}
}

func TestSend_SaysThatNothingWasSent(t *testing.T) {
	s := newSender(t, "", ok)
	client, err := sending.New(sending.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s.Sender = client
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Send(ctx, &broker.Call{Caller: access.Caller{ID: "crm-sync"}}, post(orders, "{}"))
	if p := broker.Problem(err); p.Code != "aws_unreachable" {
		t.Errorf("got %v, want aws_unreachable", err)
	}
}

// The clock skew of the session is applied only until the host's own clock is known.
func TestSend_AddsTheSkewOfTheSession(t *testing.T) {
	var dates []string
	s := newSender(t, "", func(w http.ResponseWriter, r *http.Request) {
		dates = append(dates, r.Header.Get("X-Amz-Date"))
		if len(dates) == 1 {
			w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		ok(w, r)
	})
	s.sessions.skew = time.Hour // but the host's clock is right
	s.read(get(orders))
	for i, ahead := range []time.Duration{time.Hour, 0} {
		at, err := time.Parse(signing.TimeFormat, dates[i])
		if off := time.Until(at) - ahead; err != nil || off.Abs() > time.Minute {
			t.Errorf("attempt %d is dated %s, want %s ahead", i+1, dates[i], ahead)
		}
	}
}

// A stream is opened only for an allowed request.
func TestSend_OpensAStreamOnlyIfAllowed(t *testing.T) {
	opened := 0
	in := func(policy string) (*sender, *broker.SendInput) {
		s := newSender(t, policy, ok)
		return s, &broker.SendInput{
			Input: broker.Input{Method: "PUT", URL: "https://files.s3.eu-west-1.amazonaws.com/a"},
			Stream: &broker.Stream{Hash: signing.PayloadHash([]byte("hello")), Open: func() (*sending.Body, error) {
				opened++
				return sending.Streamed(signing.PayloadHash([]byte("hello")), strings.NewReader("hello"), 5)
			}},
		}
	}
	s, request := in(`forbid (principal, action, resource);`)
	s.refused(request, "forbidden")
	if opened != 0 {
		t.Error("the body of a request that is refused was opened")
	}
	s, request = in(`permit (principal, action, resource) when { resource.payload == "hash" };`)
	s.read(request)
	if r := s.audit.records()[0]; opened != 1 || r.PayloadSHA256 != request.Stream.Hash || r.Payload != access.PayloadHash {
		t.Errorf("opened %d times, recorded %+v", opened, r)
	}
	s, request = in("")
	request.Stream.Open = func() (*sending.Body, error) { return nil, sending.ErrBodyTooLarge }
	s.refused(request, "body_too_large")
	if got := s.audit.records(); len(got) != 1 || !slices.Contains(got[0].Notes, "nothing was signed: body_too_large") {
		t.Errorf("recorded %+v", got)
	}
}

// An unsigned payload is used for services that accept nothing else and, if the user of the broker prefers it, for those
// that are known to accept it. Policies see that.
func TestSend_LeavesAPayloadUnsignedIfTheServiceAcceptsIt(t *testing.T) {
	const lattice = "https://my-svc-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-west-1.on.aws/a"
	for name, row := range map[string]struct{ method, url, policy, hash, refused string }{
		"VPC Lattice":   {method: "POST", url: lattice, hash: signing.UnsignedPayload},
		"S3, signed":    {method: "PUT", url: "https://files.s3.eu-west-1.amazonaws.com/a", hash: "signed"},
		"S3":            {method: "PUT", url: "https://files.s3.eu-west-1.amazonaws.com/a", hash: signing.UnsignedPayload},
		"an upload":     {method: "PUT", url: "https://ebs.eu-west-1.amazonaws.com/snapshots/snap-1/blocks/1", hash: signing.UnsignedPayload},
		"DynamoDB":      {method: "POST", url: "https://dynamodb.eu-west-1.amazonaws.com/", hash: "signed"},
		"another of it": {method: "POST", url: "https://ebs.eu-west-1.amazonaws.com/snapshots", hash: "signed"},
		"a policy that wants it signed": {
			method: "PUT", url: "https://files.s3.eu-west-1.amazonaws.com/a", refused: "forbidden",
			policy: `permit (principal, action, resource) unless { resource.payload == "unsigned" };`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var header, body string
			s := newSender(t, row.policy, func(w http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				header, body = r.Header.Get("X-Amz-Content-Sha256"), string(text)
				ok(w, r)
			})
			unsigned := 0
			in := &broker.SendInput{
				Input: broker.Input{Method: row.method, URL: row.url},
				Stream: &broker.Stream{
					PreferUnsigned: name != "VPC Lattice" && name != "S3, signed",
					Open:           func() (*sending.Body, error) { return sending.Bytes([]byte("hello")), nil },
					Unsigned: func() (*sending.Body, error) {
						unsigned++
						return sending.Streamed(signing.UnsignedPayload, strings.NewReader("hello"), 5)
					},
				},
			}
			if row.refused != "" {
				s.refused(in, row.refused)
				return
			}
			s.read(in)
			payload := access.PayloadHash
			if row.hash == signing.UnsignedPayload {
				payload = access.PayloadUnsigned
			}
			if r := s.audit.records()[0]; body != "hello" || (unsigned == 1) != (row.hash == signing.UnsignedPayload) || r.Payload != payload {
				t.Errorf("%q arrived, left unsigned %d times, recorded %s", body, unsigned, r.Payload)
			}
			if row.hash == signing.UnsignedPayload && header != row.hash {
				t.Errorf("x-amz-content-sha256 %q", header)
			}
		})
	}
}
