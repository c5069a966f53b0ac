package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// APIKey is a caller's key as configured. Several keys may have the same ID, so that a key can be rotated without
// downtime.
type APIKey struct {
	// ID names the caller. If empty, the caller has the name in a key that [NewKey] made, or else [DefaultKeyID]. Leave
	// it empty only if whoever made the key may choose the name.
	ID string
	// SHA256 is the SHA-256 of the whole key as presented, including the prefix, in 64 hexadecimal digits. A key of 256
	// random bits needs no slow hash.
	SHA256 string
	// Expires is when the key stops working. The zero time means never.
	Expires time.Time
}

const (
	// DefaultKeyID names the caller if neither the configuration nor the key gives a name.
	DefaultKeyID = "default"
	// maxKeyLength limits how many bytes an unauthenticated client can make the service hash.
	maxKeyLength = 512
	maxIDLength  = 64
	secretLength = 32 // random bytes in a key made by NewKey
)

type storedKey struct {
	id      string
	hash    [sha256.Size]byte
	expires time.Time
}

func parseKeys(keys []APIKey) ([]storedKey, error) {
	var faults []error
	seen := make(map[[sha256.Size]byte]int, len(keys))
	stored := make([]storedKey, 0, len(keys))
	for i, k := range keys {
		fault := func(field, reason string) {
			faults = append(faults, fmt.Errorf("callers.api_keys[%d].%s: %s", i, field, reason))
		}
		s := storedKey{id: k.ID, expires: k.Expires}
		if reason := checkCallerID(s.id); s.id != "" && reason != "" {
			fault("id", reason)
		}
		if len(k.SHA256) != 2*sha256.Size {
			fault("sha256", "want the key's SHA-256 in 64 hexadecimal digits")
			continue
		}
		if _, err := hex.Decode(s.hash[:], []byte(k.SHA256)); err != nil {
			fault("sha256", "want the key's SHA-256 in 64 hexadecimal digits")
			continue
		}
		if s.hash == sha256.Sum256(nil) || s.hash == sha256.Sum256([]byte("\n")) {
			fault("sha256", "is the hash of an empty key")
		}
		if first, again := seen[s.hash]; again {
			fault("sha256", fmt.Sprintf("the same key as callers.api_keys[%d]", first))
		}
		seen[s.hash] = i
		stored = append(stored, s)
	}
	return stored, errors.Join(faults...)
}

// checkCallerID returns why id cannot name a caller, or "". Dots are not allowed because a key is id.secret; the other
// characters are limited to those that AWS allows in session names.
func checkCallerID(id string) string {
	if id == "" || len(id) > maxIDLength || !allBytes(id, func(c byte) bool { return letterOrDigit(c) || c == '-' || c == '_' }) {
		return "want 1 to 64 of letters, digits, '-' and '_'"
	}
	if id == Anonymous {
		return "reserved for callers that are not authenticated"
	}
	return ""
}

// apiKey authenticates an API key. It compares the key with every stored one, whatever its prefix says, so that the
// response time reveals neither unknown ids nor a key's position in the list.
func (a *Authenticator) apiKey(key string) (Caller, error) {
	if key == "" {
		return Caller{}, ErrNoCredentials
	}
	if len(key) > maxKeyLength {
		return Caller{}, bad("key is too long")
	}
	var space [maxKeyLength]byte
	hash := sha256.Sum256(append(space[:0], key...))
	found := -1
	for i := range a.keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], a.keys[i].hash[:]), i, found)
	}
	if found < 0 {
		return Caller{}, bad("no such API key")
	}
	k := &a.keys[found]
	if !k.expires.IsZero() && !a.now().Before(k.expires) {
		return Caller{}, bad("API key has expired")
	}
	id := k.id
	if id == "" {
		id = nameInKey(key)
	}
	return Caller{ID: id, Method: MethodAPIKey}, nil
}

// nameInKey returns the caller's name in a key made by [NewKey]. It is as trustworthy as a configured name, because the
// hash that matched covers the whole key. For other keys it returns [DefaultKeyID]: the text before a dot may be
// secret.
func nameInKey(key string) string {
	id, secret, _ := strings.Cut(key, ".")
	random, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(random) != secretLength || checkCallerID(id) != "" {
		return DefaultKeyID
	}
	return id
}

// NewKey makes a key for the caller id, "id.secret" with 256 random bits, and the entry for the configuration. The key
// is shown to its owner once and never stored. random is the crypto/rand reader except in tests.
func NewKey(random io.Reader, id string) (key string, entry APIKey, err error) {
	if reason := checkCallerID(id); reason != "" {
		return "", APIKey{}, fmt.Errorf("id: %s", reason)
	}
	var secret [secretLength]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", APIKey{}, fmt.Errorf("reading random bytes: %w", err)
	}
	key = id + "." + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(key))
	return key, APIKey{ID: id, SHA256: hex.EncodeToString(hash[:])}, nil
}
