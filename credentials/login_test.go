package credentials_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/internal/bearer"
	"countersign/signing"
)

const (
	shop = "https://shop.auth0.example/"
	corp = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE"
)

var logins = flag.Int("logins", 20_000, "requests that TestLogins_TwoUsersNeverShareASession makes")

// asCaller returns a profile that signs as the caller.
func asCaller() credentials.Profile {
	return credentials.Profile{
		Name: "as-caller", Region: "eu-west-1", Source: credentials.SourceCallerToken,
		AssumeRole: &credentials.AssumeRole{RoleARN: roleARN, SessionName: "{caller}"},
	}
}

// above returns a profile with a role on top of it.
func above() credentials.Profile {
	return credentials.Profile{
		Name: "above", Region: "eu-west-1", Source: "as-caller", AssumeRole: &credentials.AssumeRole{RoleARN: roleARN + "-above"},
	}
}

// loginStore opens a store whose callers have tokens from the issuers shop and corp.
func loginStore(t *testing.T, transport http.RoundTripper, profiles ...credentials.Profile) *credentials.Store {
	return open(t, credentials.Options{Profiles: profiles, Transport: transport, Issuers: []string{shop, corp}})
}

// token returns a token for a subject of shop, with a different text for each number.
func token(sub string, number int, expires time.Time) *bearer.Token {
	return bearer.New(fmt.Sprintf("%s.token.%d", url.PathEscape(sub), number), shop, sub, expires, true)
}

func asks(profile string, l *bearer.Token) credentials.SessionRequest {
	return credentials.SessionRequest{Profile: profile, Caller: "shop:" + l.Subject, Host: "api.example.com", Login: l}
}

// ownedSTS puts the token of a call into the session token that it issues, and the role above does the same with its
// source's.
func ownedSTS() *fakeSTS {
	fake := newFake(time.Now)
	fake.response = func(c call) (*http.Response, error) {
		owner := c.form.Get("WebIdentityToken")
		if owner == "" {
			owner = c.header.Get("X-Amz-Security-Token")
		}
		id := fmt.Sprintf("ASIASANDBOX%09d", c.number)
		return fake.xml(200, issuedXML(c.form.Get("Action"), id, exampleSecret, owner, fake.now().Add(fake.lasts(c)))), nil
	}
	return fake
}

func TestLogins_EachTokenHasItsOwnSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ownedSTS()
		s := loginStore(t, fake, asCaller(), above())
		end := time.Now().Add(3 * time.Hour)
		steps := []struct {
			name    string
			request credentials.SessionRequest
			calls   int
		}{
			{"a user", asks("as-caller", token("anna", 1, end)), 1},
			{"the same again", asks("as-caller", token("anna", 1, end)), 0},
			{"a new token", asks("as-caller", token("anna", 2, end)), 1},
			{"another user", asks("as-caller", token("bob", 1, end)), 1},
			{"the role above", asks("above", token("anna", 1, end)), 1},
			{"the role above, again", asks("above", token("anna", 1, end)), 0},
			{"the role above of another user", asks("above", token("bob", 1, end)), 1},
		}
		for _, step := range steps {
			before := fake.count()
			got, err := s.Session(t.Context(), step.request)
			if err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if n := fake.count() - before; n != step.calls {
				t.Errorf("%s: %d calls, want %d", step.name, n, step.calls)
			}
			if got.Credentials.SessionToken() != step.request.Login.Text() || !got.AsCaller {
				t.Errorf("%s: the session is that of %q", step.name, got.Credentials.SessionToken())
			}
		}
		if c := fake.calls[0]; c.form.Get("Action") != "AssumeRoleWithWebIdentity" || c.form.Get("WebIdentityToken") != "anna.token.1" ||
			c.form.Get("RoleSessionName") != credentials.LegalName("shop:anna") || c.form.Get("DurationSeconds") != "3600" ||
			c.header.Get("Authorization") != "" {
			t.Errorf("STS got %v", c.form)
		}
	})
}

// If the profile's sessions are never as long as requested, a long-lived token makes no difference.
func TestLogins_AShortSessionIsNotAShortToken(t *testing.T) {
	for _, least := range []time.Duration{16 * time.Minute, 2 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := asCaller()
			p.AssumeRole.Duration = 15 * time.Minute
			s := loginStore(t, hosts{"sts": newFake(time.Now)}, p)
			a := asks("as-caller", token("anna", 1, time.Now().Add(time.Hour)))
			a.MinValidity = least
			if _, err := s.Session(t.Context(), a); !errors.Is(err, credentials.ErrTooShort) {
				t.Errorf("%v: %v, want %v", least, err, credentials.ErrTooShort)
			}
		})
	}
}

