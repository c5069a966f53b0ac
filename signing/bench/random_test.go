//go:build peers

package main

import (
	"context"
	"encoding/hex"
	"flag"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	"github.com/aws/smithy-go/aws-http-auth/sigv4a"
	smithy "github.com/aws/smithy-go/aws-http-auth/v4"

	"countersign/internal/peers/requests"
	"countersign/signing"
)

// These tests sign random requests that all signers accept, by headers and by query. A long run:
//
//	go test -tags peers -run TestRandomRequests -requests 10000000 -timeout 12h -v .

var (
	seed  = flag.Uint64("seed", 0, "`number` that random requests are made from; random by default")
	count = flag.Int("requests", 20_000, "how many random `requests` to make, for each comparison")
)

func randomSource(t *testing.T) *requests.Source {
	t.Helper()
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	t.Logf("to repeat: -run '^%s$' -seed %d -requests %d", t.Name(), from, *count)
	return requests.New(from)
}

func TestRandomRequestsAsSDK(t *testing.T) {
	source := randomSource(t)
	source.Runs, source.Escaped = true, true
	theirs := sdk.NewSigner()
	compareRandom(t, func() *requests.Request { return next(t, source) }, func(r *requests.Request, presign bool) (string, error) {
		keys := aws.Credentials{
			AccessKeyID: r.Credentials.AccessKeyID, SecretAccessKey: r.Credentials.SecretAccessKey(),
			SessionToken: r.Credentials.SessionToken(),
		}
		options := func(o *sdk.SignerOptions) {
			o.DisableHeaderHoisting = true
			o.DisableURIPathEscaping = r.SingleEncode
			o.DisableSessionToken = r.Token == signing.TokenOmitted || r.Token == signing.TokenAppended
		}
		in, err := asSent(r, presign)
		if err != nil {
			return "", err
		}
		if length := in.Header.Get("Content-Length"); length != "" {
			in.ContentLength = int64(len(r.Body))
		}
		if presign {
			signed, _, err := theirs.PresignHTTP(context.Background(), keys, in, r.PayloadHash, r.Scope.Service, r.Scope.Region, r.Time, options)
			return signed, err
		}
		err = theirs.SignHTTP(context.Background(), keys, in, r.PayloadHash, r.Scope.Service, r.Scope.Region, r.Time, options)
		return in.Header.Get("Authorization"), err
	})
}

func TestRandomRequestsAsSmithy(t *testing.T) {
	source, theirs := randomSource(t), sigv4.New()
	compareRandom(t, func() *requests.Request { return nextForSmithy(t, source) }, func(r *requests.Request, presign bool) (string, error) {
		in, err := asSent(r, presign)
		if err != nil {
			return "", err
		}
		input := &sigv4.SignRequestInput{
			Request: in, PayloadHash: smithyHash(t, r), Credentials: smithyKeys(r), Service: r.Scope.Service, Region: r.Scope.Region, Time: r.Time,
		}
		if presign {
			input.SignatureType = smithy.SignatureTypeQueryString
		}
		err = theirs.SignRequest(input, smithyOptions(r))
		if presign {
			return in.URL.String(), err
		}
		return in.Header.Get("Authorization"), err
	})
}

// smithy-go's Version 4a signatures have a random nonce, so we verify them.
func TestRandomRequestsOfVersion4aAsSmithy(t *testing.T) {
	source, theirs := randomSource(t), sigv4a.New()
	source.Version4a = true
	for range *count {
		r := nextForSmithy(t, source)
		for _, presign := range []bool{false, true} {
			in, err := asSent(r, presign)
			if err != nil {
				t.Fatal(err)
			}
			input := &sigv4a.SignRequestInput{
				Request: in, PayloadHash: smithyHash(t, r), Credentials: smithyKeys(r), Service: r.Scope.Service,
				RegionSet: strings.Split(r.Scope.Region, ","), Time: r.Time,
			}
			if presign {
				input.SignatureType = smithy.SignatureTypeQueryString
			}
			if err := theirs.SignRequest(input, smithyOptions(r)); err != nil {
				t.Fatal(err)
			}
			text := in.Header.Get("Authorization")
			if presign {
				text = in.URL.String()
			}
			_, text, _ = strings.Cut(text, "Signature=")
			signature, _, _ := strings.Cut(text, "&")
			signed := mustSign(t, r, presign)
			key, err := signing.DeriveKey(r.Algorithm, r.Credentials, r.Time, r.Scope)
			if err != nil || !key.Verify(signed.StringToSign, signature) {
				t.Fatalf("smithy-go's signature %s (%v) is not over\n%s\n\n%s", signature, err, signed.StringToSign, signed.CanonicalRequest)
			}
		}
	}
	t.Logf("%d requests, each signed by headers and by query: all verified", *count)
}

