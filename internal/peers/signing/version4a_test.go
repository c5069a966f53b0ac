//go:build peers

package signing_test

import (
	"math/big"
	"strings"
	"testing"

	"countersign/internal/peers/requests"
	"countersign/signing"
)

// version4a is a request that both signers sign.
type version4a struct {
	request *requests.Request
	key     signing.Key
	toSign  string
	presign bool
}

// AWS's Version 4a verifier accepts our signatures, which proves the canonical requests as well, and we accept AWS's,
// which proves the key derivation.
func TestVersion4aWithCRT(t *testing.T) {
	source := randomSource(t)
	source.Segments, source.Tabs, source.Runs, source.Escaped, source.Version4a = true, true, true, true, true
	c, ours := startCRT(t), new(signing.Signer)
	const batch = 500
	for done := 0; done < *count; done += batch {
		var made []version4a
		var asked []crtRequest
		for range batch {
			r := nextForCRT(t, source)
			key, err := signing.DeriveKey(r.Algorithm, r.Credentials, r.Time, r.Scope)
			if err != nil {
				t.Fatal(err)
			}
			for _, presign := range []bool{false, true} {
				question := forCRT(r, presign)
				signed := mustSign(t, ours, r, presign)
				made = append(made, version4a{r, key, signed.StringToSign, presign})
				asked = append(asked, question)
				question.Verify = verifyWith(t, key, signed)
				asked = append(asked, question)
			}
		}
		responses := c.ask(t, asked)
		for i, m := range made {
			theirs, ours := responses[2*i], responses[2*i+1]
			switch {
			case theirs.Error != "" || ours.Error != "":
				t.Fatalf("%s %s: %+v", theirs.Error, ours.Error, asked[2*i])
			case !ours.Verified:
				t.Fatalf("aws-crt refuses our signature: %+v\n%+v", asked[2*i+1], asked[2*i+1].Verify)
			case !m.key.Verify(m.toSign, signatureOf(theirs, m.presign)):
				t.Fatalf("we refuse aws-crt's signature: %+v\nof\n%s", theirs, m.toSign)
			}
			checkVerify(t, m.request, theirs, m.presign)
		}
	}
	t.Logf("%d requests, each signed by headers and by query, verified both ways: 0 refusals", *count)
}

func mustSign(t *testing.T, ours *signing.Signer, r *requests.Request, presign bool) signing.Signed {
	t.Helper()
	request, sign := r.Request, ours.Sign
	if presign {
		request.ContentSHA256Header, sign = false, ours.Presign
	}
	signed, err := sign(&request)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Given, err)
	}
	return signed
}

func verifyWith(t *testing.T, key signing.Key, signed signing.Signed) *crtVerify {
	t.Helper()
	point, err := key.PublicKey().Bytes() // 4, X, Y
	if err != nil {
		t.Fatal(err)
	}
	coordinate := func(b []byte) string { return new(big.Int).SetBytes(b).Text(16) }
	return &crtVerify{
		CanonicalRequest: signed.CanonicalRequest, Signature: signed.Signature,
		X: coordinate(point[1:33]), Y: coordinate(point[33:]),
	}
}

func signatureOf(response crtResponse, presign bool) string {
	text := response.Path
	if !presign {
		for _, h := range response.Headers {
			if h[0] == "Authorization" {
				text = h[1]
			}
		}
	}
	_, signature, _ := strings.Cut(text, "Signature=")
	return signature
}
