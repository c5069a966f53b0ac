package credentials_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"countersign/credentials"
	"countersign/signing"
)

// planted returns the secrets that must never be shown. Every server here knows all of them and puts them wherever it
// can.
func planted() []string {
	out := make([]string, 40)
	for i := range out {
		out[i] = fmt.Sprintf("canary%02dw7JalrXUtnFEMIbPxRfiCY", i)
	}
	return out
}

// hostile responds to every call in any protocol with the planted secrets, in one of several ways.
type hostile struct {
	way  string
	text string
}

var hostileWays = []string{"code", "message", "denied", "unavailable", "token refused", "no XML", "keys", "transport error", "panic"}

func (h hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	response := func(status int, xml, json string) (*http.Response, error) {
		body, kind := xml, "text/xml"
		if !strings.HasPrefix(r.URL.Host, "sts.") {
			body, kind = json, "application/json"
		}
		header := http.Header{"Content-Type": {kind}, "X-Amzn-Requestid": {h.text}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
		return &http.Response{StatusCode: status, Status: h.text, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	refuse := func(status int, code string) (*http.Response, error) {
		return response(status,
			fmt.Sprintf(
				`<ErrorResponse><Error><Type>%[2]s</Type><Code>%[1]s</Code><Message>%[2]s</Message></Error><RequestId>%[2]s</RequestId>`+
					`</ErrorResponse>`,
				code, h.text,
			),
			fmt.Sprintf(`{"__type":%[1]q,"code":%[1]q,"error":%[1]q,"error_description":%[2]q,"message":%[2]q}`, code, h.text))
	}
	switch h.way {
	case "code":
		return refuse(400, h.text)
	case "message":
		return refuse(400, "MalformedPolicyDocument")
	case "denied":
		return refuse(403, "AccessDenied")
	case "unavailable":
		return refuse(503, "ServiceUnavailable")
	case "token refused":
		return refuse(400, "InvalidIdentityToken")
	case "no XML":
		return response(200, h.text+"<", h.text+"{")
	case "keys":
		return response(200, issuedXML("AssumeRole", h.text, h.text, h.text, time.Now().Add(time.Hour)),
			fmt.Sprintf(
				`{"AccessKeyId":%[1]q,"SecretAccessKey":%[1]q,"Token":%[1]q,"Expiration":%[2]q,"IdentityId":%[1]q,"access_token":%[1]q}`,
				h.text, time.Now().Add(time.Hour).Format(time.RFC3339),
			))
	case "transport error":
		return nil, errors.New(h.text)
	}
	panic(h.text)
}

// sink collects everything that someone may see.
type sink struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *sink) take(values ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		fmt.Fprintf(&s.text, "%v\n%+v\n%#v\n%s\n%q\n", v, v, v, v, v)
		if text, err := json.Marshal(v); err == nil {
			s.text.Write(text)
		}
		if err, ok := v.(error); ok {
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&s.text, "%T %+v %#v\n", err, err, err)
			}
		}
	}
}

func TestLeaks_ServersSendThePlantedSecrets(t *testing.T) {
	secrets := planted()
	for _, way := range []string{"code", "message", "denied", "unavailable", "transport error"} {
		raw := sts.New(sts.Options{
			Region: "eu-west-1", HTTPClient: &http.Client{Transport: hostile{way, strings.Join(secrets, " ")}}, RetryMaxAttempts: 1,
			Credentials: aws.AnonymousCredentials{},
		})
		_, err := raw.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		for _, secret := range secrets {
			if err == nil || !strings.Contains(err.Error(), secret) {
				t.Fatalf("%s: the SDK's error does not hold %s: there is nothing to hide", way, secret)
			}
		}
	}
}

