package signing_test

import (
	"fmt"
	"testing"

	"countersign/signing"
)

// The forms that append give what the others do, after what is there already.
func TestVectorsAppended(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			signed, err := signer.Sign(r)
			sameAppended(t, signer.AppendAuthorization, r, signed.Authorization, err)
			presigned, err := signer.Presign(r)
			sameAppended(t, signer.AppendURL, r, presigned.URL.String(), err)
		})
	}
}

// sameAppended checks that a form that appends does what another did with a
// request. An error leaves alone what is there already.
func sameAppended(t testing.TB, form func([]byte, *signing.Request) ([]byte, error), r *signing.Request, text string, err error) {
	t.Helper()
	got, gotErr := form([]byte("there"), r)
	if want := "there" + text; string(got) != want || fmt.Sprint(gotErr) != fmt.Sprint(err) {
		t.Errorf("appended: %q, %v, want %q, %v", got, gotErr, want, err)
	}
}

// A payload is as good as its hash.
func TestVectorsWithTheirPayload(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		if v.Payload != "" {
			continue // a word in place of the hash
		}
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			want, err := signer.Sign(r)
			if err != nil {
				t.Fatal(err)
			}
			r.PayloadHash, r.Payload = "", []byte(v.Body)
			if got, err := signer.Sign(r); err != nil || got.CanonicalRequest != want.CanonicalRequest {
				t.Errorf("%v, canonical request =\n%s\nwant\n%s", err, got.CanonicalRequest, want.CanonicalRequest)
			}
		})
	}
}
