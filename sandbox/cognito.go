package sandbox

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// poolAccount is the account of the identity pool's roles.
const poolAccount = "123456789012"

const cognitoTarget = "AWSCognitoIdentityService."

// IdentityPoolID returns the id of the only Amazon Cognito identity pool, which is served at the address of the STS.
// It accepts guests, and tokens of the issuer at that address.
func (s *Sandbox) IdentityPoolID() string {
	return s.opts.Region + ":" + "5a4db0c5-1111-4222-8333-444444444444"
}

// cognitoCall is the input of GetId and GetCredentialsForIdentity.
type cognitoCall struct {
	IdentityPoolID string `json:"IdentityPoolId"`
	IdentityID     string `json:"IdentityId"`
	Logins         map[string]string
}

// cognito serves calls to Amazon Cognito identity pools, which are not signed.
func (s *Sandbox) cognito(w http.ResponseWriter, r *http.Request, seen *Exchange) {
	seen.Action = strings.TrimPrefix(r.Header.Get("X-Amz-Target"), cognitoTarget)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	response, code, message := s.cognitoAct(r, seen)
	if code != "" {
		seen.Status, seen.Code = http.StatusBadRequest, code
		writeJSON(w, http.StatusBadRequest, map[string]string{"__type": code, "message": message})
		return
	}
	seen.Status = http.StatusOK
	writeJSON(w, http.StatusOK, response)
}

func (s *Sandbox) cognitoAct(r *http.Request, seen *Exchange) (response any, code, message string) {
	a, no := receive(r, stsBodyLimit)
	var in cognitoCall
	if no != nil || json.Unmarshal(a.body, &in) != nil {
		return nil, "SerializationException", "the request cannot be read"
	}
	who, code, message := s.login(in.Logins, a.host)
	if code != "" {
		return nil, code, message
	}
	switch seen.Action {
	case "GetId":
		if in.IdentityPoolID != s.IdentityPoolID() {
			return nil, "ResourceNotFoundException", "IdentityPool '" + in.IdentityPoolID + "' not found."
		}
		return map[string]string{"IdentityId": s.identityOf(who)}, "", ""
	case "GetCredentialsForIdentity":
		return s.credentialsForIdentity(in.IdentityID, who, seen)
	}
	return nil, "UnknownOperationException", ""
}

// login returns the subject of the logins; nil for a guest.
func (s *Sandbox) login(logins map[string]string, host string) (who *subject, code, message string) {
	for provider, token := range logins {
		if provider != host+IssuerPath {
			return nil, "NotAuthorizedException", "Token is not from a supported provider of this identity pool."
		}
		found, no := s.verifyToken(token, host)
		if no != nil {
			return nil, "NotAuthorizedException", "Invalid login token. " + no.message
		}
		who = &found
	}
	return who, "", ""
}

func (s *Sandbox) credentialsForIdentity(id string, who *subject, seen *Exchange) (response any, code, message string) {
	role := "Cognito_sandboxAuth_Role"
	switch {
	case who == nil && s.isGuest(id):
		role = "Cognito_sandboxUnauth_Role"
	case who == nil:
		return nil, "NotAuthorizedException", "Access to Identity '" + id + "' is forbidden."
	case id != s.identityOf(who):
		return nil, "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool."
	}
	assumed := principal{
		arn:    "arn:aws:sts::" + poolAccount + ":assumed-role/" + role + "/CognitoIdentityCredentials",
		userID: uniqueID("AROA", role) + ":CognitoIdentityCredentials", role: true,
	}
	seen.CallerARN = assumed.arn
	issued := s.issue(assumed, time.Hour)
	return map[string]any{"IdentityId": id, "Credentials": map[string]any{
		"AccessKeyId": issued.accessKeyID, "SecretKey": issued.secret, "SessionToken": issued.token, "Expiration": issued.expires.Unix(),
	}}, "", ""
}

// identityOf returns the user's identity, which is always the same, or a new one for a guest. A guest's id proves
// itself, so that none has to be remembered.
func (s *Sandbox) identityOf(who *subject) string {
	if who != nil {
		return s.identity(s.seal.mac("identity", []byte(who.issuer+"\n"+who.subject)))
	}
	half := s.nextID("guest")[:8]
	return s.identity(append(half, s.seal.mac("guest identity", half)[:8]...))
}

// NewGuest returns a new guest identity in the pool.
func (s *Sandbox) NewGuest() string { return s.identityOf(nil) }

func (s *Sandbox) isGuest(id string) bool {
	region, uuid, _ := strings.Cut(id, ":")
	b, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	return err == nil && len(b) == 16 && region == s.opts.Region && s.identity(append(b[:8:8], s.seal.mac("guest identity", b[:8])...)) == id
}

// identity formats 16 bytes as an identity id.
func (s *Sandbox) identity(b []byte) string {
	text := hex.EncodeToString(b[:16])
	return s.opts.Region + ":" + text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