func TestLogins_ATokenMayExpireDuringTheFetch(t *testing.T) {
	for _, profile := range []string{"as-caller", "above"} {
		t.Run(profile, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				fake.response = func(c call) (*http.Response, error) {
					time.Sleep(2 * time.Second)
					return fake.issue(c), nil
				}
				s := loginStore(t, fake, asCaller(), above())
				a := asks(profile, token("anna", 1, time.Now().Add(31*time.Second)))
				if _, err := s.Session(t.Context(), a); !errors.Is(err, credentials.ErrLoginExpired) {
					t.Errorf("%v, want %v", err, credentials.ErrLoginExpired)
				}
			})
		})
	}
}

// TestLogins_ASessionNeverOutlivesItsToken requests sessions every half minute, before, at and after the end of tokens
// with many lifetimes.
func TestLogins_ASessionNeverOutlivesItsToken(t *testing.T) {
	for _, life := range []time.Duration{
		5 * time.Second, 31 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 61 * time.Minute,
		100*time.Minute + 7*time.Second,
	} {
		for _, profile := range []string{"as-caller", "above", "pool"} {
			t.Run(fmt.Sprint(life, " ", profile), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { outlive(t, life, profile) })
			})
		}
	}
}

func outlive(t *testing.T, life time.Duration, profile string) {
	fake := newFake(time.Now)
	s := loginStore(t, hosts{"cognito-identity.eu-west-1.amazonaws.com": &fakePool{}, "sts": fake}, asCaller(), above(), callerPool())
	l := token("anna", 1, time.Now().Add(life))
	if profile == "pool" {
		l = bearer.New("anna.token.1", corp, "anna", time.Now().Add(life), true)
	}
	served := 0
	for time.Now().Before(l.Expires.Add(20 * time.Minute)) {
		for _, least := range []time.Duration{0, time.Minute, 15 * time.Minute} {
			a := asks(profile, l)
			a.MinValidity = least
			got, err := s.Session(t.Context(), a)
			switch left := time.Until(l.Expires); {
			case err == nil && (got.Expires.After(l.Expires) || left < 30*time.Second):
				t.Fatalf("%v before the token's end: a session until %v, %v after it", left, got.Expires, got.Expires.Sub(l.Expires))
			case err == nil:
				served++
			case left >= 31*time.Second || !errors.Is(err, credentials.ErrLoginExpired):
				t.Fatalf("%v before the token's end: %v", left, err)
			}
			a.Strict = true
			if got, err := s.Session(t.Context(), a); err == nil && got.Expires.Before(time.Now().Add(least)) {
				t.Fatalf("a session until %v, although %v were requested", got.Expires, least)
			}
		}
		time.Sleep(30 * time.Second)
	}
	if (served > 0) != (life >= 31*time.Second) {
		t.Errorf("%d sessions of a token of %v", served, life)
	}
	if all, _ := s.Entries(""); all != 0 {
		t.Errorf("%d sessions are left after the token's end", all)
	}
	if most := 3 * (2 + int(life/time.Hour)); fake.count() > most {
		t.Errorf("%d calls for a token of %v, want %d at most", fake.count(), life, most)
	}
}

func TestLogins_UnsuitableTokensAreRefusedWithoutACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		f := &fakePool{}
		s := loginStore(t, hosts{"cognito-identity.eu-west-1.amazonaws.com": f, "sts": fake}, asCaller(), above(), callerPool())
		hour := time.Now().Add(time.Hour)
		good := token("anna", 1, hour)
		for name, test := range map[string]struct {
			profile string
			login   *bearer.Token
			want    error
		}{
			"no token":                       {"as-caller", nil, credentials.ErrLoginRequired},
			"no token, above":                {"above", nil, credentials.ErrLoginRequired},
			"no token, pool":                 {"pool", nil, credentials.ErrLoginRequired},
			"an issuer not listed":           {"as-caller", bearer.New("x.y.z", shop+"x", "anna", hour, true), credentials.ErrLoginIssuer},
			"another issuer than the pool's": {"pool", good, credentials.ErrLoginIssuer},
			"no audience":                    {"as-caller", bearer.New("x.y.z", shop, "anna", hour, false), credentials.ErrLoginAudience},
			"no audience, pool":              {"pool", bearer.New("x.y.z", corp, "anna", hour, false), credentials.ErrLoginAudience},
			"over":                           {"as-caller", token("anna", 1, time.Now()), credentials.ErrLoginExpired},
			"nearly over":                    {"above", token("anna", 1, time.Now().Add(29*time.Second)), credentials.ErrLoginExpired},
		} {
			if _, err := s.Session(t.Context(), credentials.SessionRequest{
				Profile: test.profile, Caller: "x",
				Login: test.login,
			}); !errors.Is(err, test.want) {
				t.Errorf("%s: Session() = %v, want %v", name, err, test.want)
			}
		}
		if all, _ := s.Entries(""); all != 0 || fake.count() != 0 || len(f.calls) != 0 {
			t.Errorf("%d entries, %d calls of STS, %d of the pool; want none", all, fake.count(), len(f.calls))
		}
	})
}

