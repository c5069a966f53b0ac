package credentials_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// hosts is a transport that serves each host from memory.
type hosts map[string]http.Handler

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if handler := h[r.URL.Host]; handler != nil {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result(), nil
	}
	if strings.HasPrefix(r.URL.Host, "sts.") && h["sts"] != nil {
		w := httptest.NewRecorder()
		h["sts"].ServeHTTP(w, r)
		return w.Result(), nil
	}
	return nil, fmt.Errorf("no server for %s", r.URL.Host)
}

// ServeHTTP lets the fake be used behind a server or in hosts.
func (f *fakeSTS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp, err := f.RoundTrip(r) //nolint:bodyclose // pass does
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	pass(w, resp)
}

func pass(w http.ResponseWriter, resp *http.Response) {
	defer func() { _ = resp.Body.Close() }()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// jwt is an unsigned web identity token.
func jwt(claims map[string]any) string {
	text, _ := json.Marshal(claims)
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(text) + ".c2lnbmF0dXJl"
}

func azureClaims(version string) map[string]any {
	return map[string]any{
		"iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/", "aud": "api://countersign",
		"sub": "22222222-2222-2222-2222-222222222222", "ver": version, "exp": 4102444800,
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func get(t *testing.T, s *credentials.Store, profile string) credentials.Session {
	t.Helper()
	got, err := s.Session(t.Context(), credentials.SessionRequest{Profile: profile, Caller: "crm"})
	if err != nil {
		t.Fatalf("Session(%q) = %v", profile, err)
	}
	return got
}

func TestWebIdentityFileIsReadForEachSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		path := write(t, "token", "first.token.x\n")
		p := orders()
		p.Source, p.Keys, p.WebIdentity = credentials.SourceWebIdentityFile, signing.Credentials{}, &credentials.WebIdentity{TokenFile: path}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
		get(t, s, "")
		c := fake.last(t)
		if c.form.Get("Action") != "AssumeRoleWithWebIdentity" || c.form.Get("WebIdentityToken") != "first.token.x" ||
			c.header.Get("Authorization") != "" {
			t.Errorf("STS got %v with Authorization %q, want the token and no signature", c.form, c.header.Get("Authorization"))
		}
		if err := os.WriteFile(path, []byte("second.token.x"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		get(t, s, "")
		if got := fake.last(t).form.Get("WebIdentityToken"); got != "second.token.x" {
			t.Errorf("the next session was requested with %q, want the new token", got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		s.Invalidate("orders")
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrConfiguration) ||
			strings.Contains(err.Error(), path) {
			t.Errorf("Session() = %v without the file, want ErrConfiguration without the path", err)
		}
	})
}

func TestChainUsesTheFirstSessionForTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		top := orders()
		top.Name, top.Region, top.STSRegion, top.Source, top.Keys = "top", "", "eu-west-1", "orders", signing.Credentials{}
		top.AssumeRole = &credentials.AssumeRole{RoleARN: "arn:aws:iam::999999999999:role/top", SessionName: "{caller}-{profile}"}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{top, orders()}, Transport: fake})
		got := get(t, s, "top")
		if fake.count() != 2 || !strings.Contains(fake.last(t).header.Get("Authorization"), "Credential=ASIASANDBOX000000001/") ||
			fake.last(t).header.Get("X-Amz-Security-Token") != "token-1" {
			t.Errorf("the second call was signed with %q, want the first session", fake.last(t).header.Get("Authorization"))
		}
		if got.Profile != "top" || got.SessionName != "crm-top" || got.Region != "eu-west-1" {
			t.Errorf("Session() = %+v, want top's, with the region of the profile below", got)
		}
		if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "top", Caller: "erp"}); err != nil || fake.count() != 3 {
			t.Errorf("another caller made %d calls in all (%v), want 3: the first session is shared", fake.count(), err)
		}
	})
}

func TestExpiredParentIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(c call) (*http.Response, error) {
			if strings.Contains(c.header.Get("Authorization"), "ASIASANDBOX000000001/") {
				return fake.refuse(403, "ExpiredToken"), nil
			}
			return nil, nil
		}
		top := orders()
		top.Name, top.Source, top.Keys = "top", "orders", signing.Credentials{}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{top, orders()}, Transport: fake})
		get(t, s, "top")
		if fake.count() != 4 {
			t.Errorf("%d calls, want 4: base, refused, base again, top", fake.count())
		}
	})
}

