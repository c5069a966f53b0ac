package credentials_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// faultsOf returns the faults that New finds in the options.
func faultsOf(t *testing.T, o credentials.Options) []*credentials.ConfigError {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := credentials.New(o)
	if err == nil {
		s.Close()
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("New() = %T, want joined faults", err)
	}
	var found []*credentials.ConfigError
	for _, err := range joined.Unwrap() {
		var f *credentials.ConfigError
		if !errors.As(err, &f) {
			t.Fatalf("New() = %v, want a Fault", err)
		}
		found = append(found, f)
	}
	return found
}

func TestEachFaultNamesItsField(t *testing.T) {
	azure := func(p *credentials.Profile) {
		p.Source, p.Keys = credentials.SourceAzureIdentity, signing.Credentials{}
		p.Azure = &credentials.AzureIdentity{Audience: "api://countersign"}
	}
	cognito := func(p *credentials.Profile) {
		p.Source, p.Keys = credentials.SourceCognito, signing.Credentials{}
		p.Cognito = &credentials.Cognito{IdentityPoolID: "eu-west-1:11111111-2222-3333-4444-555555555555", IdentityFile: "id"}
		p.AssumeRole = nil
	}
	certificate := func(edit func(*credentials.RolesAnywhere)) func(*credentials.Profile) {
		return func(p *credentials.Profile) {
			p.Source, p.Keys, p.AssumeRole = credentials.SourceRolesAnywhere, signing.Credentials{}, nil
			p.RolesAnywhere = onPremises(files{certificate: "c", key: "k"}).RolesAnywhere
			if edit != nil {
				edit(p.RolesAnywhere)
			}
		}
	}
	source := func(name string) func(*credentials.Profile) {
		return func(p *credentials.Profile) { p.Source, p.Keys = name, signing.Credentials{} }
	}
	role := func(edit func(*credentials.AssumeRole)) func(*credentials.Profile) {
		return func(p *credentials.Profile) { edit(p.AssumeRole) }
	}
	both := func(edits ...func(*credentials.Profile)) func(*credentials.Profile) {
		return func(p *credentials.Profile) {
			for _, edit := range edits {
				edit(p)
			}
		}
	}
	tests := []struct {
		name  string
		edit  func(*credentials.Profile)
		field string // empty: no fault
	}{
		{"the profile of most tests", func(*credentials.Profile) {}, ""},
		{"azure identity", azure, ""},
		{"guest of a pool", cognito, ""},

		{"certificate", certificate(nil), ""},
		{"certificate without settings", source(credentials.SourceRolesAnywhere), "roles_anywhere.certificate_file"},
		{"no certificate", certificate(func(r *credentials.RolesAnywhere) { r.CertificateFile = "" }), "roles_anywhere.certificate_file"},
		{"two keys", certificate(func(r *credentials.RolesAnywhere) { r.PrivateKeyVariable = "KEY" }), "roles_anywhere.private_key_file"},
		{"two chains", certificate(func(r *credentials.RolesAnywhere) { r.ChainFile, r.ChainVariable = "c", "C" }), "roles_anywhere.chain_file"},
		{
			"anchor that is a profile", certificate(func(r *credentials.RolesAnywhere) { r.TrustAnchorARN = profileARN }),
			"roles_anywhere.trust_anchor_arn",
		},
		{"anchor in another partition", certificate(func(r *credentials.RolesAnywhere) {
			r.TrustAnchorARN = strings.Replace(anchorARN, "eu-west-1", "cn-north-1", 1)
		}), "roles_anywhere.trust_anchor_arn"},
		{"profile of another region", certificate(func(r *credentials.RolesAnywhere) {
			r.ProfileARN = strings.Replace(profileARN, "eu-west-1", "eu-west-2", 1)
		}), "roles_anywhere.profile_arn"},
		{
			"role of another account",
			certificate(func(r *credentials.RolesAnywhere) { r.RoleARN = "arn:aws:iam::999999999999:role/x" }),
			"roles_anywhere.role_arn",
		},
		{"certificate for 13 hours", certificate(func(r *credentials.RolesAnywhere) { r.Duration = 13 * time.Hour }), "roles_anywhere.duration"},
		{"certificate and two hours on top", both(certificate(nil), func(p *credentials.Profile) {
			p.AssumeRole = &credentials.AssumeRole{RoleARN: roleARN, Duration: 2 * time.Hour}
		}), "assume_role.duration"},
		{"certificate beside another source", func(p *credentials.Profile) { p.RolesAnywhere = &credentials.RolesAnywhere{} }, "roles_anywhere"},

		{"no name", func(p *credentials.Profile) { p.Name = "" }, "name"},
		{"a name with a slash", func(p *credentials.Profile) { p.Name = "a/b" }, "name"},
		{"a source's name", func(p *credentials.Profile) { p.Name = "static" }, "name"},
		{"no source", source(""), "source"},
		{"a source nobody knows", source("vault"), "source"},
		{"its own source", func(p *credentials.Profile) { p.Source, p.Keys = "orders", signing.Credentials{} }, "source"},

		{"no key id", func(p *credentials.Profile) { p.Keys = signing.NewCredentials("", exampleSecret, "") }, "access_key_id"},
		{"no secret", func(p *credentials.Profile) { p.Keys = signing.NewCredentials(exampleKey, "", "") }, "secret_access_key"},
		{
			"a line break within the secret", func(p *credentials.Profile) { p.Keys = signing.NewCredentials(exampleKey, "a\nb", "") },
			"secret_access_key",
		},
		{"an unresolved reference", func(p *credentials.Profile) {
			p.Keys = signing.NewCredentials(exampleKey, "@Microsoft.KeyVault(SecretUri=https://v/secrets/s)", "")
		}, "secret_access_key"},
		{"a temporary key without its token", func(p *credentials.Profile) {
			p.Keys = signing.NewCredentials("ASIASANDBOX000000001", exampleSecret, "")
		}, "session_token"},
		{"keys beside another source", func(p *credentials.Profile) { p.Source = credentials.SourceAWSDefault }, "access_key_id"},
		{"azure settings beside another source", func(p *credentials.Profile) { p.Azure = &credentials.AzureIdentity{Audience: "a"} }, "azure"},
		{"an environment without a key id", source(credentials.SourceEnvironment), "AWS_ACCESS_KEY_ID"},

		{"no region", func(p *credentials.Profile) { p.Region = "" }, "region"},
		{"a region that is none", func(p *credentials.Profile) { p.Region = "europe" }, "region"},
		{"an STS region that is none", func(p *credentials.Profile) { p.STSRegion = "europe" }, "sts_region"},
		{"a fallback that is none", func(p *credentials.Profile) { p.FallbackRegions = []string{"eu-west-2", "europe"} }, "fallback_regions[1]"},
		{"a fallback in another partition", func(p *credentials.Profile) { p.FallbackRegions = []string{"cn-north-1"} }, "fallback_regions[0]"},
		{
			"three fallbacks", func(p *credentials.Profile) { p.FallbackRegions = []string{"eu-west-2", "eu-west-3", "eu-north-1"} },
			"fallback_regions",
		},
		{"a plain http endpoint", func(p *credentials.Profile) { p.STSEndpoint = "http://sts.example.com" }, "sts_endpoint"},
		{"http on loopback", func(p *credentials.Profile) { p.STSEndpoint = "http://[::1]:9100" }, ""},
		{
			"http on what only looks like loopback", func(p *credentials.Profile) { p.STSEndpoint = "http://127.0.0.1.example.com" },
			"sts_endpoint",
		},
		{"an endpoint with a password", func(p *credentials.Profile) { p.STSEndpoint = "https://u:p@sts.example.com" }, "sts_endpoint"},
		{"fips with an endpoint", func(p *credentials.Profile) { p.STSEndpoint, p.FIPS = "https://sts.example.com", true }, "fips"},

		{"no role at all", role(func(a *credentials.AssumeRole) { a.RoleARN = "" }), "assume_role.role_arn"},
		{"a user's ARN", role(func(a *credentials.AssumeRole) { a.RoleARN = "arn:aws:iam::123456789012:user/orders" }), "assume_role.role_arn"},
		{"a role with a path", role(func(a *credentials.AssumeRole) { a.RoleARN = "arn:aws:iam::123456789012:role/a/b/orders" }), ""},
		{
			"a role of another partition",
			role(func(a *credentials.AssumeRole) { a.RoleARN = "arn:aws-cn:iam::123456789012:role/orders" }), "assume_role.role_arn",
		},
		{"a role twice", role(func(a *credentials.AssumeRole) { a.RoleName = "orders" }), "assume_role.role_arn"},
		{
			"eleven digits", role(func(a *credentials.AssumeRole) { a.RoleARN, a.AccountID, a.RoleName = "", "12345678901", "orders" }),
			"assume_role.account_id",
		},
		{"a role's name too long", role(func(a *credentials.AssumeRole) {
			a.RoleARN, a.AccountID, a.RoleName = "", "123456789012", strings.Repeat("r", 65)
		}), "assume_role.role_name"},
		{"a path without its end", role(func(a *credentials.AssumeRole) {
			a.RoleARN, a.AccountID, a.RoleName, a.Path = "", "123456789012", "orders", "/team"
		}), "assume_role.path"},
		{"an external id of one", role(func(a *credentials.AssumeRole) { a.ExternalID = "x" }), "assume_role.external_id"},
		{
			"an external id of 1,225", role(func(a *credentials.AssumeRole) { a.ExternalID = strings.Repeat("x", 1225) }),
			"assume_role.external_id",
		},
		{"an external id of 1,224", role(func(a *credentials.AssumeRole) { a.ExternalID = strings.Repeat("x", 1224) }), ""},
		{"an external id with a blank", role(func(a *credentials.AssumeRole) { a.ExternalID = "x y" }), "assume_role.external_id"},
		{"a placeholder nobody knows", role(func(a *credentials.AssumeRole) { a.SessionName = "{user}" }), "assume_role.session_name"},
		{"half a placeholder", role(func(a *credentials.AssumeRole) { a.SourceIdentity = "{caller" }), "assume_role.source_identity"},
		{"a reserved source identity", role(func(a *credentials.AssumeRole) { a.SourceIdentity = "aws:x" }), "assume_role.source_identity"},
		{"14 minutes", role(func(a *credentials.AssumeRole) { a.Duration = 14 * time.Minute }), "assume_role.duration"},
		{"12 hours", role(func(a *credentials.AssumeRole) { a.Duration = 12 * time.Hour }), ""},
		{"12 hours and a second", role(func(a *credentials.AssumeRole) { a.Duration = 12*time.Hour + time.Second }), "assume_role.duration"},
		{"half a second", role(func(a *credentials.AssumeRole) { a.Duration = time.Hour + time.Millisecond }), "assume_role.duration"},
		{"a policy that is no JSON", role(func(a *credentials.AssumeRole) { a.Policy = "{" }), "assume_role.policy"},
		{"a policy beyond Latin-1", role(func(a *credentials.AssumeRole) { a.Policy = `{"a":"€"}` }), "assume_role.policy"},
		{
			"a policy of 2,049", role(func(a *credentials.AssumeRole) { a.Policy = `{"a":"` + strings.Repeat("x", 2041) + `"}` }),
			"assume_role.policy",
		},
		{"a policy of 2,048", role(func(a *credentials.AssumeRole) { a.Policy = `{"a":"` + strings.Repeat("x", 2040) + `"}` }), ""},
		{"eleven policies", role(func(a *credentials.AssumeRole) {
			for range 11 {
				a.PolicyARNs = append(a.PolicyARNs, "arn:aws:iam::aws:policy/ReadOnlyAccess")
			}
		}), "assume_role.policy_arns"},
		{
			"a policy of another account",
			role(func(a *credentials.AssumeRole) { a.PolicyARNs = []string{"arn:aws:iam::999999999999:policy/p"} }),
			"assume_role.policy_arns[0]",
		},
		{"no policy's ARN", role(func(a *credentials.AssumeRole) { a.PolicyARNs = []string{roleARN} }), "assume_role.policy_arns[0]"},
		{"51 tags", role(func(a *credentials.AssumeRole) {
			a.Tags = map[string]string{}
			for i := range 51 {
				a.Tags["k"+strings.Repeat("x", i)] = ""
			}
		}), "assume_role.tags"},
		{"an empty key", role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{"": "v"} }), "assume_role.tags."},
		{
			"a key of 129", role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{strings.Repeat("ü", 129): "v"} }),
			"assume_role.tags." + strings.Repeat("ü", 129),
		},
		{"a key of 128", role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{strings.Repeat("ü", 128): "v"} }), ""},
		{
			"a value of 257", role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{"k": strings.Repeat("v", 257)} }),
			"assume_role.tags.k",
		},
		{"a value with a quote", role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{"k": `"`} }), "assume_role.tags.k"},
		{
			"keys that differ in case", role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{"Team": "", "team": ""} }),
			"assume_role.tags.team",
		},
		{
			"a transitive tag that is none", role(func(a *credentials.AssumeRole) { a.TransitiveTags = []string{"team"} }),
			"assume_role.transitive_tags[0]",
		},

		{"a token without a role", both(azure, func(p *credentials.Profile) { p.AssumeRole = nil }), "assume_role"},
		{"an external id with a token", both(azure, role(func(a *credentials.AssumeRole) { a.ExternalID = "x-1" })), "assume_role.external_id"},
		{
			"a source identity with a token", both(azure, role(func(a *credentials.AssumeRole) { a.SourceIdentity = "x1" })),
			"assume_role.source_identity",
		},
		{"tags with a token", both(azure, role(func(a *credentials.AssumeRole) { a.Tags = map[string]string{"k": "v"} })), "assume_role.tags"},
		{"azure without an audience", both(azure, func(p *credentials.Profile) { p.Azure.Audience = "" }), "azure.audience"},
		{"an audience that is a scope", both(azure, func(p *credentials.Profile) { p.Azure.Audience += "/.default" }), "azure.audience"},
		{"no token file", source(credentials.SourceWebIdentityFile), "web_identity.token_file"},
		{"no container", source(credentials.SourceContainer), "container.endpoint"},
		{"a container elsewhere", both(source(credentials.SourceContainer), func(p *credentials.Profile) {
			p.Container = &credentials.Container{Endpoint: "http://169.254.169.254/"}
		}), "container.endpoint"},
		{"two hours with a container's role", both(source(credentials.SourceContainer), func(p *credentials.Profile) {
			p.Container = &credentials.Container{Endpoint: "http://169.254.170.23/v1/credentials"}
			p.AssumeRole.Duration = 2 * time.Hour
		}), "assume_role.duration"},
		{"a session token from a session", func(p *credentials.Profile) {
			p.Source, p.Keys = credentials.SourceSessionToken, signing.NewCredentials("ASIASANDBOX000000001", exampleSecret, "token")
		}, "source"},
		{"a session token of 37 hours", func(p *credentials.Profile) {
			p.Source, p.SessionToken = credentials.SourceSessionToken, &credentials.SessionToken{Duration: 37 * time.Hour}
		}, "session_token_options.duration"},
		{
			"a pool's id without its region",
			both(cognito, func(p *credentials.Profile) { p.Cognito.IdentityPoolID = "11111111-2222" }), "cognito.identity_pool_id",
		},
		{"a guest who is not kept", both(cognito, func(p *credentials.Profile) { p.Cognito.IdentityFile = "" }), "cognito.identity_file"},
		{
			"a login without its token",
			both(cognito, func(p *credentials.Profile) { p.Cognito.LoginProvider = "accounts.example.com" }), "cognito.token_file",
		},
		{"a token without its login", both(cognito, func(p *credentials.Profile) { p.Cognito.TokenFile = "t" }), "cognito.login_provider"},
		{"the basic flow without a role", both(cognito, func(p *credentials.Profile) { p.Cognito.Basic = true }), "assume_role"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := orders()
			test.edit(&p)
			found := faultsOf(t, credentials.Options{
				Profiles: []credentials.Profile{p},
				Getenv:   func(name string) string { return map[string]string{"AWS_SECRET_ACCESS_KEY": exampleSecret}[name] },
			})
			switch {
			case test.field == "" && len(found) > 0:
				t.Errorf("New() found %v, want no fault", found[0])
			case test.field != "" && (len(found) != 1 || found[0].Field != test.field || found[0].Profile != p.Name):
				t.Errorf("New() found %v, want one fault of %q", found, test.field)
			}
		})
	}
}

