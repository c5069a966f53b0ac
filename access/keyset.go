package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// The lifetimes of signing keys. Whatever key a token names, it cannot cause more than one fetch per keysAgain.
const (
	keysFresh    = time.Hour
	keysLastGood = 24 * time.Hour
	keysAgain    = 5 * time.Minute
	keysRetry    = 30 * time.Second // between attempts of [Authenticator.Run] after failures, at most
	keysFirst    = time.Second      // after the first failure
	keysTimeout  = 10 * time.Second
	maxKeysBody  = 256 << 10
)

// keySource is where an issuer publishes its signing keys.
type keySource struct {
	url    string // of the keys; empty if the issuer's configuration names it
	issuer string // if its configuration names the URL
}

// signingKey is a public signing key of an issuer.
type signingKey struct {
	public    any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	algorithm string // the only one that the issuer uses it with; empty if unspecified
}

// isFor reports whether the key may be used with the algorithm: the one that the issuer names, if any, and for elliptic
// curves the one that belongs to the curve (RFC 7518 section 3.4), which jws does not check.
func (k *signingKey) isFor(algorithm jwa.SignatureAlgorithm) bool {
	if key, ok := k.public.(*ecdsa.PublicKey); ok && curves[algorithm] != key.Curve {
		return false
	}
	return k.algorithm == "" || k.algorithm == algorithm.String()
}

var curves = map[jwa.SignatureAlgorithm]elliptic.Curve{
	jwa.ES256(): elliptic.P256(), jwa.ES384(): elliptic.P384(), jwa.ES512(): elliptic.P521(),
}

// keySet holds an issuer's signing keys.
type keySet struct {
	source keySource
	client *http.Client
	now    func() time.Time
	// fetched is called after each fetch, if it is not nil.
	fetched func(error)

	mu     sync.Mutex
	keys   map[string]*signingKey
	good   time.Time     // when the last successful fetch ended
	tried  time.Time     // when the last fetch started
	flight chan struct{} // closed when the current fetch ends; nil if there is none
}

func newKeySet(source keySource, transport http.RoundTripper, now func() time.Time) *keySet {
	return &keySet{source: source, now: now, client: &http.Client{
		Transport:     transport,
		Timeout:       keysTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// key returns the key named kid. A known key is returned at once, while an old set is refreshed in the background. For
// an unknown key it waits for a fetch, if one is due.
func (s *keySet) key(ctx context.Context, kid string) (*signingKey, error) {
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

// lookup returns the key named kid and the age of the set. It forgets keys that have expired. The caller holds the
// lock.
func (s *keySet) lookup(kid string) (*signingKey, time.Duration) {
	age := s.now().Sub(s.good)
	if age > keysLastGood {
		s.keys = nil
	}
	return s.keys[kid], age
}

// startFetch fetches the keys in its own goroutine, so that the end of one request does not cancel the fetch for
// others. The caller holds the lock.
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

func (s *keySet) fetch() (map[string]*signingKey, error) {
	address := s.source.url
	if address == "" {
		var err error
		if address, err = s.discover(); err != nil {
			return nil, err
		}
	}
	body, err := s.get(address)
	if err != nil {
		return nil, fmt.Errorf("fetching signing keys: %w", err)
	}
	return parseKeySet(body)
}

// discover gets the URL of the keys from the issuer (OpenID Connect Discovery 1.0 section 4).
func (s *keySet) discover() (string, error) {
	body, err := s.get(strings.TrimSuffix(s.source.issuer, "/") + "/.well-known/openid-configuration")
	if err != nil {
		return "", fmt.Errorf("fetching the issuer's configuration: %w", err)
	}
	var document struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return "", fmt.Errorf("decoding the issuer's configuration: %w", err)
	}
	if document.Issuer != s.source.issuer {
		return "", fmt.Errorf("the issuer calls itself %.200q in its configuration, not %q", document.Issuer, s.source.issuer)
	}
	if !isKeysURL(document.KeysURL) {
		return "", fmt.Errorf("jwks_uri in the issuer's configuration is %.200q; want an https URL", document.KeysURL)
	}
	return document.KeysURL, nil
}

func (s *keySet) get(address string) ([]byte, error) {
	response, err := s.client.Get(address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeysBody+1))
	if err == nil && len(body) > maxKeysBody {
		err = errors.New("the response is too long")
	}
	return body, err
}

// parseKeySet returns the keys that are for signatures. jwk rejects RSA keys below 2048 bits.
func parseKeySet(body []byte) (map[string]*signingKey, error) {
	set, err := jwk.Parse(body, jwk.WithIgnoreParseError(true)) // one invalid key must not spoil the others
	if err != nil {
		return nil, fmt.Errorf("decoding signing keys: %w", err)
	}
	keys := map[string]*signingKey{}
	for i := range set.Len() {
		key, _ := set.Key(i)
		kid, named := key.KeyID()
		usage, _ := key.KeyUsage()
		public := publicKey(key)
		if !named || usage != "" && usage != "sig" || public == nil {
			continue
		}
		parsed := &signingKey{public: public}
		if algorithm, ok := key.Algorithm(); ok {
			parsed.algorithm = algorithm.String()
		}
		keys[kid] = parsed
	}
	if len(keys) == 0 {
		return nil, errors.New("decoding signing keys: there are none")
	}
	return keys, nil
}

// publicKey returns the key if it is a public key, and nil for others, such as HMAC keys.
func publicKey(key jwk.Key) any {
	var r rsa.PublicKey
	var e ecdsa.PublicKey
	var ed ed25519.PublicKey
	switch {
	case jwk.Export(key, &r) == nil:
		return &r
	case jwk.Export(key, &e) == nil:
		return &e
	case jwk.Export(key, &ed) == nil:
		return ed
	}
	return nil
}

// run keeps the keys fresh until ctx ends, so that no request waits for them.
func (s *keySet) run(ctx context.Context) {
	retry := keysFirst
	s.mu.Lock()
	fresh := s.keys != nil
	age := s.now().Sub(s.good)
	s.mu.Unlock()
	if fresh && age < keysFresh { // taken over from the previous authenticator
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
