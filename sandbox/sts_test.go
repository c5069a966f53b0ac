package sandbox_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"countersign/sandbox"
)

// query is a call to the STS in the Query protocol.
func query(parameters map[string]string) call {
	form := url.Values{"Version": {"2011-06-15"}}
	for name, value := range parameters {
		form.Set(name, value)
	}
	return call{
		method: "POST", host: "sts.us-east-1.amazonaws.com", service: "sts", body: form.Encode(),
		headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
	}
}

// role returns the parameters of an AssumeRole that succeeds, with some changed.
func role(changes map[string]string) map[string]string {
	p := map[string]string{"Action": "AssumeRole", "RoleArn": sandbox.RoleARN, "RoleSessionName": "tester"}
	maps.Copy(p, changes)
	return p
}

// issued is the STS's response with credentials.
type issued struct {
	Result struct {
		SourceIdentity  string
		AssumedRoleUser struct{ Arn, AssumedRoleId string }
		Credentials     struct {
			AccessKeyId, SecretAccessKey, SessionToken string
			Expiration                                 time.Time
		}
	} `xml:",any"`
}

func assumeRole(t *testing.T, s *sandbox.Sandbox, changes map[string]string) aws.Credentials {
	t.Helper()
	return keysOf(t, send(s.STS(), query(role(changes)).request(t)))
}

func keysOf(t *testing.T, a serverResponse) aws.Credentials {
	t.Helper()
	var out issued
	if err := xml.Unmarshal(a.body, &out); err != nil || a.status != http.StatusOK {
		t.Fatalf("STS responded with %d %s (%v), want credentials", a.status, a.body, err)
	}
	c := out.Result.Credentials
	return aws.Credentials{
		AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		Expires: c.Expiration, CanExpire: true,
	}
}

// The whole document, as in the API Reference's example.
func TestAssumeRoleDocument(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	got := send(s.STS(), query(role(map[string]string{"DurationSeconds": "900", "SourceIdentity": "alice"})).request(t))
	secret := regexp.MustCompile(`<SecretAccessKey>[A-Za-z0-9+/]{40}</`)
	token := regexp.MustCompile(`<SessionToken>[A-Za-z0-9+/=]{200,1000}</`)
	key := regexp.MustCompile(`<AccessKeyId>ASIASANDBOX[A-Z2-7]{9}</`)
	id := regexp.MustCompile(`<RequestId>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}</`)
	text := string(got.body)
	for _, r := range []*regexp.Regexp{secret, token, key, id} {
		if !r.MatchString(text) {
			t.Errorf("AssumeRole responded with %s, want %s in it", text, r)
		}
		text = r.ReplaceAllStringFunc(text, func(s string) string { return s[:strings.IndexByte(s, '>')+1] + "…</" })
	}
	want := `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <SourceIdentity>alice</SourceIdentity>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/sandbox-caller/tester</Arn>
      <AssumedRoleId>AROASANDBOX2ECCN37O2C:tester</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>…</AccessKeyId>
      <SecretAccessKey>…</SecretAccessKey>
      <SessionToken>…</SessionToken>
      <Expiration>2026-08-30T12:51:00Z</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>…</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>
`
	if text != want {
		t.Errorf("AssumeRole responded with\n%s\nwant\n%s", text, want)
	}
	if got.header.Get("Content-Type") != "text/xml" || len(got.header.Get("x-amzn-RequestId")) != 36 ||
		got.header.Get("Date") != "Sun, 30 Aug 2026 12:36:00 GMT" {
		t.Errorf("headers = %v, want a request id, XML and the sandbox's time", got.header)
	}
}