func TestAllFaultsAreReportedTogether(t *testing.T) {
	first, second := orders(), orders()
	first.AssumeRole.ExternalID, first.AssumeRole.Duration = "x", time.Minute
	second.Name, second.Source = "second", "nobody"
	second.Keys = signing.Credentials{}
	found := faultsOf(t, credentials.Options{Profiles: []credentials.Profile{first, second}, Default: "third"})
	var fields []string
	for _, f := range found {
		fields = append(fields, f.Profile+":"+f.Field)
	}
	want := "orders:assume_role.external_id orders:assume_role.duration second:source :default_profile"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("New() found %q, want %q", got, want)
	}
}

func TestCyclesAreRefused(t *testing.T) {
	chain := func(name, source string) credentials.Profile {
		p := orders()
		p.Name, p.Source, p.Keys = name, source, signing.Credentials{}
		return p
	}
	found := faultsOf(
		t, credentials.Options{Profiles: []credentials.Profile{chain("a", "b"), chain("b", "c"), chain("c", "a"), chain("d", "a")}},
	)
	if len(found) != 3 {
		t.Fatalf("New() found %v, want one fault for each profile in the cycle", found)
	}
	for _, f := range found {
		if f.Field != "source" || !strings.Contains(f.Reason, "circular") {
			t.Errorf("New() found %v, want a cycle", f)
		}
	}
	if !strings.Contains(found[0].Error(), "a → b → c → a") {
		t.Errorf("fault %q does not show the way", found[0])
	}
}

