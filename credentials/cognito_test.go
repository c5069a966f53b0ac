package credentials_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
)

const (
	pool     = "eu-west-1:11111111-2222-3333-4444-555555555555"
	identity = "eu-west-1:aaaaaaaa-bbbb-cccc-dddd-%012d"
)

// fakePool imitates a Cognito identity pool.
type fakePool struct {
	created int
	calls   []string
	gone    string // an identity that was deleted
	logins  map[string]string
}

func (f *fakePool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		IdentityPoolId, IdentityId string
		Logins                     map[string]string
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.calls, f.logins = append(f.calls, action), in.Logins
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case r.Header.Get("Authorization") != "":
		w.WriteHeader(http.StatusTeapot) // these calls are not signed
	case action == "GetId" && in.IdentityPoolId == pool:
		f.created++
		fmt.Fprintf(w, `{"IdentityId":%q}`, fmt.Sprintf(identity, f.created))
	case f.gone != "" && in.IdentityId == f.gone:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"words of Cognito"}`)
	case action == "GetCredentialsForIdentity":
		fmt.Fprintf(w, `{"IdentityId":%q,"Credentials":{"AccessKeyId":"ASIASANDBOX%09d","SecretKey":"s","SessionToken":"t","Expiration":%d}}`,
			in.IdentityId, len(f.calls), time.Now().Add(time.Hour).Unix())
	case action == "GetOpenIdToken":
		fmt.Fprintf(
			w, `{"IdentityId":%q,"Token":%q}`, in.IdentityId,
			jwt(map[string]any{"iss": "https://cognito-identity.amazonaws.com", "aud": pool, "sub": in.IdentityId}),
		)
	default:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"NotAuthorizedException"}`)
	}
}

func guest(file string) credentials.Profile {
	return credentials.Profile{
		Name: "guest", Region: "eu-west-1", Source: credentials.SourceCognito,
		Cognito: &credentials.Cognito{IdentityPoolID: pool, IdentityFile: file},
	}
}

func openPool(t *testing.T, f *fakePool, fake *fakeSTS, p credentials.Profile) *credentials.Store {
	return open(t, credentials.Options{
		Profiles: []credentials.Profile{p}, Transport: hosts{"cognito-identity.eu-west-1.amazonaws.com": f, "sts": fake},
		Getenv: func(name string) string { return map[string]string{"LOGIN": "login-token"}[name] },
	})
}

func TestGuestIdentityIsKeptAcrossStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakePool{}
		file := filepath.Join(t.TempDir(), "identity")
		for range 3 {
			s := openPool(t, f, nil, guest(file))
			if got := get(t, s, ""); got.Credentials.SessionToken() != "t" || got.Expires.IsZero() {
				t.Errorf("Session() = %+v, want the pool's", got)
			}
			time.Sleep(50 * time.Minute)
			get(t, s, "")
			s.Close()
		}
		text, err := os.ReadFile(file)
		if f.created != 1 || err != nil || strings.TrimSpace(string(text)) != fmt.Sprintf(identity, 1) {
			t.Errorf("%d identities created and %q kept (%v), want 1 and that one", f.created, text, err)
		}
		f.gone = fmt.Sprintf(identity, 1)
		s := openPool(t, f, nil, guest(file))
		get(t, s, "")
		if text, _ := os.ReadFile(file); f.created != 2 || strings.TrimSpace(string(text)) != fmt.Sprintf(identity, 2) {
			t.Errorf("after its deletion %d identities created and %q kept, want a second", f.created, text)
		}
	})
}

func TestNoIdentityIsCreatedThatCannotBeSaved(t *testing.T) {
	f := &fakePool{}
	s := openPool(t, f, nil, guest(filepath.Join(t.TempDir(), "none", "identity")))
	if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrConfiguration) || f.created != 0 {
		t.Errorf("Session() = %v with %d identities created, want ErrConfiguration and none", err, f.created)
	}
}

func TestLoginIsSentWithEachCall(t *testing.T) {
	f := &fakePool{}
	p := guest("")
	p.Cognito.LoginProvider, p.Cognito.TokenVariable = "accounts.example.com", "LOGIN"
	s := openPool(t, f, nil, p)
	get(t, s, "")
	if f.logins["accounts.example.com"] != "login-token" || strings.Join(f.calls, " ") != "GetId GetCredentialsForIdentity" {
		t.Errorf("%q with logins %v, want the login's token", f.calls, f.logins)
	}
}

func TestBasicFlow(t *testing.T) {
	f, fake := &fakePool{}, newFake(time.Now)
	p := guest("")
	p.Cognito.IdentityID, p.Cognito.Basic = fmt.Sprintf(identity, 7), true
	p.AssumeRole = &credentials.AssumeRole{RoleARN: roleARN, Duration: 12 * time.Hour}
	s := openPool(t, f, fake, p)
	got := get(t, s, "")
	if c := fake.last(t); strings.Join(f.calls, " ") != "GetOpenIdToken" || c.form.Get("Action") != "AssumeRoleWithWebIdentity" ||
		c.form.Get("DurationSeconds") != "43200" {
		t.Errorf("%q, then %v; want GetOpenIdToken, then AssumeRoleWithWebIdentity", f.calls, c.form)
	}
	if got.RoleARN != roleARN {
		t.Errorf("Session() = %+v, want the role's", got)
	}
}

func TestPoolThatRefuses(t *testing.T) {
	p := guest("")
	p.Cognito.IdentityPoolID = strings.Replace(pool, "1111", "9999", 1)
	p.Cognito.LoginProvider, p.Cognito.TokenVariable = "accounts.example.com", "LOGIN"
	s := openPool(t, &fakePool{}, nil, p)
	if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrDenied) ||
		!strings.HasSuffix(err.Error(), "NotAuthorizedException") {
		t.Errorf("Session() = %v, want ErrDenied with Cognito's code", err)
	}
}