func TestGetCallerIdentityDocument(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	want := func(arn, userID, account string) string {
		return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>` + arn + `</Arn>
    <UserId>` + userID + `</UserId>
    <Account>` + account + `</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>`
	}
	identity := query(map[string]string{"Action": "GetCallerIdentity"})
	user := want(sandbox.UserARN, "AIDASANDBOXUIS7W5KGBV", "123456789012")
	if got := send(s.STS(), identity.request(t)); !strings.HasPrefix(string(got.body), user) {
		t.Errorf("GetCallerIdentity by a user responded with\n%s", got.body)
	}
	identity.keys = assumeRole(t, s, map[string]string{"RoleArn": sandbox.PartnerRoleARN, "ExternalId": sandbox.PartnerExternalID})
	if got := send(s.STS(), identity.request(t)); !strings.HasPrefix(string(got.body),
		want("arn:aws:sts::210987654321:assumed-role/orders/tester", "AROASANDBOXXGACOAXVSJ:tester", "210987654321")) {
		t.Errorf("GetCallerIdentity by a session responded with\n%s", got.body)
	}
}

func TestSTSAcceptsGETRequests(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	c := call{host: "sts.us-east-1.amazonaws.com", service: "sts", target: "/?Action=GetCallerIdentity&Version=2011-06-15"}
	if got := send(s.STS(), c.request(t)); got.status != http.StatusOK {
		t.Errorf("STS responded to a GET with %d %s, want 200", got.status, got.body)
	}
}

func TestSessionDurations(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{Roles: []sandbox.Role{{ARN: sandbox.RoleARN, MaxSession: 12 * time.Hour}}}))
	for name, c := range map[string]struct {
		parameters map[string]string
		want       time.Duration
	}{
		"AssumeRole by default":      {role(nil), time.Hour},
		"AssumeRole at least":        {role(map[string]string{"DurationSeconds": "900"}), 15 * time.Minute},
		"AssumeRole at most":         {role(map[string]string{"DurationSeconds": "43200"}), 12 * time.Hour},
		"GetSessionToken by default": {map[string]string{"Action": "GetSessionToken"}, 12 * time.Hour},
		"GetSessionToken at most":    {map[string]string{"Action": "GetSessionToken", "DurationSeconds": "129600"}, 36 * time.Hour},
	} {
		if got := keysOf(t, send(s.STS(), query(c.parameters).request(t))); !got.Expires.Equal(clock.Add(c.want)) {
			t.Errorf("%s: session ends at %v, want %v after %v", name, got.Expires, c.want, clock)
		}
	}
}

func TestRolesChain(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{Roles: []sandbox.Role{
		{ARN: sandbox.RoleARN}, {ARN: sandbox.PartnerRoleARN, MaxSession: 12 * time.Hour},
	}}))
	hop := query(role(map[string]string{"RoleArn": sandbox.PartnerRoleARN}))
	hop.keys = assumeRole(t, s, nil)
	if got := keysOf(t, send(s.STS(), hop.request(t))); got.AccessKeyID == hop.keys.AccessKeyID {
		t.Errorf("the second session has the first one's key %s", got.AccessKeyID)
	}
	long := query(role(map[string]string{"RoleArn": sandbox.PartnerRoleARN, "DurationSeconds": "3601"}))
	long.keys = hop.keys
	expectSTS(t, s, long, unchanged, 400, "ValidationError",
		"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
}

func expectSTS(t *testing.T, s *sandbox.Sandbox, c call, change func(*http.Request), status int, code, message string) {
	t.Helper()
	r := c.request(t)
	change(r)
	got := send(s.STS(), r)
	var document struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error   struct{ Type, Code, Message string }
		ID      string `xml:"RequestId"`
	}
	if err := xml.Unmarshal(got.body, &document); err != nil {
		t.Fatalf("STS responded with %d %s: %v", got.status, got.body, err)
	}
	e := document.Error
	if got.status != status || e.Code != code || e.Message != message || e.Type != "Sender" {
		t.Errorf("STS responded with %d %s %s %q,\nwant %d Sender %s %q", got.status, e.Type, e.Code, e.Message, status, code, message)
	}
	if document.ID != got.header.Get("x-amzn-RequestId") || len(document.ID) != 36 {
		t.Errorf("request id = %q in the document, %q in the header", document.ID, got.header.Get("x-amzn-RequestId"))
	}
}

func TestSTSRefusesSignatures(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	identity := query(map[string]string{"Action": "GetCallerIdentity"})
	with := func(change func(*call)) call {
		c := identity
		change(&c)
		return c
	}
	const bare = "AWS4-HMAC-SHA256 Credential=a"
	for _, c := range []tamper{
		{
			"no signature", identity, func(r *http.Request) { r.Header.Del("Authorization") },
			403, "MissingAuthenticationToken", "Request is missing Authentication Token",
		},
		{
			"half a signature", identity, header("Authorization", bare),
			400, "IncompleteSignature", "Authorization header requires 'Signature' parameter. Authorization header requires " +
				"'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization=" + hashed(bare),
		},
		{
			"too old by a second", with(func(c *call) { c.at = clock.Add(-15*time.Minute - time.Second) }), unchanged,
			403, "SignatureDoesNotMatch", "Signature expired: 20260830T122059Z is now earlier than 20260830T122100Z (20260830T123600Z - 15 min.)",
		},
		{
			"too young by a second", with(func(c *call) { c.at = clock.Add(15*time.Minute + time.Second) }), unchanged,
			403, "SignatureDoesNotMatch", "Signature not yet current: 20260830T125101Z is still later than 20260830T125100Z " +
				"(20260830T123600Z + 15 min.)",
		},
		{
			"another region", with(func(c *call) { c.region = "eu-west-1" }), unchanged,
			403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region, not 'eu-west-1'. ",
		},
		{
			"another service", with(func(c *call) { c.service = "iam" }), unchanged,
			403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. ",
		},
		{
			"an unknown key", with(func(c *call) { c.keys = aws.Credentials{AccessKeyID: "AKIASANDBOXNOTKNOWN1", SecretAccessKey: "x"} }), unchanged,
			403, "InvalidClientTokenId", "The security token included in the request is invalid.",
		},
		{
			"another secret", with(func(c *call) { c.keys = aws.Credentials{AccessKeyID: sandbox.AccessKeyID, SecretAccessKey: "x"} }), unchanged,
			403, "SignatureDoesNotMatch", mismatchText,
		},
		{"another body", identity, func(r *http.Request) {
			*r = *with(func(c *call) { c.body += "&More=1" }).request(t).WithContext(t.Context())
			r.Header.Set("Authorization", identity.request(t).Header.Get("Authorization"))
		}, 403, "SignatureDoesNotMatch", mismatchText},
		{
			"an unsigned x-amz header", identity, header("X-Amz-Target", "x"),
			403, "AccessDenied", "There were headers present in the request which were not signed",
		},
		{"a content hash that is not the body's", with(func(c *call) {
			c.headers = map[string]string{"Content-Type": "application/x-www-form-urlencoded", "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
		}), unchanged, 400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."},
	} {
		t.Run(c.name, func(t *testing.T) { expectSTS(t, s, c.call, c.change, c.status, c.code, c.message) })
	}
}

func TestSTSRefusesSessionsAfterTheirEnd(t *testing.T) {
	now := clock
	s := sandbox.New(fixed(sandbox.Options{Now: func() time.Time { return now }}))
	c := query(map[string]string{"Action": "GetCallerIdentity"})
	c.keys = assumeRole(t, s, nil)
	now = clock.Add(time.Hour)
	c.at = now
	expectSTS(t, s, c, unchanged, 403, "ExpiredToken", "The security token included in the request is expired")
}

func TestSTSRefusesParameters(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	constraint := func(value, member, text string) string {
		return fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, member, text)
	}
	one := func(value, member, text string) string {
		return "1 validation error detected: " + constraint(value, member, text)
	}
	long, tags := strings.Repeat("s", 65), map[string]string{}
	for i := range 51 {
		tags[fmt.Sprintf("Tags.member.%d.Key", i+1)] = "k"
		tags[fmt.Sprintf("Tags.member.%d.Value", i+1)] = "v"
	}
	denied := "User: " + sandbox.UserARN + " is not authorized to perform: sts:AssumeRole on resource: "
	for name, c := range map[string]struct {
		parameters map[string]string
		status     int
		code       string
		message    string
	}{
		"no action": {map[string]string{}, 400, "MissingAction", "The request must contain the parameter Action"},
		"an unknown action": {
			map[string]string{"Action": "GetFederationToken"},
			400, "InvalidAction",
			"Could not find operation GetFederationToken for version 2011-06-15",
		},
		"another version": {
			role(map[string]string{"Version": "2020-01-01"}), 400, "InvalidAction",
			"Could not find operation AssumeRole for version 2020-01-01",
		},
		"no version": {
			role(map[string]string{"Version": ""}), 400, "InvalidAction",
			"Could not find operation AssumeRole for version NO_VERSION_SPECIFIED",
		},
		"a short role": {
			role(map[string]string{"RoleArn": "arn:aws:iam"}), 400, "ValidationError",
			one("'arn:aws:iam'", "roleArn", "Member must have length greater than or equal to 20"),
		},
		"a role that is none": {
			role(map[string]string{"RoleArn": "sandbox-caller-and-some-more"}), 400, "ValidationError",
			"sandbox-caller-and-some-more is invalid",
		},
		"a user for a role": {role(map[string]string{"RoleArn": sandbox.UserARN}), 400, "ValidationError", "Request ARN is invalid"},
		"a short name": {
			role(map[string]string{"RoleSessionName": "s"}), 400, "ValidationError",
			one("'s'", "roleSessionName", "Member must have length greater than or equal to 2"),
		},
		"a long name": {
			role(map[string]string{"RoleSessionName": long}), 400, "ValidationError",
			one("'"+long+"'", "roleSessionName", "Member must have length less than or equal to 64"),
		},
		"a name with a slash": {
			role(map[string]string{"RoleSessionName": "Power/user"}), 400, "ValidationError",
			one("'Power/user'", "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*`),
		},
		"an external id": {
			role(map[string]string{"ExternalId": "a b"}), 400, "ValidationError",
			one("'a b'", "externalId", `Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`),
		},
		"a source identity": {
			role(map[string]string{"SourceIdentity": "é!"}), 400, "ValidationError",
			one("'é!'", "sourceIdentity", `Member must satisfy regular expression pattern: [\w+=,.@-]*`),
		},
		"too short a session": {
			role(map[string]string{"DurationSeconds": "899"}), 400, "ValidationError",
			one("'899'", "durationSeconds", "Member must have value greater than or equal to 900"),
		},
		"too long a session": {
			role(map[string]string{"DurationSeconds": "43201"}), 400, "ValidationError",
			one("'43201'", "durationSeconds", "Member must have value less than or equal to 43200"),
		},
		"a word for a number": {
			role(map[string]string{"DurationSeconds": "1h"}), 400, "ValidationError",
			one("'1h'", "durationSeconds", "Member must be an integer"),
		},
		"past the role's most": {
			role(map[string]string{"DurationSeconds": "3601"}), 400, "ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
		},
		"a long policy": {
			role(map[string]string{"Policy": strings.Repeat("p", 2049)}), 400, "ValidationError",
			one("'"+strings.Repeat("p", 2049)+"'", "policy", "Member must have length less than or equal to 2048"),
		},
		"a policy not JSON": {role(map[string]string{"Policy": "{"}), 400, "MalformedPolicyDocument", "Syntax errors in policy."},
		"51 tags": {
			role(tags), 400, "ValidationError",
			"1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
		},
		"an unknown role": {role(map[string]string{"RoleArn": sandbox.RoleARN + "2"}), 403, "AccessDenied", denied + sandbox.RoleARN + "2"},
		"no external id":  {role(map[string]string{"RoleArn": sandbox.PartnerRoleARN}), 403, "AccessDenied", denied + sandbox.PartnerRoleARN},
		"another external id": {
			role(map[string]string{"RoleArn": sandbox.PartnerRoleARN, "ExternalId": "other"}), 403, "AccessDenied",
			denied + sandbox.PartnerRoleARN,
		},
		"nothing but the action": {map[string]string{"Action": "AssumeRole"}, 400, "ValidationError", "2 validation errors detected: " +
			constraint("null", "roleArn", "Member must not be null") + "; " + constraint("null", "roleSessionName", "Member must not be null")},
		"a session too long for its user": {
			map[string]string{"Action": "GetSessionToken", "DurationSeconds": "129601"},
			400, "ValidationError",
			one("'129601'", "durationSeconds", "Member must have value less than or equal to 129600"),
		},
	} {
		t.Run(name, func(t *testing.T) { expectSTS(t, s, query(c.parameters), unchanged, c.status, c.code, c.message) })
	}
}

