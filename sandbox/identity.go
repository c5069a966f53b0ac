package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// principal is the owner of a set of credentials.
type principal struct {
	arn     string
	userID  string
	secret  string
	expires time.Time // zero: long-term credentials
	role    bool      // from AssumeRole, which limits what it may assume
}

func (p principal) session() bool { return !p.expires.IsZero() }

func (p principal) account() string { return strings.Split(p.arn, ":")[4] }

// lookup finds the principal of an access key. Session keys begin with ASIA and are worthless without their token; a
// long-term key must come without one.
func (s *Sandbox) lookup(accessKeyID, token string) (principal, bool) {
	if !strings.HasPrefix(accessKeyID, "ASIA") {
		u, ok := s.users[accessKeyID]
		return principal{arn: u.ARN, userID: uniqueID("AIDA", u.ARN), secret: u.SecretAccessKey}, ok && token == ""
	}
	t, ok := s.seal.open(token)
	if !ok || t.AccessKeyID != accessKeyID {
		return principal{}, false
	}
	return principal{
		arn: t.ARN, userID: t.UserID, role: t.Role,
		secret:  s.seal.secretOf(accessKeyID),
		expires: time.Unix(t.Expires, 0).UTC(),
	}, true
}

// session is a newly issued set of temporary credentials.
type session struct {
	accessKeyID, secret, token string
	expires                    time.Time
}

// issue makes credentials for a principal that end after d, in whole seconds like STS's Expiration.
func (s *Sandbox) issue(p principal, d time.Duration) session {
	id := "ASIASANDBOX" + base32.StdEncoding.EncodeToString(s.nextID("access key id"))[:9]
	expires := s.opts.Now().UTC().Truncate(time.Second).Add(d)
	token := s.seal.seal(tokenText{AccessKeyID: id, Expires: expires.Unix(), ARN: p.arn, UserID: p.userID, Role: p.role})
	return session{accessKeyID: id, secret: s.seal.secretOf(id), token: token, expires: expires}
}

// uniqueID makes an identifier as IAM gives to users and roles.
func uniqueID(prefix, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return prefix + "SANDBOX" + base32.StdEncoding.EncodeToString(sum[:])[:10]
}

// sealer derives all secrets from one key, so that no session has to be remembered: secrets from the access key id,
// and tokens carry their content and a MAC of it.
type sealer struct{ key [32]byte }

// tokenText is the content of a session token.
type tokenText struct {
	AccessKeyID string `json:"k"`
	Expires     int64  `json:"e"`
	ARN         string `json:"a"`
	UserID      string `json:"u"`
	Role        bool   `json:"r,omitempty"`
}

func (s *sealer) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write([]byte(purpose + "\n"))
	h.Write(data)
	return h.Sum(nil)
}

// secretOf returns 40 characters, as long as AWS's secret keys.
func (s *sealer) secretOf(accessKeyID string) string {
	return base64.StdEncoding.EncodeToString(s.mac("secret access key", []byte(accessKeyID)))[:40]
}

// seal returns standard Base64 with its plus, slash and equals signs, which AWS's tokens have and bad encoders trip
// over.
func (s *sealer) seal(t tokenText) string {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings, a number and a boolean always marshal
	}
	return base64.StdEncoding.EncodeToString(append(s.mac("session token", text), text...))
}

func (s *sealer) open(token string) (tokenText, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < sha256.Size || strings.ContainsAny(token, "\r\n") {
		return tokenText{}, false
	}
	mac, text := raw[:sha256.Size], raw[sha256.Size:]
	if !hmac.Equal(mac, s.mac("session token", text)) {
		return tokenText{}, false
	}
	var t tokenText
	err = json.Unmarshal(text, &t)
	return t, err == nil
}

// arn is the part of an ARN that the sandbox reads.
type arn struct{ partition, account, name string } // name: without the path

// parseARN reads arn:{partition}:iam::{account}:{kind}{path}{name}.
func parseARN(raw, kind string) (arn, bool) {
	parts := strings.SplitN(raw, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" || len(parts[4]) != 12 ||
		strings.Trim(parts[4], "0123456789") != "" {
		return arn{}, false
	}
	name, ok := strings.CutPrefix(parts[5], kind)
	name = name[strings.LastIndexByte(name, '/')+1:]
	return arn{partition: parts[1], account: parts[4], name: name}, ok && name != ""
}