func TestSessionTokenOfAUser(t *testing.T) {
	fake := newFake(time.Now)
	p := orders()
	p.Source, p.AssumeRole, p.SessionToken = credentials.SourceSessionToken, nil, &credentials.SessionToken{Duration: 36 * time.Hour}
	s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: fake})
	got := get(t, s, "")
	if c := fake.last(t); c.form.Get("Action") != "GetSessionToken" || c.form.Get("DurationSeconds") != "129600" ||
		got.Credentials.SessionToken() == "" {
		t.Errorf("STS got %v, want GetSessionToken for 36 hours", c.form)
	}
}

func TestContainerEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := write(t, "auth", "Basic x\n")
		var seen []string
		transport := hosts{"169.254.170.23": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization"))
			if len(seen) == 1 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			fmt.Fprintf(
				w, `{"AccessKeyId":"ASIASANDBOX%09d","SecretAccessKey":"s","Token":"t","Expiration":%q}`, len(seen),
				time.Now().Add(6*time.Hour).Format(time.RFC3339),
			)
		})}
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{{Name: "pod", Source: credentials.SourceContainer}}, Transport: transport,
			Getenv: func(name string) string {
				return map[string]string{
					"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "http://169.254.170.23/v1/credentials",
					"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": path,
				}[name]
			},
		})
		got := get(t, s, "pod")
		if got.Credentials.AccessKeyID != "ASIASANDBOX000000002" || len(seen) != 2 || seen[1] != "/v1/credentials Basic x" {
			t.Errorf("got %q after %q, want the second response with the file's token", got.Credentials.AccessKeyID, seen)
		}
		time.Sleep(5*time.Hour + 30*time.Minute)
		get(t, s, "pod")
		synctest.Wait()
		time.Sleep(time.Minute)
		calls := len(seen)
		get(t, s, "pod")
		if calls != 3 {
			t.Errorf("%d calls, want 3: renewed in the last hour", calls)
		}
	})
}

// The SDK's instance metadata provider declares keys that it could not renew valid for another 5 to 15 minutes, again
// and again.
func TestInstanceMetadataCannotExtendExpiredKeys(t *testing.T) {
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_WEB_IDENTITY_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254")
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(30 * time.Minute)
		down := false
		transport := hosts{"169.254.169.254": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case down:
				w.WriteHeader(http.StatusServiceUnavailable)
			case r.URL.Path == "/latest/api/token":
				w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
				fmt.Fprint(w, "imds-token")
			case r.URL.Path == "/latest/meta-data/iam/security-credentials/":
				fmt.Fprint(w, "role")
			case r.URL.Path == "/latest/meta-data/iam/security-credentials/role":
				fmt.Fprintf(
					w, `{"Code":"Success","AccessKeyId":"ASIASANDBOX000000001","SecretAccessKey":"s","Token":"t","Expiration":%q}`,
					end.UTC().Format(time.RFC3339),
				)
			default:
				w.WriteHeader(http.StatusNotFound)
			}
		})}
		s := open(
			t,
			credentials.Options{
				Profiles:  []credentials.Profile{{Name: "vm", Region: "eu-west-1", Source: credentials.SourceAWSDefault}},
				Transport: transport,
			},
		)
		if got := get(t, s, "vm"); got.Credentials.AccessKeyID != "ASIASANDBOX000000001" || !got.Expires.Equal(end.Truncate(time.Second)) {
			t.Errorf("Session() = %s until %v, want the instance's until %v", got.Credentials.AccessKeyID, got.Expires, end)
		}
		down = true
		for time.Now().Before(end.Add(time.Hour)) {
			got, err := s.Session(t.Context(), credentials.SessionRequest{})
			if err == nil && got.Expires.Before(time.Now().Add(30*time.Second)) {
				t.Fatalf("served keys that end %v from now", time.Until(got.Expires))
			}
			if err == nil && time.Now().After(end) {
				t.Fatalf("served keys %v after their end", time.Since(end))
			}
			time.Sleep(20 * time.Second)
		}
		down = false // the service is back, but still returns the expired keys
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrUnavailable) {
			t.Errorf("Session() = %v with dead keys from the service, want ErrUnavailable", err)
		}
	})
}

func TestUnreadableSourcesRevealNoContents(t *testing.T) {
	p := orders()
	p.Source, p.Keys = credentials.SourceWebIdentityFile, signing.Credentials{}
	for _, text := range []string{"", "two words", strings.Repeat("x", 20001)} {
		p.WebIdentity = &credentials.WebIdentity{TokenFile: write(t, "token", text)}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: newFake(time.Now)})
		if _, err := s.Session(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrConfiguration) ||
			!strings.HasSuffix(err.Error(), "token file malformed") {
			t.Errorf("Session() = %v for a file of %d bytes, want a malformed file", err, len(text))
		}
	}
}