func TestLogins_ARefusedTokenIsNotRevealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bearer.New("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl", shop, "anna", time.Now().Add(time.Hour), true)
		for code, want := range map[string]error{
			"ExpiredTokenException": credentials.ErrLoginExpired, "IDPRejectedClaim": credentials.ErrDenied, "AccessDenied": credentials.ErrDenied,
			"InvalidIdentityToken": credentials.ErrConfiguration,
		} {
			fake := newFake(time.Now)
			fake.response = func(c call) (*http.Response, error) {
				return fake.xml(400, `<ErrorResponse><Error><Code>`+code+`</Code><Message>token `+c.form.Get("WebIdentityToken")+
					`</Message></Error></ErrorResponse>`), nil
			}
			var events []credentials.Event
			s := open(t, credentials.Options{
				Profiles: []credentials.Profile{asCaller()}, Transport: fake, Issuers: []string{shop},
				Log: func(e credentials.Event) { events = append(events, e) },
			})
			_, err := s.Session(t.Context(), asks("as-caller", l))
			if !errors.Is(err, want) || fake.count() != 1 {
				t.Errorf("%s: Session() = %v after %d calls, want %v after one", code, err, fake.count(), want)
			}
			synctest.Wait()
			if text := fmt.Sprintf("%v %+v %#v", err, events, events); len(events) != 1 || contains(text, l.Text(), "eyJ", "c2lnbmF0dXJl") {
				t.Errorf("%s: the token is revealed: %s", code, text)
			}
			s.Close()
		}
	})
}

// Removing an issuer ends the sessions made with its tokens; other sessions continue.
func TestLogins_RemovingAnIssuerEndsItsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ownedSTS()
		o := credentials.Options{Profiles: []credentials.Profile{asCaller(), above()}, Transport: fake, Issuers: []string{shop, corp}}
		first := open(t, o)
		of := func(issuer string) *bearer.Token {
			return bearer.New("anna@"+issuer, issuer, "anna", time.Now().Add(time.Hour), true)
		}
		session := func(s *credentials.Store, issuer string) error {
			_, err := s.Session(t.Context(), asks("above", of(issuer)))
			return err
		}
		if err := errors.Join(session(first, shop), session(first, corp)); err != nil {
			t.Fatal(err)
		}
		o.Issuers = []string{corp}
		next := follow(t, first, o)
		if err := session(next, shop); !errors.Is(err, credentials.ErrLoginIssuer) {
			t.Errorf("Session() = %v for an issuer that was removed", err)
		}
		first.Retire()
		if all, _ := next.Entries(""); all != 2 {
			t.Errorf("%d sessions are held, want the two of the issuer that stays", all)
		}
		before := fake.count()
		if err := session(next, corp); err != nil || fake.count() != before {
			t.Errorf("Session() = %v after %d calls, want the one that was held", err, fake.count()-before)
		}
		o.Issuers = []string{shop, corp}
		third := follow(t, next, o)
		next.Retire()
		if err := session(third, shop); err != nil || fake.count() != before+2 {
			t.Errorf("Session() = %v after %d calls, want new sessions", err, fake.count()-before)
		}
	})
}

// TestLogins_TwoUsersNeverShareASession lets users with easily confused names send concurrent requests, with tokens
// that change meanwhile. -logins makes it longer.
func TestLogins_TwoUsersNeverShareASession(t *testing.T) {
	fake := ownedSTS()
	s := loginStore(t, fake, asCaller(), above())
	s.UnlimitedFetches()
	users := []string{
		"a", "b", "ab", "a|b", "a:b", "a b", "A", "a.token.1", "shop:a", "a\x00", strings.Repeat("a", 64),
		strings.Repeat("a", 65),
	}
	for i := range 40 {
		users = append(users, fmt.Sprint("user-", i))
	}
	end := time.Now().Add(time.Hour)
	var mixed, served atomic.Int64
	var all sync.WaitGroup
	for worker := range uint64(8) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(worker, 1))
			for range *logins / 8 {
				l := token(users[random.IntN(len(users))], random.IntN(3), end)
				got, err := s.Session(t.Context(), asks([]string{"as-caller", "above"}[random.IntN(2)], l))
				switch {
				case err != nil:
					t.Error(err)
				case got.Credentials.SessionToken() != l.Text():
					mixed.Add(1)
				default:
					served.Add(1)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d requests, %d served by %d calls, %d with another user's session", *logins, served.Load(), fake.count(), mixed.Load())
	if mixed.Load() > 0 {
		t.Errorf("%d requests had another user's session", mixed.Load())
	}
}

// When many users arrive at once, they get their sessions at 25 a second, ten thousand within minutes, and callers who
// need no login do not wait for them.
func TestLogins_HaveTheirOwnBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const users = 1_000
		fake := newFake(time.Now)
		callers := perCaller()
		callers.Name = "callers"
		s := loginStore(t, fake, asCaller(), orders(), callers)
		start, end := time.Now(), time.Now().Add(time.Hour)
		var waiting sync.WaitGroup
		for i := range users {
			waiting.Go(func() {
				for {
					_, err := s.Session(t.Context(), asks("as-caller", token(fmt.Sprint("user-", i), 1, end)))
					if err == nil {
						return
					}
					time.Sleep(4*time.Second + time.Duration(i)*time.Millisecond)
				}
			})
		}
		time.Sleep(10 * time.Second)
		for i := range 5 {
			begun := time.Now()
			for _, profile := range []string{"orders", "callers"} {
				if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: profile, Caller: fmt.Sprint("flow-", i)}); err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(begun); took > time.Second {
				t.Errorf("a session of another profile took %v", took)
			}
		}
		waiting.Wait()
		if took := time.Since(start); took > users/25*time.Second+10*time.Second {
			t.Errorf("%d users took %v", users, took)
		}
		if all, _ := s.Entries(""); all > users+32 {
			t.Errorf("%d sessions are held", all)
		}
	})
}

