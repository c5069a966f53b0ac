package config

import (
	"time"

	"countersign/access"
)

type callers struct {
	APIKeys       []apiKey       `yaml:"api_keys" help:"API keys, of which only the hashes are kept. countersign key new makes them."`
	OIDC          []oidc         `yaml:"oidc" help:"Callers with a token of another issuer: Amazon Cognito, Auth0, Okta, Keycloak."`
	Entra         *entra         `yaml:"entra" help:"Callers with a token of Microsoft Entra ID."`
	Guest         *guest         `yaml:"guest" help:"Whoever calls /v1/sign or /v1/send without credentials, as one caller, five times a second from an address. Default: nobody."`
	TrustedHeader *trustedHeader `yaml:"trusted_header" help:"Callers that App Service authentication has signed in. Only where nothing else reaches the port."`
}

// admission says which identities of Microsoft Entra ID are callers.
type admission struct {
	Tenant  string            `yaml:"tenant" help:"ID of the directory, a GUID in lower case."`
	Roles   []string          `yaml:"roles" help:"App roles, of which a caller needs one."`
	Users   bool              `yaml:"users" help:"Let people in, beside applications."`
	Callers map[string]string `yaml:"callers" help:"Names of callers, by the ID of the application or of the person's object."`
}

type entra struct {
	admission
	Audience texts  `yaml:"audience" help:"Audience of the tokens, one or a list: the application's ID URI or its client ID."`
	KeysURL  string `yaml:"keys_url" help:"Where the signing keys are. Default: the tenant's at login.microsoftonline.com."`
}

// oidc is an issuer of OpenID Connect.
type oidc struct {
	Name       string            `yaml:"name" help:"Name of the issuer, before the IDs and roles of its callers: shop:auth0|5f7c."`
	Issuer     string            `yaml:"issuer" help:"The iss of its tokens, letter for letter; its signing keys are found from there."`
	Audience   texts             `yaml:"audience" help:"Audience of the tokens, one or a list: a client ID or an API identifier."`
	RolesClaim string            `yaml:"roles_claim" help:"Claim that holds roles: cognito:groups, groups, scope, realm_access.roles."`
	Roles      []string          `yaml:"roles" help:"Roles, of which a caller needs one."`
	Callers    map[string]string `yaml:"callers" help:"Names of callers, by the sub of their tokens. They need no role."`
	Everyone   bool              `yaml:"everyone" help:"Let in whoever has a token for the audience."`
}

// guest is everybody without credentials.
type guest struct {
	Profiles []string `yaml:"profiles" help:"Profiles that guests may use, whatever policies say."`
}

type trustedHeader struct {
	admission
}

// texts is one text or a list of them.
type texts []string

type apiKey struct {
	ID      string    `yaml:"id" help:"Name of the caller. Default: default."`
	SHA256  string    `yaml:"sha256" secret:"" help:"SHA-256 of the key in 64 hexadecimal digits."`
	Expires time.Time `yaml:"expires" help:"Day or time at which the key stops working, as 2027-01-31 or 2027-01-31T12:00:00Z."`
}

func (a *admission) options() access.Admission {
	return access.Admission{Roles: a.Roles, Users: a.Users, Callers: a.Callers}
}

func (d *document) entra() *access.Entra {
	e := d.Callers.Entra
	if e == nil {
		return nil
	}
	return &access.Entra{Tenant: e.Tenant, Audiences: e.Audience, Admission: e.options(), KeysURL: e.KeysURL}
}

func (d *document) guest() *access.Guest {
	if d.Callers.Guest == nil {
		return nil
	}
	return &access.Guest{Profiles: d.Callers.Guest.Profiles}
}

func (d *document) oidc() []access.OIDC {
	var issuers []access.OIDC
	for _, in := range d.Callers.OIDC {
		issuers = append(issuers, access.OIDC{
			Name: in.Name, Issuer: in.Issuer, Audiences: in.Audience, RolesClaim: in.RolesClaim,
			Roles: in.Roles, Callers: in.Callers, Everyone: in.Everyone,
		})
	}
	return issuers
}

func (d *document) trustedHeader() *access.TrustedHeader {
	h := d.Callers.TrustedHeader
	if h == nil {
		return nil
	}
	return &access.TrustedHeader{Tenant: h.Tenant, Admission: h.options()}
}

func (d *document) apiKeys() []access.APIKey {
	var keys []access.APIKey
	for _, in := range d.Callers.APIKeys {
		if in.ID == "" {
			in.ID = access.DefaultKeyID // never the name in the key: who makes a key could take another caller's
		}
		keys = append(keys, access.APIKey{ID: in.ID, SHA256: in.SHA256, Expires: in.Expires})
	}
	return keys
}