// compareRandom compares our signatures of random requests with those of another signer, which
// returns an Authorization header or a presigned URL.
func compareRandom(t *testing.T, next func() *requests.Request, theirs func(r *requests.Request, presign bool) (string, error)) {
	t.Helper()
	for range *count {
		r := next()
		for _, presign := range []bool{false, true} {
			text, err := theirs(r, presign)
			signed := mustSign(t, r, presign)
			got, want := signed.Authorization, text
			if presign {
				_, want, _ = strings.Cut(text, "X-Amz-Signature=")
				want, _, _ = strings.Cut(want, "&")
				got = signed.Signature
			}
			if err != nil || got != want {
				t.Fatalf("%s %s\nours:   %s\ntheirs: %s %v\nfor\n%s", r.Method, r.Given, got, text, err, signed.CanonicalRequest)
			}
		}
	}
	t.Logf("%d requests, each signed by headers and by query: 0 differences", *count)
}

var ours signing.Signer

func mustSign(t *testing.T, r *requests.Request, presign bool) signing.Signed {
	t.Helper()
	request, sign := r.Request, ours.Sign
	if presign {
		request.ContentSHA256Header, sign = false, ours.Presign // other signers do not send this parameter
	}
	signed, err := sign(&request)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Given, err)
	}
	return signed
}

func next(t *testing.T, source *requests.Source) *requests.Request {
	t.Helper()
	r := source.Next()
	if err := r.Parse(); err != nil {
		t.Fatalf("%q: %v", r.Given, err)
	}
	return r
}

// asSent returns the request for the other signers: as it goes over the wire, with the headers to
// sign.
func asSent(r *requests.Request, presign bool) (*http.Request, error) {
	in, err := http.NewRequest(r.Method, r.Scheme+"://"+r.Host+r.Path+"?"+r.Query, nil)
	if err != nil {
		return nil, err
	}
	for _, h := range r.Headers {
		if !slices.Contains(r.Unsigned, strings.ToLower(h.Name)) {
			in.Header.Add(h.Name, h.Value)
		}
	}
	if presign {
		in.URL.RawQuery += "&X-Amz-Expires=" + strconv.Itoa(int(r.Expires.Seconds()))
	} else if r.ContentSHA256Header {
		in.Header.Set("X-Amz-Content-Sha256", r.PayloadHash)
	}
	return in, nil
}

// nextForSmithy returns a random request without the peculiarities of smithy-go that AWS's test
// suite does not share: it sorts the values of a repeated parameter before encoding them. It also
// accepts only real payload hashes.
func nextForSmithy(t *testing.T, source *requests.Source) *requests.Request {
	t.Helper()
	r := next(t, source)
	for !r.SortedAlike() {
		r = next(t, source)
	}
	if strings.HasPrefix(r.PayloadHash, "STREAMING-") {
		r.PayloadHash = signing.UnsignedPayload
	}
	return r
}

func smithyKeys(r *requests.Request) credentials.Credentials {
	keys := credentials.Credentials{AccessKeyID: r.Credentials.AccessKeyID, SecretAccessKey: r.Credentials.SecretAccessKey()}
	if r.Token == "" || r.Token == signing.TokenSigned {
		keys.SessionToken = r.Credentials.SessionToken()
	}
	return keys
}

func smithyHash(t *testing.T, r *requests.Request) []byte {
	t.Helper()
	if r.PayloadHash == signing.UnsignedPayload {
		return smithy.UnsignedPayload()
	}
	hash, err := hex.DecodeString(r.PayloadHash)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func smithyOptions(r *requests.Request) smithy.SignerOption {
	return func(o *smithy.SignerOptions) {
		o.HeaderRules = everyHeader{}
		o.DisableDoublePathEscape = r.SingleEncode
	}
}
