package access

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

// The life of signing keys. Tokens cannot make fetches happen more often than
// once in keysAgain, whatever key they name.
const (
	keysFresh    = time.Hour
	keysLastGood = 24 * time.Hour
	keysAgain    = 5 * time.Minute
	keysRetry    = 30 * time.Second // of [Authenticator.Run] after failures, at most
	keysFirst    = time.Second      // and after the first
	keysTimeout  = 10 * time.Second
	maxKeysBody  = 256 << 10
)

// keySet holds the keys that an issuer signs with.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time
	// fetched learns of each fetch; nil for nobody.
	fetched func(error)

	mu     sync.Mutex
	keys   map[string]*rsa.PublicKey
	good   time.Time     // of the last fetch that succeeded
	tried  time.Time     // of the last fetch
	flight chan struct{} // closed when the fetch that is under way ends; nil without one
}

func newKeySet(address string, transport http.RoundTripper, now func() time.Time) *keySet {
	return &keySet{url: address, now: now, client: &http.Client{
		Transport:     transport,
		Timeout:       keysTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// key returns the key named kid. A key that is known is returned at once, while
// an old set is fetched anew; one that is not known waits for a fetch, if one is
// due.
func (s *keySet) key(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	s.mu.Lock()
	key, age := s.lookup(kid)
	if key == nil || age > keysFresh {
		if s.flight == nil && (s.tried.IsZero() || s.now().Sub(s.tried) >= keysAgain) {
			s.startFetch()
		}
	}
	flight := s.flight
	s.mu.Unlock()
	if key != nil {
		return key, nil
	}
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: waiting for the signing keys: %w", ErrUnavailable, ctx.Err())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, _ = s.lookup(kid); key != nil {
		return key, nil
	}
	if s.keys == nil {
		return nil, fmt.Errorf("%w: there are no signing keys", ErrUnavailable)
	}
	return nil, bad("token's key is not known")
}

// lookup forgets keys past their time. The caller holds the lock.
func (s *keySet) lookup(kid string) (*rsa.PublicKey, time.Duration) {
	age := s.now().Sub(s.good)
	if age > keysLastGood {
		s.keys = nil
	}
	return s.keys[kid], age
}

// startFetch fetches the keys in a goroutine of its own, so that the end of one
// request does not end it for the others. The caller holds the lock.
func (s *keySet) startFetch() chan struct{} {
	s.tried = s.now()
	s.flight = make(chan struct{})
	flight := s.flight
	go func() {
		keys, err := s.fetch()
		if s.fetched != nil {
			s.fetched(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.keys, s.good = keys, s.now()
		}
		s.flight = nil
		close(flight)
	}()
	return flight
}

func (s *keySet) fetch() (map[string]*rsa.PublicKey, error) {
	response, err := s.client.Get(s.url)
	if err != nil {
		return nil, fmt.Errorf("fetching signing keys: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching signing keys: status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeysBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading signing keys: %w", err)
	}
	if len(body) > maxKeysBody {
		return nil, errors.New("reading signing keys: too long")
	}
	return parseKeySet(body)
}

// parseKeySet keeps the RSA keys that are for signatures. Those below 2048 bits
// jwk does not read.
func parseKeySet(body []byte) (map[string]*rsa.PublicKey, error) {
	set, err := jwk.Parse(body, jwk.WithIgnoreParseError(true)) // one odd key does not spoil the others
	if err != nil {
		return nil, fmt.Errorf("decoding signing keys: %w", err)
	}
	keys := map[string]*rsa.PublicKey{}
	for i := range set.Len() {
		key, _ := set.Key(i)
		kid, named := key.KeyID()
		usage, _ := key.KeyUsage()
		var public rsa.PublicKey
		if !named || usage != "" && usage != "sig" || jwk.Export(key, &public) != nil {
			continue
		}
		keys[kid] = &public
	}
	if len(keys) == 0 {
		return nil, errors.New("decoding signing keys: there are none")
	}
	return keys, nil
}

// run keeps the keys fresh until ctx ends, so that no request waits for them.
func (s *keySet) run(ctx context.Context) {
	retry := keysFirst
	s.mu.Lock()
	fresh := s.keys != nil
	age := s.now().Sub(s.good)
	s.mu.Unlock()
	if fresh && age < keysFresh { // fetched by the authenticator before
		select {
		case <-time.After(keysFresh - age):
		case <-ctx.Done():
		}
	}
	for ctx.Err() == nil {
		s.mu.Lock()
		flight := s.flight
		if flight == nil {
			flight = s.startFetch()
		}
		s.mu.Unlock()
		wait := retry
		select {
		case <-flight:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		if s.keys != nil && s.now().Sub(s.good) < keysRetry {
			wait, retry = keysFresh, keysFirst
		} else {
			retry = min(2*retry, keysRetry)
		}
		s.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}