func TestChainingLimitsTheDuration(t *testing.T) {
	base, top := orders(), orders()
	top.Name, top.Source, top.Keys = "top", "orders", signing.Credentials{}
	top.AssumeRole.Duration = 2 * time.Hour
	found := faultsOf(t, credentials.Options{Profiles: []credentials.Profile{base, top}})
	if len(found) != 1 || found[0].Profile != "top" || found[0].Field != "assume_role.duration" {
		t.Errorf("New() found %v, want the duration of the second role", found)
	}
	base.AssumeRole = nil // keys of a user: no chaining
	if found := faultsOf(t, credentials.Options{Profiles: []credentials.Profile{base, top}}); len(found) != 0 {
		t.Errorf("New() found %v, want no fault", found)
	}
}

func TestProfilesAreListedWithoutSecrets(t *testing.T) {
	s := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}})
	got := s.Profiles()
	if len(got) != 1 || got[0].Name != "orders" || got[0].Keys.SecretAccessKey() != "" {
		t.Errorf("Profiles() = %+v, want orders without its secret", got)
	}
}

func TestEndpointVariables_AreUsedOrRefusedByName(t *testing.T) {
	for _, test := range []struct {
		name, variable, value string
		change                func(*credentials.Profile)
		want                  string // the host that is called, or the fault
	}{
		{"none", "", "", nil, "sts.eu-west-1.amazonaws.com"},
		{"FIPS", "AWS_USE_FIPS_ENDPOINT", "true", func(p *credentials.Profile) { p.Region = "us-east-1" }, "sts-fips.us-east-1.amazonaws.com"},
		{"no FIPS", "AWS_USE_FIPS_ENDPOINT", "FALSE", nil, "sts.eu-west-1.amazonaws.com"},
		{"dual stack", "AWS_USE_DUALSTACK_ENDPOINT", "True", nil, "sts.eu-west-1.api.aws"},
		{"an endpoint", "AWS_ENDPOINT_URL_STS", "https://sts.internal", nil, "sts.internal"},
		{
			"an endpoint, and the profile's", "AWS_ENDPOINT_URL_STS", "https://sts.internal",
			func(p *credentials.Profile) { p.STSEndpoint = "https://own.internal" }, "own.internal",
		},
		{"no flag", "AWS_USE_FIPS_ENDPOINT", "yes", nil, "AWS_USE_FIPS_ENDPOINT: must be true or false"},
		{"no URL", "AWS_ENDPOINT_URL_STS", "sts.internal", nil, "AWS_ENDPOINT_URL_STS: must be a URL"},
		{"http", "AWS_ENDPOINT_URL_STS", "http://sts.internal", nil, "AWS_ENDPOINT_URL_STS: must be https"},
		{
			"FIPS and an endpoint", "AWS_USE_FIPS_ENDPOINT", "true",
			func(p *credentials.Profile) { p.STSEndpoint = "https://own.internal" },
			"AWS_USE_FIPS_ENDPOINT cannot be used with sts_endpoint",
		},
		{
			"an endpoint and fallbacks", "AWS_ENDPOINT_URL_STS", "https://sts.internal",
			func(p *credentials.Profile) { p.FallbackRegions = []string{"eu-west-2"} },
			"fallback_regions: cannot be used with sts_endpoint, AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL",
		},
		{"an endpoint of all services", "AWS_ENDPOINT_URL", "https://aws.internal", nil, "aws.internal"},
		{"of all services and of STS", "AWS_ENDPOINT_URL=https://aws.internal AWS_ENDPOINT_URL_STS", "https://sts.internal", nil, "sts.internal"},
		{
			"of all services, and the profile's", "AWS_ENDPOINT_URL", "https://aws.internal",
			func(p *credentials.Profile) { p.STSEndpoint = "https://own.internal" }, "own.internal",
		},
		{"of all services, by http", "AWS_ENDPOINT_URL", "http://localstack:4566", nil, "AWS_ENDPOINT_URL: must be https"},
		{"of Cognito", "AWS_ENDPOINT_URL_COGNITO_IDENTITY", "https://cognito.internal", nil, "sts.eu-west-1.amazonaws.com"},
		{"of another service", "AWS_ENDPOINT_URL_S3", "https://s3.internal", nil, "sts.eu-west-1.amazonaws.com"},
		{
			"ignored endpoints",
			"AWS_ENDPOINT_URL=https://aws.internal AWS_ENDPOINT_URL_STS=sts AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", nil,
			"sts.eu-west-1.amazonaws.com",
		},
		{"endpoints that are not", "AWS_ENDPOINT_URL=https://aws.internal AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false", nil, "aws.internal"},
		{"or perhaps", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1", nil, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: must be true or false"},
		{
			"FIPS and all services", "AWS_ENDPOINT_URL=https://aws.internal AWS_USE_FIPS_ENDPOINT", "true", nil,
			"AWS_USE_FIPS_ENDPOINT cannot be used with",
		},
		{"a pool", "AWS_ENDPOINT_URL", "https://aws.internal", inPool, "aws.internal"},
		{
			"a pool of its own", "AWS_ENDPOINT_URL_STS=https://sts.internal AWS_ENDPOINT_URL_COGNITO_IDENTITY",
			"https://cognito.internal", inPool, "cognito.internal",
		},
		{"a pool, and STS", "AWS_ENDPOINT_URL_STS", "https://sts.internal", inPool, "cognito-identity.eu-west-1.amazonaws.com"},
		{
			"a pool with FIPS", "AWS_ENDPOINT_URL_COGNITO_IDENTITY=https://cognito.internal AWS_USE_FIPS_ENDPOINT", "true", inPool,
			"cognito: AWS_ENDPOINT_URL_COGNITO_IDENTITY and",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // calls are repeated, with pauses
				var host string
				p := orders()
				if test.change != nil {
					test.change(&p)
				}
				environment := map[string]string{}
				for _, entry := range strings.Fields(test.variable + "=" + test.value) {
					name, value, _ := strings.Cut(entry, "=")
					environment[name] = value
				}
				s, err := credentials.New(credentials.Options{
					Profiles: []credentials.Profile{p}, Now: time.Now, Getenv: func(name string) string { return environment[name] },
					Transport: roundTrip(func(r *http.Request) (*http.Response, error) { host = r.URL.Host; return nil, errors.New("enough") }),
				})
				if err != nil {
					if !strings.Contains(err.Error(), test.want) {
						t.Errorf("got %v, want %s", err, test.want)
					}
					return
				}
				_, _ = s.Session(t.Context(), credentials.SessionRequest{})
				s.Close()
				if host != test.want {
					t.Errorf("%s was called, want %s", host, test.want)
				}
			})
		})
	}
}

func inPool(p *credentials.Profile) {
	*p = credentials.Profile{
		Name: "pool", Region: "eu-west-1", Source: credentials.SourceCognito,
		Cognito: &credentials.Cognito{IdentityPoolID: pool, IdentityID: fmt.Sprintf(identity, 1)},
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
