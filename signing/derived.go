package signing

import "sync/atomic"

// keptKeys is how many derived keys credentials keep, one for each service and region.
const keptKeys = 8

// derivedKeys are the keys most recently derived from one secret on one day, newest first. They
// live as long as the credentials, so there is no global cache to bound or to clear.
type derivedKeys struct{ newest atomic.Pointer[derivedKey] }

// derivedKey is a key and everything it was derived from except the secret. It is immutable once
// published.
type derivedKey struct {
	accessKeyID, scope string
	key                keySecret
	older              *derivedKey
}

// signingKey returns the key for a credential scope, from the cache or newly derived.
func (c Credentials) signingKey(a Algorithm, scope []byte, s Scope) (*keySecret, error) {
	keys := &c.secret().keys
	newest := keys.newest.Load()
	for k := newest; k != nil; k = k.older {
		if k.scope == string(scope) && k.accessKeyID == c.AccessKeyID {
			return &k.key, nil
		}
	}
	date := string(scope[:day])
	key, err := deriveKey(a, c, date, s)
	if err != nil {
		return nil, err
	}
	keys.newest.Store(&derivedKey{c.AccessKeyID, string(scope), *key, newest.upTo(keptKeys-1, date)})
	return key, nil
}

// upTo returns a copy of the newest n keys, ending before the first of another day.
func (k *derivedKey) upTo(n int, date string) *derivedKey {
	if k == nil || n == 0 || k.scope[:day] != date {
		return nil
	}
	return &derivedKey{k.accessKeyID, k.scope, k.key, k.older.upTo(n-1, date)}
}
