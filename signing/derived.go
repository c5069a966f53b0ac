package signing

import (
	"slices"
	"sync/atomic"
)

// keptKeys is how many derived keys credentials keep: a key for each service
// and region that they sign for.
const keptKeys = 8

// derivedKeys are the keys that were last derived from one secret, on one day.
// They live and end with the credentials, so that there is no store of keys to
// bound or to clear. A list is replaced, never changed.
type derivedKeys struct {
	list atomic.Pointer[[]derivedKey]
}

// derivedKey is a key and all that it was derived from beside the secret.
type derivedKey struct {
	accessKeyID, scope string
	key                *keySecret
}

// signingKey returns the key for a credential scope, kept or derived now.
func (c Credentials) signingKey(a Algorithm, scope []byte, s Scope) (*keySecret, error) {
	keys := &c.secret().keys
	var kept []derivedKey
	if list := keys.list.Load(); list != nil {
		kept = *list
	}
	for i := range kept {
		if k := &kept[i]; k.scope == string(scope) && k.accessKeyID == c.AccessKeyID {
			return k.key, nil
		}
	}
	date := string(scope[:day])
	key, err := deriveKey(a, c, date, s)
	if err != nil {
		return nil, err
	}
	// The newest comes first; those of another day are of no more use.
	list := make([]derivedKey, 1, keptKeys)
	list[0] = derivedKey{accessKeyID: c.AccessKeyID, scope: string(scope), key: key}
	for _, k := range kept[:min(len(kept), keptKeys-1)] {
		if k.scope[:day] == date {
			list = append(list, k)
		}
	}
	list = slices.Clip(list)
	keys.list.Store(&list)
	return key, nil
}
