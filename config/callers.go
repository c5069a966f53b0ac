package config

import (
	"time"

	"countersign/access"
)

type callers struct {
	APIKeys       []apiKey       `yaml:"api_keys"`
	OIDC          []oidc         `yaml:"oidc"`
	Entra         *entra         `yaml:"entra"`
	Guest         *guest         `yaml:"guest"`
	TrustedHeader *trustedHeader `yaml:"trusted_header"`
}

// admission says which Microsoft Entra ID identities are callers.
type admission struct {
	Tenant  string            `yaml:"tenant"`
	Roles   []string          `yaml:"roles"`
	Users   bool              `yaml:"users"`
	Callers map[string]string `yaml:"callers"`
}

type entra struct {
	admission
	Audience texts  `yaml:"audience"`
	KeysURL  string `yaml:"keys_url"`
}

// oidc is an OpenID Connect issuer.
type oidc struct {
	Name       string            `yaml:"name"`
	Issuer     string            `yaml:"issuer"`
	Audience   texts             `yaml:"audience"`
	RolesClaim string            `yaml:"roles_claim"`
	Roles      []string          `yaml:"roles"`
	Callers    map[string]string `yaml:"callers"`
	Everyone   bool              `yaml:"everyone"`
}

// guest stands for all callers without credentials.
type guest struct {
	Profiles []string `yaml:"profiles"`
}

type trustedHeader struct {
	admission
}

// texts is one string or a list of strings.
type texts []string

type apiKey struct {
	ID      string    `yaml:"id"`
	SHA256  string    `yaml:"sha256" secret:""`
	Expires time.Time `yaml:"expires"`
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
			in.ID = access.DefaultKeyID // never the name in the key: whoever makes a key could use another caller's name
		}
		keys = append(keys, access.APIKey{ID: in.ID, SHA256: in.SHA256, Expires: in.Expires})
	}
	return keys
}