func TestNoSecretShows(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	secrets := planted()
	joined := strings.Join(secrets, " ")
	n := 0
	next := func() string { n++; return secrets[n-1] }
	pair := func() signing.Credentials { return signing.NewCredentials(exampleKey, next(), next()) }

	role := func() *credentials.AssumeRole { return &credentials.AssumeRole{RoleARN: roleARN} }
	env := map[string]string{
		"AWS_ACCESS_KEY_ID": exampleKey, "AWS_SECRET_ACCESS_KEY": next(), "AWS_SESSION_TOKEN": next(), "LOGIN": next(),
		"IDENTITY_ENDPOINT": "http://127.0.0.1:1/" + next(), "IDENTITY_HEADER": next(), "AWS_CONTAINER_AUTHORIZATION_TOKEN": next(),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/" + next(),
	}
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, env[name])
	}
	profiles := []credentials.Profile{
		{Name: "variables", Source: credentials.SourceEnvironment, AssumeRole: role()},
		{Name: "bare", Source: credentials.SourceStatic, Keys: pair()},
		{Name: "keys", Source: credentials.SourceStatic, Keys: pair(), AssumeRole: role()},
		{Name: "chained", Source: "keys", AssumeRole: role()},
		{Name: "user", Source: credentials.SourceSessionToken, Keys: signing.NewCredentials(exampleKey, next(), "")},
		{Name: "default", Source: credentials.SourceAWSDefault, AssumeRole: role()},
		{Name: "task", Source: credentials.SourceContainer, AssumeRole: role()},
		{Name: "pod", Source: credentials.SourceContainer, Container: &credentials.Container{TokenFile: write(t, "auth", next())}},
		{
			Name: "file", Source: credentials.SourceWebIdentityFile,
			WebIdentity: &credentials.WebIdentity{TokenFile: write(t, "token", next())}, AssumeRole: role(),
		},
		{
			Name: "jwt", Source: credentials.SourceWebIdentityFile,
			WebIdentity: &credentials.WebIdentity{TokenFile: write(t, "jwt", jwt(azureClaims("2.0"))+next())}, AssumeRole: role(),
		},
		{
			Name: "bad-file", Source: credentials.SourceWebIdentityFile,
			WebIdentity: &credentials.WebIdentity{TokenFile: write(t, "bad", next()+" "+next())}, AssumeRole: role(),
		},
		{
			Name: "azure", Source: credentials.SourceAzureIdentity, Azure: &credentials.AzureIdentity{Audience: "api://countersign"},
			AssumeRole: role(),
		},
		{
			Name: "guest", Source: credentials.SourceCognito,
			Cognito: &credentials.Cognito{IdentityPoolID: pool, IdentityFile: write(t, "identity", "")},
		},
		{
			Name: "bad-guest", Source: credentials.SourceCognito,
			Cognito: &credentials.Cognito{IdentityPoolID: pool, IdentityFile: write(t, "bad-identity", next())},
		},
		{
			Name: "login", Source: credentials.SourceCognito,
			Cognito: &credentials.Cognito{IdentityPoolID: pool, LoginProvider: "l", TokenFile: write(t, "login", next())},
		},
		{
			Name: "basic", Source: credentials.SourceCognito,
			Cognito:    &credentials.Cognito{IdentityPoolID: pool, LoginProvider: "l", TokenVariable: "LOGIN", Basic: true},
			AssumeRole: role(),
		},
	}
	given := []credentials.RequestCredentials{
		{AccessKeyID: next() + " " + next(), SecretAccessKey: next(), SessionToken: next()},
		{AccessKeyID: exampleKey, SecretAccessKey: next() + "\n" + next(), SessionToken: next()},
	}
	fault := credentials.Profile{
		Name: "fault", Source: credentials.SourceStatic, Keys: signing.NewCredentials(exampleKey, next()+" x", next()+"\nx"),
	}
	for n+1 < len(secrets) {
		given = append(
			given,
			credentials.RequestCredentials{AccessKeyID: exampleKey, SecretAccessKey: next(), SessionToken: next(), RoleARN: roleARN},
		)
	}
	if n != len(secrets) {
		t.Fatalf("%d secrets planted, want %d", n, len(secrets))
	}
	for i := range profiles {
		profiles[i].Region = "eu-west-1"
	}

	var seen sink
	_, err := credentials.New(credentials.Options{Profiles: []credentials.Profile{fault}, Now: time.Now})
	if err == nil {
		t.Fatal("the faulty profile was accepted")
	}
	seen.take(err, fault)
	errorsSeen := 0
	for _, way := range hostileWays {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, credentials.Options{
				Profiles: profiles, Transport: hostile{way, joined}, Getenv: func(name string) string { return env[name] },
				Log: func(e credentials.Event) { seen.take(e, e.Err) },
			})
			seen.take(s.Profiles(), given, given[0])
			for _, p := range profiles {
				time.Sleep(time.Second)
				session, err := s.Session(t.Context(), credentials.SessionRequest{Profile: p.Name, Caller: "crm", Host: "h"})
				_, again := s.Session(t.Context(), credentials.SessionRequest{Profile: p.Name, Caller: "crm", Host: "h"})
				_, whoErr := s.Identity(t.Context(), credentials.SessionRequest{Profile: p.Name})
				seen.take(session, err, again, whoErr, s.Explain(context.WithoutCancel(t.Context()), p.Name))
				if err != nil {
					errorsSeen++
				} else if p.Name != "bare" {
					t.Errorf("%s: %s got a session out of nonsense", way, p.Name)
				}
			}
			for _, g := range given {
				session, err := s.SessionFromRequest(t.Context(), g)
				seen.take(session, err)
				if err != nil {
					errorsSeen++
				}
			}
		})
	}
	if want := (len(profiles) - 1 + len(given)) * len(hostileWays); errorsSeen != want {
		t.Errorf("%d errors, want %d: some path was not taken", errorsSeen, want)
	}
	text := seen.text.String()
	if !strings.Contains(text, "session denied: AccessDenied") || !strings.Contains(text, exampleKey) {
		t.Fatal("nothing was collected")
	}
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s shows: …%s…", secret, text[max(0, at-200):min(len(text), at+60)])
		}
	}
	t.Logf("%d secrets, %d errors, %d bytes of output searched", len(secrets), errorsSeen, len(text))
}
