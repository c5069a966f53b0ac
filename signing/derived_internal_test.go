package signing

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"
)

// signingKeyAt returns the key for a service on a day in August 2015.
func signingKeyAt(t *testing.T, c Credentials, a Algorithm, service string, dayOfMonth int) *keySecret {
	t.Helper()
	s := Scope{Service: service, Region: "us-east-1"}
	scope := CredentialScope(a, time.Date(2015, 8, dayOfMonth, 12, 0, 0, 0, time.UTC), s)
	key, err := c.signingKey(a, []byte(scope), s)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func kept(c Credentials) (n int) {
	for k := c.secret().keys.newest.Load(); k != nil; k = k.older {
		n++
	}
	return n
}

func TestSigningKey_IsDerivedOnce(t *testing.T) {
	c := NewCredentials("AKIDEXAMPLE", "secret", "")
	signingKeyAt(t, c, HMAC, "s3", 30)
	shared := c
	if first, second := signingKeyAt(t, c, HMAC, "s3", 30), signingKeyAt(t, shared, HMAC, "s3", 30); second != first {
		t.Error("the key was derived again")
	}
}

func TestSigningKey_CacheIsBounded(t *testing.T) {
	c := NewCredentials("AKIDEXAMPLE", "secret", "")
	for i := range 10 * keptKeys {
		signingKeyAt(t, c, HMAC, fmt.Sprint("service-", i), 30)
	}
	if n := kept(c); n != keptKeys {
		t.Errorf("%d keys are kept, want %d", n, keptKeys)
	}
	for k, i := c.secret().keys.newest.Load(), 10*keptKeys-1; k != nil; k, i = k.older, i-1 {
		if want := fmt.Sprintf("20150830/us-east-1/service-%d/aws4_request", i); k.scope != want {
			t.Errorf("the key of %s is kept, want that of %s", k.scope, want)
		}
	}
}

func TestSigningKey_CacheIsDroppedOnANewDay(t *testing.T) {
	c := NewCredentials("AKIDEXAMPLE", "secret", "")
	signingKeyAt(t, c, HMAC, "s3", 30)
	signingKeyAt(t, c, HMAC, "sqs", 30)
	signingKeyAt(t, c, HMAC, "s3", 31)
	if n := kept(c); n != 1 {
		t.Errorf("%d keys are kept, want the one of the new day", n)
	}
}

// The key pair of Version 4a depends on the access key id, which may differ in a copy of the
// credentials.
func TestSigningKey_DependsOnTheAccessKeyID(t *testing.T) {
	c := NewCredentials("AKIDEXAMPLE", "secret", "")
	one := signingKeyAt(t, c, ECDSA, "s3", 30)
	c.AccessKeyID = "AKIDEXAMPLE2"
	if two := signingKeyAt(t, c, ECDSA, "s3", 30); one.pair.Equal(two.pair) {
		t.Error("two access key ids have the same key pair")
	}
}

// A cached key equals the derived one, also under concurrent use.
func TestSigningKey_CachedKeyEqualsTheDerivedOne(t *testing.T) {
	c := NewCredentials("AKIDEXAMPLE", "secret", "")
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			a := HMAC
			if i == 3 {
				a = ECDSA
			}
			for j := range 100 {
				s := Scope{Service: fmt.Sprint("service-", j%(keptKeys+1)), Region: fmt.Sprint("region-", j%2)}
				at := time.Date(2015, 8, 30+j/50, 0, 0, 0, 0, time.UTC)
				got, err := c.signingKey(a, []byte(CredentialScope(a, at, s)), s)
				if err != nil {
					t.Error(err)
				}
				want, err := DeriveKey(a, c, at, s)
				if err != nil {
					t.Error(err)
				}
				if signature, err := got.appendSignature(nil, []byte("x"), sha256.New()); err != nil || !want.Verify("x", string(signature)) {
					t.Errorf("%v on %v: the cached key differs from the derived one", s, at)
				}
			}
		})
	}
	group.Wait()
}
