package signing

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func keyRequest(secret, region string) *Request {
	return &Request{
		Scope:       Scope{Service: "s3", Region: region},
		Credentials: NewCredentials("AKIDEXAMPLE", secret, ""),
	}
}

func TestKeyringKeepsNoMoreThanItsMaximum(t *testing.T) {
	k := keyring{max: 3}
	for i := range 10 {
		if _, err := k.key(keyRequest(fmt.Sprint("secret", i), "us-east-1"), "20150830"); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.keys) != 3 {
		t.Errorf("the keyring holds %d keys, want 3", len(k.keys))
	}
}

func TestKeyringDropsTheKeysOfAnotherDay(t *testing.T) {
	k := keyring{max: 10}
	for _, region := range []string{"us-east-1", "us-west-2"} {
		if _, err := k.key(keyRequest("secret", region), "20150830"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.key(keyRequest("secret", "us-east-1"), "20150831"); err != nil {
		t.Fatal(err)
	}
	if len(k.keys) != 1 {
		t.Errorf("the keyring holds %d keys, want 1", len(k.keys))
	}
}

func TestKeyringHoldsNothingWithoutRoom(t *testing.T) {
	var k keyring
	if _, err := k.key(keyRequest("secret", "us-east-1"), "20150830"); err != nil || len(k.keys) != 0 {
		t.Errorf("key = %v, with %d keys held, want none", err, len(k.keys))
	}
}

// A kept key is the derived one, whatever else the keyring holds.
func TestKeyringReturnsTheDerivedKey(t *testing.T) {
	k := keyring{max: 100}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 200 {
				r := keyRequest(fmt.Sprint("secret", j%7), fmt.Sprint("region-", j%3))
				if i%2 == 1 && j%2 == 1 {
					r.Algorithm = ECDSA
				}
				at := time.Date(2015, 8, 28+j/100, 0, 0, 0, 0, time.UTC)
				got, err := k.key(r, at.Format(timeFormat)[:day])
				if err != nil {
					t.Error(err)
				}
				want, err := DeriveKey(r.Algorithm, r.Credentials, at, r.Scope)
				if err != nil {
					t.Error(err)
				}
				signature, err := want.Sign("x")
				if err != nil || !got.Verify("x", signature) {
					t.Errorf("%s on %s: the kept key is not the derived one", r.Scope.Region, at)
				}
			}
		})
	}
	group.Wait()
}
