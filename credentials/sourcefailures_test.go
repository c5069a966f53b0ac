package credentials_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"countersign/credentials"
)

// If the source of a profile fails before STS is called, the log says what failed, and does not point to STS or the
// role's trust policy.
func TestSources_FailuresNameWhatToCheck(t *testing.T) {
	const container = "http://169.254.170.23/v1/credentials"
	refuses := hosts{"169.254.170.23": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })}
	fromCognito := credentials.Profile{
		Source: credentials.SourceCognito, Region: "eu-west-1",
		Cognito: &credentials.Cognito{
			IdentityPoolID: "eu-west-1:11111111-2222-3333-4444-555555555555", IdentityID: "eu-west-1:66666666-2222-3333-4444-555555555555",
		},
	}
	fromCertificate := onPremises(files{certificate: "/absent/certificate.pem", key: "/absent/key.pem"})
	withVariable := fromCognito
	cognito := *fromCognito.Cognito
	cognito.LoginProvider, cognito.TokenVariable = "accounts.google.com", "LOGIN_TOKEN"
	withVariable.Cognito = &cognito
	unwritable := fromCognito
	guest := *fromCognito.Cognito
	guest.IdentityID, guest.IdentityFile = "", "/absent/identity"
	unwritable.Cognito = &guest
	for name, row := range map[string]struct {
		profile      credentials.Profile
		transport    hosts
		kind         error
		detail, hint string
	}{
		"no token file": {
			profile: credentials.Profile{
				Source: credentials.SourceWebIdentityFile, WebIdentity: &credentials.WebIdentity{TokenFile: "/absent/token"},
			},
			kind: credentials.ErrConfiguration, detail: "/absent/token", hint: "file exists",
		},
		"token file that is none": {
			profile: credentials.Profile{Source: credentials.SourceWebIdentityFile, WebIdentity: &credentials.WebIdentity{TokenFile: "/dev/null"}},
			kind:    credentials.ErrConfiguration, detail: "/dev/null", hint: "one token",
		},
		"no file for the container": {
			profile: credentials.Profile{
				Source: credentials.SourceContainer, Container: &credentials.Container{Endpoint: container, TokenFile: "/absent/authorization"},
			},
			kind: credentials.ErrConfiguration, detail: "/absent/authorization", hint: "task or pod",
		},
		"container without a role": {
			profile:   credentials.Profile{Source: credentials.SourceContainer, Container: &credentials.Container{Endpoint: container}},
			transport: refuses, kind: credentials.ErrConfiguration, detail: "403", hint: "task or pod",
		},
		"no container": {
			profile: credentials.Profile{Source: credentials.SourceContainer, Container: &credentials.Container{Endpoint: container}},
			kind:    credentials.ErrUnavailable, detail: "169.254.170.23", hint: "task or pod",
		},
		"no Cognito":     {profile: fromCognito, kind: credentials.ErrUnavailable, detail: "cognito-identity", hint: "outbound rules"},
		"no login token": {profile: withVariable, kind: credentials.ErrConfiguration, detail: "LOGIN_TOKEN", hint: "pool"},
		"no place for the identity": {
			profile: unwritable, kind: credentials.ErrConfiguration, detail: "/absent/", hint: "identity_file",
		},
		"no certificate": {profile: fromCertificate, kind: credentials.ErrConfiguration, detail: "/absent/certificate.pem", hint: "certificate"},
	} {
		for _, below := range []bool{false, true} { // with a role of the profile's own, or of one above
			synctest.Test(t, func(t *testing.T) {
				row.profile.Name, row.profile.Region = "source", "eu-west-1"
				role := credentials.Profile{Name: "role", Region: "eu-west-1", Source: "source", AssumeRole: &credentials.AssumeRole{RoleARN: roleARN}}
				if row.profile.Source == credentials.SourceWebIdentityFile {
					row.profile.AssumeRole = &credentials.AssumeRole{RoleARN: roleARN}
				}
				asked := "source"
				if below {
					asked = "role"
				}
				var told []credentials.Event
				s := open(t, credentials.Options{
					Profiles: []credentials.Profile{row.profile, role}, Transport: row.transport,
					Getenv: func(string) string { return "" },
					Log:    func(e credentials.Event) { told = append(told, e) },
				})
				_, err := s.Session(t.Context(), credentials.SessionRequest{Profile: asked})
				synctest.Wait()
				if !errors.Is(err, row.kind) {
					t.Errorf("%s: %v, want %v", name, err, row.kind)
				}
				for _, e := range told {
					if !strings.Contains(e.Detail, row.detail) || !strings.Contains(e.Hint, row.hint) || strings.Contains(e.Hint, "STS") ||
						strings.Contains(e.Hint, "trust policy") {
						t.Errorf("%s, profile %s: %v has detail %q and hint %q, want %q and %q",
							name, e.Profile, e.Err, e.Detail, e.Hint, row.detail, row.hint)
					}
				}
				if strings.HasPrefix(row.detail, "/") {
					steps := s.Explain(t.Context(), asked).Steps
					if last := steps[len(steps)-1]; !strings.Contains(last.Detail, row.detail) || !strings.Contains(last.Hint, row.hint) {
						t.Errorf("%s: explained by %+v, want %q and %q", name, last, row.detail, row.hint)
					}
				}
				if len(told) == 0 {
					t.Errorf("%s: nothing is reported", name)
				}
			})
		}
	}
}
