package credentials_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/internal/bearer"
)

// callerPool returns a profile whose callers log in to an identity pool themselves.
func callerPool() credentials.Profile {
	return credentials.Profile{
		Name: "pool", Region: "eu-west-1", Source: credentials.SourceCognito,
		Cognito: &credentials.Cognito{IdentityPoolID: pool, LoginProvider: strings.TrimPrefix(corp, "https://"), CallerToken: true},
	}
}

func TestCallerPool_EachCallerHasItsIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakePool{}
		o := credentials.Options{
			Profiles: []credentials.Profile{callerPool()}, Issuers: []string{corp}, Transport: hosts{"cognito-identity.eu-west-1.amazonaws.com": f},
		}
		s := open(t, o)
		ask := func(s *credentials.Store, sub string, number int) credentials.Session {
			t.Helper()
			text := fmt.Sprintf("%s.token.%d", sub, number)
			got, err := s.Session(t.Context(), asks("pool", bearer.New(text, corp, sub, time.Now().Add(50*time.Minute), true)))
			if err != nil {
				t.Fatal(err)
			}
			if held := f.logins[strings.TrimPrefix(corp, "https://")]; len(f.logins) != 1 || held != text {
				t.Errorf("the pool got the logins %v, want the token of %s", f.logins, sub)
			}
			return got
		}
		expect := func(what string, got credentials.Session, identity string, calls ...string) {
			t.Helper()
			if got.IdentityID != identity || !got.AsCaller || !slices.Equal(f.calls, calls) {
				t.Errorf("%s: identity %q after %q, want %q after %q", what, got.IdentityID, f.calls, identity, calls)
			}
			f.calls = nil
		}
		id := func(n int) string { return fmt.Sprintf(identity, n) }
		expect("a user", ask(s, "anna", 1), id(1), "GetId", "GetCredentialsForIdentity")
		expect("a new token", ask(s, "anna", 2), id(1), "GetCredentialsForIdentity")
		expect("another user", ask(s, "bob", 1), id(2), "GetId", "GetCredentialsForIdentity")
		next := follow(t, s, o)
		s.Retire()
		expect("after a reload", ask(next, "bob", 2), id(2), "GetCredentialsForIdentity")
		f.gone = id(1)
		expect("deleted", ask(next, "anna", 3), id(3), "GetCredentialsForIdentity", "GetId", "GetCredentialsForIdentity")
		expect("afterwards", ask(next, "anna", 4), id(3), "GetCredentialsForIdentity")
	})
}
