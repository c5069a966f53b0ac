package access

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// TrustedHeader trusts the headers in which App Service authentication ("Easy Auth") says who called. Enable it only if
// that platform is in front and nothing else can reach the port, because any request with these headers is believed.
type TrustedHeader struct {
	// Tenant is the directory's id. Callers from other tenants are refused.
	Tenant string
	Admission
}

func (t *TrustedHeader) check() error {
	var tenant error
	if !isGUID(t.Tenant) {
		tenant = errors.New("callers.trusted_header.tenant: want the directory's id, a GUID in lower case")
	}
	return errors.Join(tenant, t.Admission.check("callers.trusted_header"))
}

// principal is the document in X-MS-CLIENT-PRINCIPAL (App Service, "Work with user identities", "Decode the client
// principal header").
type principal struct {
	Type   string `json:"auth_typ"`
	Claims []struct {
		Type  string `json:"typ"`
		Value string `json:"val"`
	} `json:"claims"`
}

const maxPrincipal = 32 << 10

func (t *TrustedHeader) authenticate(r *http.Request) (Caller, error) {
	values := r.Header.Values("X-Ms-Client-Principal")
	if len(values) != 1 || len(values[0]) > maxPrincipal {
		return Caller{}, bad("X-MS-CLIENT-PRINCIPAL is too long, or given more than once")
	}
	document, err := base64.StdEncoding.DecodeString(values[0])
	if err != nil {
		return Caller{}, bad("X-MS-CLIENT-PRINCIPAL is not base64")
	}
	var p principal
	if err := json.Unmarshal(document, &p); err != nil {
		return Caller{}, bad("X-MS-CLIENT-PRINCIPAL is not the platform's document")
	}
	if p.Type != "aad" {
		return Caller{}, bad("X-MS-CLIENT-PRINCIPAL is not from Microsoft Entra ID")
	}
	var who identity
	var tenant string
	single := map[string]*string{
		"appid": &who.application, "azp": &who.application,
		"oid": &who.object, "http://schemas.microsoft.com/identity/claims/objectidentifier": &who.object,
		"tid": &tenant, "http://schemas.microsoft.com/identity/claims/tenantid": &tenant,
	}
	for _, claim := range p.Claims {
		if field, known := single[claim.Type]; known {
			if *field != "" && *field != claim.Value {
				return Caller{}, bad(fmt.Sprintf("X-MS-CLIENT-PRINCIPAL has two values for %s", claim.Type))
			}
			*field = claim.Value
		}
		switch claim.Type {
		case "roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role":
			who.roles = append(who.roles, claim.Value)
		case "scp", "http://schemas.microsoft.com/identity/claims/scope":
			who.user = true
		}
	}
	if tenant != t.Tenant {
		return Caller{}, bad("X-MS-CLIENT-PRINCIPAL is of another tenant")
	}
	return t.admit(who, MethodTrustedHeader)
}
