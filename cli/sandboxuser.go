package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"countersign/access"
	"countersign/config"
	"countersign/credentials"
	"countersign/sandbox"
)

// sandboxUser is a person who has signed in to an application, and calls with a token.
type sandboxUser struct {
	emulator *sandbox.Sandbox
	aws      *sandbox.Server
}

const sandboxUserLife = time.Hour

// addTo gives the sandbox's service a token issuer, two profiles that sign as the caller, and one for guests.
func (u sandboxUser) addTo(p *process, conf *config.Config) {
	issuer := u.aws.STSURL + sandbox.IssuerPath
	conf.OIDC = []access.OIDC{{Name: "sandbox", Issuer: issuer, Audiences: []string{sandbox.Audience}, Everyone: true}}
	conf.Guest = &access.Guest{Profiles: []string{"as-guest"}}
	conf.DefaultProfile = conf.Profiles[0].Name
	conf.Profiles = append(conf.Profiles, credentials.Profile{
		Name: "as-user", Description: "A role for each user, by the user's token", Region: sandboxRegion, STSEndpoint: u.aws.STSURL,
		Source: credentials.SourceCallerToken, AssumeRole: &credentials.AssumeRole{RoleARN: sandbox.UserRoleARN, SessionName: "{caller}"},
	}, credentials.Profile{
		Name: "as-guest", Description: "The pool's role for guests", Region: sandboxRegion, STSEndpoint: u.aws.STSURL,
		Source:  credentials.SourceCognito,
		Cognito: &credentials.Cognito{IdentityPoolID: u.emulator.IdentityPoolID(), IdentityID: u.emulator.NewGuest()},
	}, credentials.Profile{
		Name: "as-user-pool", Description: "An identity pool, by the user's token", Region: sandboxRegion, STSEndpoint: u.aws.STSURL,
		Source: credentials.SourceCognito, Cognito: &credentials.Cognito{
			IdentityPoolID: u.emulator.IdentityPoolID(), LoginProvider: strings.TrimPrefix(issuer, "http://"), CallerToken: true,
		},
	})
	getenv := p.getenv
	p.getenv = func(name string) string {
		if name == "AWS_ENDPOINT_URL_COGNITO_IDENTITY" {
			return u.aws.STSURL
		}
		return getenv(name)
	}
}

// print shows a token and how to call with it.
func (u sandboxUser) print(out io.Writer, service string, origins []string) {
	token := u.emulator.Token(u.aws.STSURL, "anna", sandboxUserLife)
	fmt.Fprintf(out, "\nTo call as a user who has signed in, with a token that is valid for an hour:\n\n   TOKEN=%s\n", token)
	body := fmt.Sprintf(`{"profile":"as-user","method":"GET","url":"%s/orders","service":"execute-api","region":"%s"}`,
		u.aws.GatewayURL, sandboxRegion)
	fmt.Fprintf(out, "   curl -s %s/v1/send -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n     -d '%s'\n",
		service, body)
	for _, origin := range origins { // what follows # stays in the browser
		page := url.Values{"service": {service}, "url": {u.aws.GatewayURL + "/orders"}, "token": {token}, "sandbox": {""}}
		fmt.Fprintf(out, "\nThe same from a web page, if that origin serves examples/browser.html:\n\n   %s/browser.html#%s\n",
			origin, page.Encode())
	}
	fmt.Fprintln(out, "\nThe profile as-user-pool goes through an identity pool. "+
		"With the API key from above, both respond with 403 login_required; as-guest needs neither key nor token.")
}
