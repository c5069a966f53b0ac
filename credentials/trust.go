package credentials

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// claims are the parts of a web identity token that AWS checks.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Version  string   `json:"ver"`
	Party    string   `json:"azp"`
	Expires  float64  `json:"exp"`
}

// audience is one string or several.
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// decodeClaims reads a token without verifying it: AWS does that.
func decodeClaims(token string) *claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var c claims
	if json.Unmarshal(text, &c) != nil {
		return nil
	}
	return &c
}

func (c *claims) describe() string {
	return fmt.Sprintf("iss %q, aud %q, sub %q, ver %q, until %s", c.Issuer, []string(c.Audience), c.Subject, c.Version,
		time.Unix(int64(c.Expires), 0).UTC().Format(time.RFC3339))
}

// audience returns the audience that AWS compares: azp if the token has it, otherwise aud (IAM User Guide, keys for web
// identity federation).
func (c *claims) audience() string {
	if c.Party != "" {
		return c.Party
	}
	if len(c.Audience) > 0 {
		return c.Audience[0]
	}
	return ""
}

// advice says what about the token is known not to work.
func (c *claims) advice(p *profile) string {
	switch {
	case p.Source == SourceAzureIdentity && c.Version == "2.0":
		return "this is a v2.0 token, which AWS refuses; set requestedAccessTokenVersion of the app registration to null or 1"
	case p.Source == SourceAzureIdentity && len(c.Audience) == 1 && c.Audience[0] != p.Azure.Audience:
		return fmt.Sprintf("the token's aud is not azure.audience %q: the identity provider must list the token's", p.Azure.Audience)
	case strings.HasPrefix(c.Issuer, "https://sts.windows.net/") && !strings.HasSuffix(c.Issuer, "/"):
		return "Azure's issuer ends with a slash, but this one does not"
	case c.Subject == "":
		return "the token has no sub, without which AWS refuses it"
	}
	return ""
}

type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Principal map[string]string
	Action    []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// cognitoIssuer is the only issuer that needs no identity provider in the account.
const cognitoIssuer = "cognito-identity.amazonaws.com"

// trustToken returns the role's trust policy for the token, with conditions on aud and on sub: with aud alone every
// identity in the tenant would be admitted.
func (p *profile) trustToken(c *claims) string {
	provider := strings.TrimPrefix(c.Issuer, "https://")
	principal := provider
	if provider != cognitoIssuer {
		principal = fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", p.role.part(1, "aws"), p.role.part(4, "ACCOUNT"), provider)
	}
	return trust(statement{
		Principal: map[string]string{"Federated": principal},
		Action:    []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string]string{"StringEquals": {
			provider + ":aud": c.audience(), provider + ":sub": c.Subject,
		}},
	})
}

// trustKeys returns the role's trust policy for a caller with keys.
func (p *profile) trustKeys(caller string) string {
	s := statement{
		Principal: map[string]string{"AWS": roleOf(caller)},
		Action:    []string{"sts:AssumeRole"},
	}
	if len(p.role.tags) > 0 {
		s.Action = append(s.Action, "sts:TagSession")
	}
	if p.role.source != "" {
		s.Action = append(s.Action, "sts:SetSourceIdentity")
	}
	if p.role.externalID != "" {
		s.Condition = map[string]map[string]string{"StringEquals": {"sts:ExternalId": p.role.externalID}}
	}
	return trust(s)
}

// trustCertificate returns the role's trust policy for a certificate, with a condition on its subject: with the trust
// anchor alone every certificate from the CA would be admitted.
func trustCertificate(p *pair, anchor string) string {
	return trust(statement{
		Principal: map[string]string{"Service": "rolesanywhere.amazonaws.com"},
		Action:    []string{"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"},
		Condition: map[string]map[string]string{
			"StringEquals": {"aws:PrincipalTag/x509Subject/CN": p.leaf.Subject.CommonName},
			"ArnEquals":    {"aws:SourceArn": anchor},
		},
	})
}

func trust(s statement) string {
	s.Effect = "Allow"
	text, err := json.MarshalIndent(document{Version: "2012-10-17", Statement: []statement{s}}, "", "  ")
	if err != nil {
		return ""
	}
	return string(text)
}

// part returns the nth part of the role's ARN, or otherwise if it is missing.
func (r *role) part(n int, otherwise string) string {
	if parts := strings.SplitN(r.arn, ":", 6); len(parts) == 6 && parts[n] != "" {
		return parts[n]
	}
	return otherwise
}

// roleOf turns the ARN of a session into that of its role, as far as possible: the role's path is not in it.
func roleOf(arn string) string {
	head, session, ok := strings.Cut(arn, ":assumed-role/")
	if !ok {
		return arn
	}
	name, _, _ := strings.Cut(session, "/")
	return strings.Replace(head, ":sts:", ":iam:", 1) + ":role/" + name
}
