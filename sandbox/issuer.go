package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// IssuerPath is the path, at the address of the STS, of an OpenID Connect issuer for an application's users.
const IssuerPath = "/issuer"

// Audience is the audience of the tokens that the sandbox accepts.
const Audience = "sandbox"

const issuerKeyID = "sandbox"

var b64 = base64.RawURLEncoding

// newIssuerKey makes the key that signs the tokens.
func newIssuerKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return key
}

// Token returns a token of the issuer at the address of an STS, for a user who has signed in.
func (s *Sandbox) Token(stsURL, subject string, life time.Duration) string {
	now := s.opts.Now().Unix()
	return s.signToken(map[string]any{
		"iss": stsURL + IssuerPath, "aud": Audience, "sub": subject, "iat": now, "exp": now + int64(life/time.Second), "token_use": "id",
	})
}

func (s *Sandbox) signToken(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	text := b64.EncodeToString([]byte(`{"alg":"ES256","kid":"`+issuerKeyID+`","typ":"JWT"}`)) + "." + b64.EncodeToString(payload)
	sum := sha256.Sum256([]byte(text))
	r, z, err := ecdsa.Sign(rand.Reader, s.issuer, sum[:])
	if err != nil {
		panic(err) // the hash has the right length
	}
	signature := make([]byte, 64) // RFC 7518, section 3.4
	r.FillBytes(signature[:32])
	z.FillBytes(signature[32:])
	return text + "." + b64.EncodeToString(signature)
}

// serveIssuer serves what token verifiers request (OpenID Connect Discovery 1.0, RFC 7517).
func (s *Sandbox) serveIssuer(w http.ResponseWriter, r *http.Request) {
	issuer := "http://" + r.Host + IssuerPath
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case IssuerPath + "/.well-known/openid-configuration":
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": issuer, "jwks_uri": issuer + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
			"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		})
	case IssuerPath + "/keys":
		point, err := s.issuer.PublicKey.Bytes()
		if err != nil {
			panic(err) // it is a point on P-256
		}
		writeJSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{
			"kty": "EC", "crv": "P-256", "kid": issuerKeyID, "use": "sig", "alg": "ES256",
			"x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:]),
		}}})
	default:
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "not_found"})
	}
}

// subject is the user that a token identifies.
type subject struct{ issuer, subject string }

// verifyToken accepts tokens of the issuer at host, and refuses others in the words of STS.
func (s *Sandbox) verifyToken(token, host string) (subject, *refusal) {
	bad := func(message string) (subject, *refusal) { return subject{}, &refusal{kind: badToken, message: message} }
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return bad("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	var header struct{ Alg, Kid string }
	var claims struct {
		Iss, Sub, Aud string
		Exp           int64
	}
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) {
		return bad("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	issuer := "http://" + host + IssuerPath
	now := s.opts.Now()
	switch {
	case claims.Iss != issuer:
		return bad("No OpenIDConnect provider found in your account for " + claims.Iss)
	case header.Alg != "ES256" || header.Kid != issuerKeyID || !s.signed(parts):
		return bad("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation " +
			"for requirements")
	case claims.Aud != Audience:
		return bad("Incorrect token audience")
	case claims.Sub == "":
		return bad("Missing a required claim: sub")
	case now.Unix() >= claims.Exp:
		return subject{}, &refusal{kind: tokenOver, message: fmt.Sprintf(
			"Token expired: current date/time %d must be before the expiration date/time%d", now.Unix(), claims.Exp)}
	}
	return subject{issuer, claims.Sub}, nil
}

func decodePart(part string, into any) bool {
	text, err := b64.Strict().DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

func (s *Sandbox) signed(parts []string) bool {
	signature, err := b64.Strict().DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, z := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(&s.issuer.PublicKey, sum[:], r, z)
}
