package sandbox_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"countersign/sandbox"
)

func startWithUsers(t *testing.T) (*sandbox.Sandbox, *sandbox.Server) {
	t.Helper()
	s := sandbox.New(sandbox.Options{Now: time.Now, Region: "eu-west-1"})
	server, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return s, server
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestWebIdentity_RoleRequiresATokenOfTheIssuer(t *testing.T) {
	s, server := startWithUsers(t)
	other, _ := startWithUsers(t)
	good := s.Token(server.STSURL, "anna", time.Hour)
	parts := strings.Split(good, ".")
	assume := func(role, token string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
		return client(server.STSURL, aws.Credentials{}).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(role), RoleSessionName: aws.String("anna"), WebIdentityToken: aws.String(token), DurationSeconds: aws.Int32(900),
		})
	}
	out, err := assume(sandbox.UserRoleARN, good)
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.AssumedRoleUser.Arn); got != "arn:aws:sts::123456789012:assumed-role/sandbox-user/anna" ||
		aws.ToString(out.SubjectFromWebIdentityToken) != "anna" || aws.ToString(out.Audience) != sandbox.Audience ||
		time.Until(*out.Credentials.Expiration) > 15*time.Minute {
		t.Errorf("got %s for %s", got, aws.ToString(out.SubjectFromWebIdentityToken))
	}
	for name, test := range map[string]struct{ role, token, code string }{
		"a role for keys": {sandbox.RoleARN, good, "AccessDenied"},
		"no such role":    {sandbox.UserRoleARN + "x", good, "AccessDenied"},
		"over":            {sandbox.UserRoleARN, s.Token(server.STSURL, "anna", 0), "ExpiredTokenException"},
		"another issuer":  {sandbox.UserRoleARN, s.Token("http://example.com", "anna", time.Hour), "InvalidIdentityToken"},
		"another key":     {sandbox.UserRoleARN, other.Token(server.STSURL, "anna", time.Hour), "InvalidIdentityToken"},
		"nobody":          {sandbox.UserRoleARN, s.Token(server.STSURL, "", time.Hour), "InvalidIdentityToken"},
		"another subject, old signature": {
			sandbox.UserRoleARN, parts[0] + "." + strings.Split(s.Token(server.STSURL, "bob", time.Hour), ".")[1] + "." +
				parts[2], "InvalidIdentityToken",
		},
		"no signature": {sandbox.UserRoleARN, parts[0] + "." + parts[1] + ".", "InvalidIdentityToken"},
		"no token":     {sandbox.UserRoleARN, "eyJ", "ValidationError"},
		"not a token":  {sandbox.UserRoleARN, "eyJhbGciOiJub25lIn0", "InvalidIdentityToken"},
	} {
		if _, err := assume(test.role, test.token); codeOf(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		} else if strings.Contains(err.Error(), parts[1]) {
			t.Errorf("%s: the refusal repeats the token: %v", name, err)
		}
	}
	if _, err := client(server.STSURL, longTerm).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(sandbox.UserRoleARN), RoleSessionName: aws.String("tester"),
	}, func(o *sts.Options) { o.Region = "eu-west-1" }); codeOf(err) != "AccessDenied" {
		t.Errorf("a key assumes the role for tokens: %v", err)
	}
}

func TestIssuer_ServesItsConfigurationAndKey(t *testing.T) {
	_, server := startWithUsers(t)
	get := func(address string) (document map[string]any) {
		t.Helper()
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
			t.Error(err)
		}
		return document
	}
	configuration := get(server.STSURL + sandbox.IssuerPath + "/.well-known/openid-configuration")
	if configuration["issuer"] != server.STSURL+sandbox.IssuerPath {
		t.Errorf("the issuer is %v", configuration["issuer"])
	}
	keys, _ := get(configuration["jwks_uri"].(string))["keys"].([]any)
	if len(keys) != 1 || keys[0].(map[string]any)["d"] != nil {
		t.Errorf("keys: %v", keys)
	}
}

func TestCognito_UsersHaveOneIdentityAndGuestsNewOnes(t *testing.T) {
	s, server := startWithUsers(t)
	pool := cognitoidentity.New(cognitoidentity.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.STSURL), RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{},
	})
	provider := strings.TrimPrefix(server.STSURL, "http://") + sandbox.IssuerPath
	login := func(subject string) map[string]string {
		if subject == "" {
			return nil
		}
		return map[string]string{provider: s.Token(server.STSURL, subject, time.Hour)}
	}
	id := func(subject string) string {
		t.Helper()
		out, err := pool.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: aws.String(s.IdentityPoolID()), Logins: login(subject)})
		if err != nil {
			t.Fatal(err)
		}
		return *out.IdentityId
	}
	session := func(id string, logins map[string]string) (aws.Credentials, error) {
		out, err := pool.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{
			IdentityId: aws.String(id), Logins: logins,
		})
		if err != nil {
			return aws.Credentials{}, err
		}
		return aws.Credentials{
			AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretKey, SessionToken: *out.Credentials.SessionToken,
		}, nil
	}
	anna, bob, guest := id("anna"), id("bob"), id("")
	if anna != id("anna") || anna == bob || guest == id("") {
		t.Errorf("identities %s, %s, %s", anna, bob, guest)
	}
	for name, test := range map[string]struct {
		id     string
		logins map[string]string
		role   string // empty: refused
	}{
		"a user":               {anna, login("anna"), "Cognito_sandboxAuth_Role"},
		"a guest":              {guest, nil, "Cognito_sandboxUnauth_Role"},
		"another's identity":   {bob, login("anna"), ""},
		"a guest as a user":    {anna, nil, ""},
		"a user as a guest":    {guest, login("anna"), ""},
		"an invented identity": {"eu-west-1:11111111-2222-3333-4444-555555555555", nil, ""},
		"another provider":     {anna, map[string]string{"accounts.example.com": s.Token(server.STSURL, "anna", time.Hour)}, ""},
		"a token that is over": {anna, map[string]string{provider: s.Token(server.STSURL, "anna", 0)}, ""},
	} {
		keys, err := session(test.id, test.logins)
		if test.role == "" {
			if codeOf(err) != "NotAuthorizedException" {
				t.Errorf("%s: %v, want NotAuthorizedException", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		who, err := client(server.STSURL, keys).GetCallerIdentity(t.Context(), nil, func(o *sts.Options) { o.Region = "eu-west-1" })
		if err != nil || aws.ToString(who.Arn) != "arn:aws:sts::123456789012:assumed-role/"+test.role+"/CognitoIdentityCredentials" {
			t.Errorf("%s: %v, %v", name, who, err)
		}
	}
	if _, err := pool.GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: aws.String("eu-west-1:11111111-2222-3333-4444-555555555555"),
	}); codeOf(err) != "ResourceNotFoundException" {
		t.Errorf("another pool: %v", err)
	}
}
