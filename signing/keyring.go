package signing

import (
	"crypto/sha256"
	"strings"
	"sync"
)

// keyring keeps the derived keys of one day.
type keyring struct {
	max  int
	mu   sync.RWMutex
	day  string
	keys map[keyID]Key
}

// keyID names a key by all that it is derived from but the day: a secret that
// is changed under the same access key id is another key.
type keyID struct {
	secret          [sha256.Size]byte
	accessKeyID     string // ECDSA only
	region, service string // HMAC only
}

// key returns the signing key for a request on a day.
func (k *keyring) key(r *Request, day string) (Key, error) {
	id := keyID{secret: r.Credentials.secret().id}
	if r.Algorithm == ECDSA {
		id.accessKeyID = r.Credentials.AccessKeyID
	} else {
		id.region, id.service = r.Scope.Region, r.Scope.Service
	}
	k.mu.RLock()
	key, found := k.keys[id]
	found = found && k.day == day
	k.mu.RUnlock()
	if found {
		return key, nil
	}
	key, err := deriveKey(r.Algorithm, r.Credentials, day, r.Scope)
	if err == nil && k.max > 0 {
		k.keep(id, key, day)
	}
	return key, err
}

// keep stores a key. Keys of another day are dropped, and where there is no room
// an arbitrary one is: all are as cheap to derive again.
func (k *keyring) keep(id keyID, key Key, day string) {
	// The strings may be parts of a whole request, which would be kept as well.
	id.accessKeyID = strings.Clone(id.accessKeyID)
	id.region, id.service = strings.Clone(id.region), strings.Clone(id.service)

	k.mu.Lock()
	defer k.mu.Unlock()
	if k.day != day || k.keys == nil {
		k.day, k.keys = day, make(map[keyID]Key)
	}
	if len(k.keys) >= k.max {
		for other := range k.keys {
			delete(k.keys, other)
			break
		}
	}
	k.keys[id] = key
}