func TestSTSRefusesBodiesThatAreNotForms(t *testing.T) {
	s := sandbox.New(fixed(sandbox.Options{}))
	broken, huge := query(nil), query(nil)
	broken.body, huge.body = "Action=%zz", strings.Repeat("x", 256<<10+1)
	expectSTS(t, s, broken, unchanged, 404, "MalformedQueryString", "The query string contains a syntax error.")
	expectSTS(t, s, huge, unchanged, 413, "RequestEntityTooLarge", "Request Too Long")

	c := query(map[string]string{"Action": "GetSessionToken"})
	c.keys = assumeRole(t, s, nil)
	expectSTS(t, s, c, unchanged, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
}

func TestFaultRespondsInsteadOfTheSTS(t *testing.T) {
	var observed []sandbox.Exchange
	fault := sandbox.Refuse(400, "Throttling", "Rate exceeded")
	s := sandbox.New(fixed(sandbox.Options{
		Fault:   func(*http.Request) http.Handler { return fault },
		Observe: func(e sandbox.Exchange) { observed = append(observed, e) },
	}))
	expectSTS(t, s, query(role(nil)), unchanged, 400, "Throttling", "Rate exceeded")
	fault = nil
	assumeRole(t, s, nil)
	if got := send(s.Gateway(), call{
		keys: aws.Credentials{AccessKeyID: "AKIASANDBOXNOTKNOWN1", SecretAccessKey: "x"},
	}.request(t)); got.status != 403 {
		t.Errorf("gateway responded with %d, want 403", got.status)
	}
	for i := range observed {
		if i > 0 && len(observed[i].RequestID) != 36 {
			t.Errorf("request id = %q, want 36 characters", observed[i].RequestID)
		}
		observed[i].RequestID = ""
	}
	want := []sandbox.Exchange{
		{Server: "sts", Method: "POST", Path: "/"},
		{Server: "sts", Method: "POST", Path: "/", Action: "AssumeRole", CallerARN: sandbox.UserARN, Status: 200},
		{Server: "gateway", Method: "GET", Path: "/", Status: 403, Code: "UnrecognizedClientException"},
	}
	if fmt.Sprint(observed) != fmt.Sprint(want) {
		t.Errorf("observed %+v,\nwant %+v", observed, want)
	}
}
