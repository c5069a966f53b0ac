package credentials_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// fromFile returns a profile with a web identity token that has these claims.
func fromFile(t *testing.T, claims map[string]any) credentials.Profile {
	p := orders()
	p.Source, p.Keys = credentials.SourceWebIdentityFile, signing.Credentials{}
	p.WebIdentity = &credentials.WebIdentity{TokenFile: write(t, "token", jwt(claims))}
	return p
}

func explain(t *testing.T, fake *fakeSTS, profiles ...credentials.Profile) credentials.Diagnosis {
	s := open(t, credentials.Options{Profiles: profiles, Transport: fake})
	return s.Explain(t.Context(), profiles[len(profiles)-1].Name)
}

func TestExplainWritesTheTrustPolicyOfAToken(t *testing.T) {
	d := explain(t, newFake(time.Now), fromFile(t, azureClaims("1.0")))
	if !d.OK() {
		t.Fatalf("Explain() = %+v, want all well", d)
	}
	if got := d.Steps[0].Detail; !strings.Contains(got, `iss "https://sts.windows.net/11111111-1111-1111-1111-111111111111/", `+
		`aud ["api://countersign"], sub "22222222-2222-2222-2222-222222222222", ver "1.0"`) {
		t.Errorf("token explained as %q", got)
	}
	const want = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/sts.windows.net/11111111-1111-1111-1111-111111111111/"
      },
      "Action": [
        "sts:AssumeRoleWithWebIdentity"
      ],
      "Condition": {
        "StringEquals": {
          "sts.windows.net/11111111-1111-1111-1111-111111111111/:aud": "api://countersign",
          "sts.windows.net/11111111-1111-1111-1111-111111111111/:sub": "22222222-2222-2222-2222-222222222222"
        }
      }
    }
  ]
}`
	if d.TrustPolicy != want {
		t.Errorf("trust policy\n%s\nwant\n%s", d.TrustPolicy, want)
	}
}

func TestExplainNamesWhatIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		status int
		code   string
		hint   string
	}{
		{"the provider is missing", 400, "InvalidIdentityToken", "requestedAccessTokenVersion"},
		{"the trust policy differs", 403, "AccessDenied", "character by character"},
		{"the region is off", 403, "RegionDisabledException", "activate the region"},
		{"an unknown code", 403, "SomethingNew", "character by character"},
		{"STS is away", 503, "SomethingNew", "outbound"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFake(time.Now)
				fake.response = func(call) (*http.Response, error) { return fake.refuse(test.status, test.code), nil }
				d := explain(t, fake, fromFile(t, azureClaims("1.0")))
				last := d.Steps[len(d.Steps)-1]
				if d.OK() || last.Name != "orders: session" || !strings.Contains(last.Hint, test.hint) {
					t.Errorf("Explain() ends with %+v, want a hint of %q", last, test.hint)
				}
				if d.TrustPolicy == "" {
					t.Error("no trust policy to paste")
				}
				if named := strings.Contains(last.Hint, "the policy to paste is below"); named != (test.status == 403 &&
					test.code != "RegionDisabledException") {
					t.Errorf("the hint is %q", last.Hint)
				}
			})
		})
	}
}

func TestExplainAdvisesOnTokens(t *testing.T) {
	claims := azureClaims("1.0")
	claims["iss"] = "https://sts.windows.net/11111111-1111-1111-1111-111111111111"
	d := explain(t, newFake(time.Now), fromFile(t, claims))
	if len(d.Steps) < 2 || !strings.Contains(d.Steps[1].Detail, "ends with a slash") {
		t.Errorf("Explain() = %+v, want a word on the slash", d.Steps)
	}
	if d.TrustPolicy != "" {
		t.Errorf("a trust policy for the wrong token: %s", d.TrustPolicy)
	}
	e := &identityEndpoint{clientID: clientID(), responses: []int{200}, version: "2.0"}
	d = managed(t, newFake(time.Now), e).Explain(t.Context(), "")
	if len(d.Steps) < 2 || !strings.Contains(d.Steps[1].Detail, "v2.0 token") {
		t.Errorf("Explain() = %+v, want a word on the token's version", d.Steps)
	}
	if d.TrustPolicy != "" {
		t.Errorf("a trust policy for the wrong token: %s", d.TrustPolicy)
	}
}

func TestExplainFollowsTheChain(t *testing.T) {
	top := orders()
	top.Name, top.Source, top.Keys = "top", "orders", signing.Credentials{}
	top.AssumeRole = &credentials.AssumeRole{
		RoleARN: "arn:aws:iam::999999999999:role/top", ExternalID: "x-1", SourceIdentity: "{caller}", Tags: map[string]string{"team": "crm"},
	}
	d := explain(t, newFake(time.Now), orders(), top)
	var names []string
	for _, s := range d.Steps {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, ", "); got != "orders: source static, orders: session, orders: identity, top: session, top: identity" {
		t.Errorf("steps %q", got)
	}
	var policy struct {
		Statement []struct {
			Principal map[string]string
			Action    []string
			Condition map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(d.TrustPolicy), &policy); err != nil {
		t.Fatal(err)
	}
	s := policy.Statement[0]
	if s.Principal["AWS"] != "arn:aws:iam::123456789012:role/orders" ||
		strings.Join(s.Action, " ") != "sts:AssumeRole sts:TagSession sts:SetSourceIdentity" ||
		s.Condition["StringEquals"]["sts:ExternalId"] != "x-1" {
		t.Errorf("trust policy %s, want the first role, the actions and the external id", d.TrustPolicy)
	}
}

func TestExplainUnknownProfile(t *testing.T) {
	d := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}}).Explain(t.Context(), "nobody")
	if d.OK() || d.Profile != "nobody" {
		t.Errorf("Explain() = %+v, want a failure", d)
	}
}