// Both the sessions of one caller, who sends a new token each time, and those of all callers are limited.
func TestLogins_AreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		s := loginStore(t, fake, asCaller())
		s.UnlimitedFetches()
		s.SetLogins(200) // instead of 10,000
		end := time.Now().Add(time.Hour)
		for i := range 100 {
			if _, err := s.Session(t.Context(), asks("as-caller", token("robot", i, end))); err != nil {
				t.Fatal(err)
			}
		}
		if _, own := s.Entries("shop:robot"); own != 32 {
			t.Errorf("a caller has %d sessions, want 32", own)
		}
		for i := range 250 {
			if _, err := s.Session(t.Context(), asks("as-caller", token(fmt.Sprint(i), 1, end))); err != nil {
				t.Fatal(err)
			}
		}
		all, own := s.Entries("shop:robot")
		if all != 200 || own > 1 {
			t.Errorf("%d sessions, %d of the caller with most; want 200 and one at most", all, own)
		}
		if now := s.Status(); now.LoginSessions != 200 || now.LoginEvictions != 150 || now.Sessions != 0 {
			t.Errorf("Status() = %+v", now)
		}
		time.Sleep(time.Hour)
		if all, _ := s.Entries(""); all != 0 {
			t.Errorf("%d sessions are left after the end of all tokens", all)
		}
	})
}

func TestLogins_ConfigurationFaults(t *testing.T) {
	for name, test := range map[string]struct {
		edit    func(*credentials.Profile)
		issuers []string
		field   string
	}{
		"good":              {func(*credentials.Profile) {}, []string{shop, corp}, ""},
		"nobody can log in": {func(*credentials.Profile) {}, nil, "source"},
		"no role":           {func(p *credentials.Profile) { *p = asCaller(); p.AssumeRole = nil }, []string{shop}, "assume_role"},
		"tags": {func(p *credentials.Profile) {
			*p = asCaller()
			p.AssumeRole.Tags = map[string]string{"a": "b"}
		}, []string{shop}, "assume_role.tags"},
		"keys": {func(p *credentials.Profile) {
			*p = asCaller()
			p.Keys = signing.NewCredentials(exampleKey, exampleSecret, "")
		}, []string{shop}, "access_key_id"},
		"another provider": {
			func(p *credentials.Profile) { p.Cognito.LoginProvider = "accounts.example.com" },
			[]string{shop, corp},
			"cognito.login_provider",
		},
		"no provider":        {func(p *credentials.Profile) { p.Cognito.LoginProvider = "" }, []string{corp}, "cognito.login_provider"},
		"two sources of it":  {func(p *credentials.Profile) { p.Cognito.TokenFile = "f" }, []string{corp}, "cognito.token_file"},
		"one identity":       {func(p *credentials.Profile) { p.Cognito.IdentityID = pool }, []string{corp}, "cognito.identity_id"},
		"a file of identity": {func(p *credentials.Profile) { p.Cognito.IdentityFile = "f" }, []string{corp}, "cognito.identity_file"},
	} {
		p := callerPool()
		test.edit(&p)
		var fields []string
		for _, f := range faultsOf(t, credentials.Options{Profiles: []credentials.Profile{p}, Issuers: test.issuers}) {
			fields = append(fields, f.Field)
		}
		if got := strings.Join(fields, " "); got != test.field {
			t.Errorf("%s: faults of %q, want %q", name, got, test.field)
		}
	}
}
