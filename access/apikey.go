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

// APIKey is a caller's key as the configuration holds it. Several may carry one
// ID: that is how a key is rotated without a gap.
type APIKey struct {
	// ID names the caller. Empty: the name in a key that [NewKey] made, else
	// [DefaultKeyID]. Leave it empty only where whoever made the key may choose
	// the name.
	ID string
	// SHA256 is the SHA-256 of the whole key as it is presented, prefix and
	// all, in 64 hexadecimal digits. A key of 256 random bits needs no slow hash.
	SHA256 string
	// Expires is when the key stops working; the zero time means never.
	Expires time.Time
}

const (
	// DefaultKeyID names the caller of a key that no name is known for.
	DefaultKeyID = "default"
	// maxKeyLength bounds the bytes that a stranger can have hashed.
	maxKeyLength = 512
	maxIDLength  = 64
	secretLength = 32 // bytes of a key that NewKey makes
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

// checkCallerID returns why id cannot name a caller, or "". No dot, because a
// key is id.secret; nothing that a session name in AWS could not show.
func checkCallerID(id string) string {
	if id == "" || len(id) > maxIDLength || !allBytes(id, func(c byte) bool { return letterOrDigit(c) || c == '-' || c == '_' }) {
		return "want 1 to 64 of letters, digits, '-' and '_'"
	}
	if id == Anonymous {
		return "reserved for callers that are not authenticated"
	}
	return ""
}

// apiKey compares the presented key with every stored one, whatever its prefix
// claims, so that neither an unknown id nor a key's place in the list shows in
// the time that the response takes.
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
		id = nameIn(key)
	}
	return Caller{ID: id, Method: MethodAPIKey}, nil
}

// nameIn is the caller's name in a key that [NewKey] made. It is as good as one
// in the configuration, since the hash that matched is of the whole key. Other
// keys have none: what stands before a dot of theirs may be secret.
func nameIn(key string) string {
	id, secret, _ := strings.Cut(key, ".")
	random, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(random) != secretLength || checkCallerID(id) != "" {
		return DefaultKeyID
	}
	return id
}

// NewKey makes a key for the caller id: "id.secret" with 256 random bits, and
// the entry to put into the configuration. The key is shown to its owner once and
// stored nowhere. random is crypto/rand's reader everywhere but in tests.
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
