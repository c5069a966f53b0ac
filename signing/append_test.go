package signing_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"countersign/signing"
)

// The Append functions return the same as the others, after the bytes already in dst.
func TestAppend_MatchesSignAndPresign(t *testing.T) {
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

// sameAppended checks that an Append function returns what another function returned for a request.
// On error it must leave dst unchanged.
func sameAppended(t testing.TB, form func([]byte, *signing.Request) ([]byte, error), r *signing.Request, text string, err error) {
	t.Helper()
	got, gotErr := form([]byte("there"), r)
	if want := "there" + text; string(got) != want || fmt.Sprint(gotErr) != fmt.Sprint(err) {
		t.Errorf("appended: %q, %v, want %q, %v", got, gotErr, want, err)
	}
}

// A payload gives the same result as its hash, in both forms, also if the hash is sent.
func TestPayload_SignsLikeItsHash(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		if v.Payload != "" {
			continue // a constant in place of the hash
		}
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			r.Expires = time.Minute
			given := signing.Header{Name: "x-amz-content-sha256", Value: r.PayloadHash}
			for _, change := range []func(*signing.Request){
				func(*signing.Request) {},
				func(r *signing.Request) { r.ContentSHA256Header = true },
				func(r *signing.Request) { r.Headers = append(slices.Clip(r.Headers), given) },
			} {
				hashed := *r
				change(&hashed)
				whole := hashed
				whole.PayloadHash, whole.Payload = "", []byte(v.Body)
				for form, do := range map[string]func(*signing.Request) (signing.Signed, error){"Sign": signer.Sign, "Presign": signer.Presign} {
					want, wantErr := do(&hashed)
					got, err := do(&whole)
					if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %v, canonical request =\n%s\nwant %v,\n%s", form, err, got.CanonicalRequest, wantErr, want.CanonicalRequest)
					}
				}
			}
		})
	}
}
