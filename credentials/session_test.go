package credentials_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
)

func TestBareKeysAreTheSession(t *testing.T) {
	env := map[string]string{"AWS_ACCESS_KEY_ID": " " + exampleKey + "\n", "AWS_SECRET_ACCESS_KEY": exampleSecret + "\r\n"}
	s := open(t, credentials.Options{
		Profiles: []credentials.Profile{{Name: "laptop", Region: "eu-west-1", Source: credentials.SourceEnvironment}},
		Getenv:   func(name string) string { return env[name] },
	})
	got, err := s.Session(t.Context(), credentials.SessionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Credentials.AccessKeyID != exampleKey || got.Credentials.SecretAccessKey() != exampleSecret ||
		got.Credentials.SessionToken() != "" {
		t.Errorf("Session() = %q, …; want the environment's keys without their blanks", got.Credentials.AccessKeyID)
	}
	if !got.Expires.IsZero() || got.Region != "eu-west-1" || got.Profile != "laptop" {
		t.Errorf("Session() = %+v, want no end, the profile's region and name", got)
	}
}

func TestAssumeRoleSendsWhatTheProfileSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		p := orders()
		p.AssumeRole = &credentials.AssumeRole{
			AccountID: "123456789012", RoleName: "orders", Path: "/team/", ExternalID: "x-1", SessionName: "cs-{caller}-{host}",
			Duration: 30 * time.Minute, Policy: `{"Version":"2012-10-17","Statement":[]}`,
			PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Tags: map[string]string{"team": "crm", "env": "prod"},
			TransitiveTags: []string{"team"}, SourceIdentity: "{caller}",
		}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
		got, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "orders", Caller: "crm sync", Host: "api.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		c := fake.last(t)
		want := map[string]string{
			"Action": "AssumeRole", "RoleArn": "arn:aws:iam::123456789012:role/team/orders", "ExternalId": "x-1", "DurationSeconds": "1800",
			"Policy": `{"Version":"2012-10-17","Statement":[]}`, "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
			"Tags.member.1.Key": "env", "Tags.member.1.Value": "prod", "Tags.member.2.Key": "team", "Tags.member.2.Value": "crm",
			"TransitiveTagKeys.member.1": "team", "Version": "2011-06-15",
			"RoleSessionName": got.SessionName, "SourceIdentity": got.SourceIdentity,
		}
		for name, value := range want {
			if c.form.Get(name) != value {
				t.Errorf("STS got %s=%q, want %q", name, c.form.Get(name), value)
			}
		}
		if len(c.form) != len(want) {
			t.Errorf("STS got %d parameters, want %d: %v", len(c.form), len(want), c.form)
		}
		if c.host != "sts.eu-west-1.amazonaws.com" {
			t.Errorf("STS was called at %q, want the regional endpoint", c.host)
		}
		if !strings.HasPrefix(got.SessionName, "cs-crm-sync-api.example.com-") || !strings.HasPrefix(got.SourceIdentity, "crm-sync-") {
			t.Errorf("names = %q, %q; want the caller and the host made legal, with a hash", got.SessionName, got.SourceIdentity)
		}
		if got.Credentials.AccessKeyID != "ASIASANDBOX000000001" || got.Credentials.SessionToken() != "token-1" ||
			!got.Expires.Equal(time.Now().Add(30*time.Minute)) {
			t.Errorf("Session() = %s until %v, want what STS issued", got.Credentials.AccessKeyID, got.Expires)
		}
		if got.RequestID != "11111111-2222-3333-4444-555555555555" || got.RoleARN != "arn:aws:iam::123456789012:role/team/orders" {
			t.Errorf("Session() = %+v, want STS's request id and the role", got)
		}
	})
}

func TestEndpoints(t *testing.T) {
	tests := []struct {
		name string
		edit func(*credentials.Profile)
		want string
	}{
		{"a region of China has its own suffix", func(p *credentials.Profile) {
			p.Region = "cn-north-1"
			p.AssumeRole.RoleARN = "arn:aws-cn:iam::123456789012:role/orders"
		}, "sts.cn-north-1.amazonaws.com.cn"},
		{"sts_region wins over region", func(p *credentials.Profile) { p.STSRegion = "us-west-2" }, "sts.us-west-2.amazonaws.com"},
		{"us-east-1 is regional too", func(p *credentials.Profile) { p.Region = "us-east-1" }, "sts.us-east-1.amazonaws.com"},
		{"fips", func(p *credentials.Profile) { p.Region, p.FIPS = "us-east-1", true }, "sts-fips.us-east-1.amazonaws.com"},
		{"dual stack", func(p *credentials.Profile) { p.DualStack = true }, "sts.eu-west-1.api.aws"},
		{"its own endpoint", func(p *credentials.Profile) { p.STSEndpoint = "http://127.0.0.1:9100" }, "127.0.0.1:9100"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fake := newFake(time.Now)
			p := orders()
			test.edit(&p)
			s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
			session, err := s.Session(t.Context(), credentials.SessionRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if got := fake.last(t).host; got != test.want || session.STSEndpoint != test.want {
				t.Errorf("STS was called at %q, and the session says %q, want %q", got, session.STSEndpoint, test.want)
			}
		})
	}
}

func TestStampedeMakesOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(call) (*http.Response, error) { time.Sleep(time.Second); return nil, nil }
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids := map[string]int{}
		for range 1000 {
			wg.Go(func() {
				got, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "orders"})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				ids[got.Credentials.AccessKeyID]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if fake.count() != 1 || len(ids) != 1 {
			t.Errorf("1,000 callers made %d calls and got %d sessions, want 1 and 1", fake.count(), len(ids))
		}
	})
}

func TestSessionIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		ask := func() credentials.Session {
			got, err := s.Session(t.Context(), credentials.SessionRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		first := ask()
		time.Sleep(40 * time.Minute)
		if got := ask(); got.Credentials.AccessKeyID != first.Credentials.AccessKeyID || fake.count() != 1 {
			t.Errorf("after 40 of 60 minutes STS was called %d times, want 1", fake.count())
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if fake.count() != 2 {
			t.Errorf("after 46 minutes STS was called %d times, want 2: renewed in the background", fake.count())
		}
		if got := ask(); got.Credentials.AccessKeyID == first.Credentials.AccessKeyID {
			t.Error("the renewed session is not the one served")
		}
	})
}

func TestResponsesAreCheckedBeforeUse(t *testing.T) {
	const id, secret, token = "ASIASANDBOX000000001", exampleSecret, "token"
	hour := time.Hour
	tests := []struct {
		name              string
		id, secret, token string
		life              time.Duration
	}{
		{"empty key id", "", secret, token, hour},
		{"short key id", "ASIASANDBOX1", secret, token, hour},
		{"key id with markup", "ASIASANDBOX00000&lt;1", secret, token, hour},
		{"empty secret", id, "", token, hour},
		{"empty token", id, secret, "", hour},
		{"line break in the token", id, secret, "to&#10;ken", hour},
		{"already past", id, secret, token, -time.Minute},
		{"over in a minute", id, secret, token, time.Minute},
		{"longer than was asked for", id, secret, token, 2 * time.Hour},
		{"year 9999", id, secret, token, time.Until(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fake := newFake(time.Now)
			fake.response = func(call) (*http.Response, error) {
				return fake.xml(200, issuedXML("AssumeRole", test.id, test.secret, test.token, time.Now().Add(test.life))), nil
			}
			s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
			got, err := s.Session(t.Context(), credentials.SessionRequest{})
			if !errors.Is(err, credentials.ErrUnavailable) || err.Error() != "session source unavailable: malformed answer" {
				t.Errorf("Session() = %q, %v; want a malformed answer", got.Credentials.AccessKeyID, err)
			}
		})
	}
}

func TestErrorClasses(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   error
		calls  int
	}{
		{400, "Throttling", credentials.ErrUnavailable, 3},
		{429, "SomethingNew", credentials.ErrUnavailable, 3},
		{500, "InternalFailure", credentials.ErrUnavailable, 3},
		{503, "ServiceUnavailable", credentials.ErrUnavailable, 3},
		{400, "IDPCommunicationError", credentials.ErrUnavailable, 3},
		{403, "AccessDenied", credentials.ErrDenied, 1},
		{403, "SomethingNew", credentials.ErrDenied, 1},
		{403, "InvalidClientTokenId", credentials.ErrConfiguration, 1},
		{400, "MalformedPolicyDocument", credentials.ErrConfiguration, 1},
		{403, "RegionDisabledException", credentials.ErrConfiguration, 1},
		{400, "SomethingNew", credentials.ErrConfiguration, 1},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				fake.response = func(call) (*http.Response, error) { return fake.refuse(test.status, test.code), nil }
				s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
				_, err := s.Session(t.Context(), credentials.SessionRequest{})
				var e *credentials.Error
				if !errors.Is(err, test.want) || !errors.As(err, &e) {
					t.Fatalf("Session() = %v, want %v", err, test.want)
				}
				if fake.count() != test.calls {
					t.Errorf("STS was called %d times, want %d", fake.count(), test.calls)
				}
				if (e.RetryAfter > 0) != errors.Is(err, credentials.ErrUnavailable) {
					t.Errorf("RetryAfter = %v for %v", e.RetryAfter, err)
				}
				if e.RequestID != "11111111-2222-3333-4444-555555555555" {
					t.Errorf("RequestID = %q, want STS's", e.RequestID)
				}
				if strings.Contains(err.Error(), "words of STS") || strings.Contains(err.Error(), "SomethingNew") {
					t.Errorf("error %q contains STS's own words", err)
				}
			})
		})
	}
}

func TestUnknownProfile(t *testing.T) {
	two := orders()
	two.Name = "second"
	s := open(t, credentials.Options{Profiles: []credentials.Profile{orders(), two}})
	for _, name := range []string{"", "Orders", "nobody"} {
		if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: name}); !errors.Is(err, credentials.ErrUnknownProfile) {
			t.Errorf("Session(%q) = %v, want ErrUnknownProfile", name, err)
		}
	}
}

func TestCancelledCallersStopWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(call) (*http.Response, error) { time.Sleep(2 * time.Second); return nil, nil }
		s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Session(ctx, credentials.SessionRequest{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Session() = %v, want the caller's own deadline", err)
		}
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err != nil || fake.count() != 1 {
			t.Errorf("the fetch went on for the next caller: %v after %d calls, want none after 1", err, fake.count())
		}
	})
}

func TestRequestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := open(t, credentials.Options{Transport: fake})
		bare := credentials.RequestCredentials{AccessKeyID: exampleKey, SecretAccessKey: exampleSecret, SessionToken: "t"}
		got, err := s.SessionFromRequest(t.Context(), bare)
		if err != nil || got.Credentials.SessionToken() != "t" || !got.Expires.IsZero() || fake.count() != 0 {
			t.Errorf("SessionFrom(keys) = %+v, %v after %d calls; want the keys themselves", got, err, fake.count())
		}
		role := credentials.RequestCredentials{
			AccessKeyID: exampleKey, SecretAccessKey: exampleSecret, AccountID: "123456789012", RoleName: "orders",
			ExternalID: "x-1", SessionName: "mine", Duration: 20 * time.Minute, Region: "eu-west-1",
		}
		for range 3 {
			if got, err = s.SessionFromRequest(t.Context(), role); err != nil {
				t.Fatal(err)
			}
		}
		if c := fake.last(t); fake.count() != 1 || c.form.Get("RoleArn") != roleARN || c.form.Get("ExternalId") != "x-1" || got.Expires.IsZero() {
			t.Errorf("3 requests made %d calls for %v until %v, want 1 AssumeRole", fake.count(), c.form, got.Expires)
		}
		other := role
		other.SecretAccessKey += "x"
		if _, err = s.SessionFromRequest(t.Context(), other); err != nil || fake.count() != 2 {
			t.Errorf("another secret made %d calls, want its own session: %v", fake.count(), err)
		}
		time.Sleep(6 * time.Minute)
		if _, err = s.SessionFromRequest(t.Context(), role); err != nil || fake.count() != 3 {
			t.Errorf("after 6 minutes %d calls, want 3: such sessions are dropped early (%v)", fake.count(), err)
		}
	})
}

func TestRequestCredentialsFaults(t *testing.T) {
	good := credentials.RequestCredentials{AccessKeyID: exampleKey, SecretAccessKey: exampleSecret, RoleARN: roleARN}
	tests := []struct {
		edit func(*credentials.RequestCredentials)
		part credentials.InputPart
	}{
		{func(g *credentials.RequestCredentials) { g.AccessKeyID = "" }, credentials.InputAccessKeyID},
		{func(g *credentials.RequestCredentials) { g.SecretAccessKey = "two words" }, credentials.InputSecretAccessKey},
		{func(g *credentials.RequestCredentials) { g.SessionToken = "a\nb" }, credentials.InputSessionToken},
		{func(g *credentials.RequestCredentials) { g.AccessKeyID = "ASIASANDBOX000000001" }, credentials.InputSessionToken},
		{func(g *credentials.RequestCredentials) { g.RoleARN, g.ExternalID = "", "x-1" }, credentials.InputRoleARN},
		{func(g *credentials.RequestCredentials) { g.AccountID = "123456789012" }, credentials.InputRoleARN},
		{func(g *credentials.RequestCredentials) { g.RoleARN = "arn:aws:iam::1:user/x" }, credentials.InputRoleARN},
		{func(g *credentials.RequestCredentials) { g.RoleARN, g.RoleName = "", "orders" }, credentials.InputAccountID},
		{func(g *credentials.RequestCredentials) { g.RoleARN, g.AccountID = "", "123456789012" }, credentials.InputRoleName},
		{func(g *credentials.RequestCredentials) { g.ExternalID = "x" }, credentials.InputExternalID},
		{func(g *credentials.RequestCredentials) { g.SessionName = "{caller}" }, credentials.InputSessionName},
		{func(g *credentials.RequestCredentials) { g.Duration = time.Minute }, credentials.InputDuration},
		{func(g *credentials.RequestCredentials) { g.Region = "mars-north-1" }, credentials.InputRegion},
	}
	s := open(t, credentials.Options{Transport: newFake(time.Now)})
	for _, test := range tests {
		g := good
		test.edit(&g)
		_, err := s.SessionFromRequest(t.Context(), g)
		var in *credentials.InputError
		if !errors.As(err, &in) || in.Part != test.part {
			t.Errorf("SessionFrom() = %v, want a fault of %s", err, test.part)
		}
	}
}

func TestIdentity(t *testing.T) {
	s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: newFake(time.Now)})
	got, err := s.Identity(t.Context(), credentials.SessionRequest{Profile: "orders"})
	want := credentials.Identity{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/orders/x", UserID: "AROAEXAMPLE:x"}
	if err != nil || got != want {
		t.Errorf("Identity() = %+v, %v; want %+v", got, err, want)
	}
}
