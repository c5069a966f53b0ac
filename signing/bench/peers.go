package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	"github.com/aws/smithy-go/aws-http-auth/sigv4a"
	smithy "github.com/aws/smithy-go/aws-http-auth/v4"

	"countersign/signing"
)

// A signer turns the parts of a request into the value of its Authorization header, or into its
// presigned URL.
type signer struct {
	name string
	ours bool // one of countersign's, which have targets
	sign func(*request) error
	last func() string // the last result of sign
}

// signersOf returns the signers that support an algorithm.
func signersOf(a signing.Algorithm) []signer {
	if a == signing.ECDSA { // the SDK's signer of Version 4a is internal
		return []signer{floor(), countersign(), countersignWhole(), smithyGo()}
	}
	return []signer{floor(), countersign(), countersignWhole(), goSDK(), smithyGo()}
}

// countersign builds only the Authorization value or the URL.
func countersign() signer {
	var s signing.Signer
	var out []byte
	sign := func(r *request) error {
		var in signing.Request
		err := r.read(&in)
		if err != nil {
			return err
		}
		if r.presign {
			out, err = s.AppendURL(out[:0], &in)
		} else {
			out, err = s.AppendAuthorization(out[:0], &in)
		}
		return err
	}
	return signer{"countersign", true, sign, func() string { return string(out) }}
}

// countersignWhole builds everything there is to send, in separate parts.
func countersignWhole() signer {
	var s signing.Signer
	var out signing.Signed
	sign := func(r *request) error {
		var in signing.Request
		err := r.read(&in)
		if err != nil {
			return err
		}
		if r.presign {
			out, err = s.Presign(&in)
		} else {
			out, err = s.Sign(&in)
		}
		return err
	}
	return signer{"countersign, whole", true, sign, func() string { return cmp.Or(out.Authorization, out.URL.String()) }}
}

// read fills in the request to sign from the parts.
func (r *request) read(in *signing.Request) error {
	u, _, err := signing.ParseURL(r.url, nil)
	if err != nil {
		return err
	}
	if r.s3 {
		u, err = u.CleanS3Key()
	} else {
		u = u.NormalizePath()
	}
	*in = signing.Request{
		Method:              r.method,
		URL:                 u,
		Headers:             r.headers,
		Payload:             r.body,
		Scope:               r.scope,
		Algorithm:           r.algorithm,
		Time:                signingTime,
		Credentials:         r.credentials,
		SingleEncode:        r.s3,
		ContentSHA256Header: r.s3 && !r.presign,
		SignedHeaders:       r.signedHeaders,
		Expires:             expires,
	}
	if r.presign {
		in.Payload, in.PayloadHash = nil, signing.UnsignedPayload
	}
	return err
}

// goSDK is aws-sdk-go-v2's signer.
func goSDK() signer {
	s := sdk.NewSigner()
	var out string
	sign := func(r *request) error {
		in, hash, err := httpRequest(r)
		if err != nil {
			return err
		}
		keys := aws.Credentials{
			AccessKeyID:     r.credentials.AccessKeyID,
			SecretAccessKey: r.credentials.SecretAccessKey(),
			SessionToken:    r.credentials.SessionToken(),
		}
		options := func(o *sdk.SignerOptions) { o.DisableURIPathEscaping = r.s3 }
		if r.presign {
			out, _, err = s.PresignHTTP(context.Background(), keys, in, signing.UnsignedPayload,
				r.scope.Service, r.scope.Region, signingTime, options)
			return err
		}
		text := hex.EncodeToString(hash[:])
		if r.s3 {
			in.Header.Set("X-Amz-Content-Sha256", text)
		}
		err = s.SignHTTP(context.Background(), keys, in, text, r.scope.Service, r.scope.Region, signingTime, options)
		out = in.Header.Get("Authorization")
		return err
	}
	return signer{"aws-sdk-go-v2", false, sign, func() string { return out }}
}

// everyHeader makes smithy-go sign every header of the request.
type everyHeader struct{}

func (everyHeader) IsSigned(string) bool { return true }

// smithyGo is smithy-go's aws-http-auth, with either algorithm.
func smithyGo() signer {
	options := func(r *request) smithy.SignerOption {
		return func(o *smithy.SignerOptions) {
			o.HeaderRules = everyHeader{}
			o.DisableDoublePathEscape = r.s3
			o.AddPayloadHashHeader = r.s3 && !r.presign
		}
	}
	v4, v4a := sigv4.New(), sigv4a.New()
	var out string
	sign := func(r *request) error {
		in, hash, err := httpRequest(r)
		if err != nil {
			return err
		}
		payload, form := hash[:], smithy.SignatureTypeHeader
		if r.presign {
			payload, form = smithy.UnsignedPayload(), smithy.SignatureTypeQueryString
		}
		keys := credentials.Credentials{
			AccessKeyID:     r.credentials.AccessKeyID,
			SecretAccessKey: r.credentials.SecretAccessKey(),
			SessionToken:    r.credentials.SessionToken(),
		}
		if r.algorithm == signing.ECDSA {
			err = v4a.SignRequest(&sigv4a.SignRequestInput{
				Request: in, PayloadHash: payload, Credentials: keys, Service: r.scope.Service,
				RegionSet: []string{r.scope.Region}, Time: signingTime, SignatureType: form,
			}, options(r))
		} else {
			err = v4.SignRequest(&sigv4.SignRequestInput{
				Request: in, PayloadHash: payload, Credentials: keys, Service: r.scope.Service,
				Region: r.scope.Region, Time: signingTime, SignatureType: form,
			}, options(r))
		}
		if out = in.Header.Get("Authorization"); r.presign {
			out = in.URL.String()
		}
		return err
	}
	return signer{"smithy-go", false, sign, func() string { return out }}
}

// httpRequest builds the request that the other signers sign.
func httpRequest(r *request) (*http.Request, [sha256.Size]byte, error) {
	in, err := http.NewRequest(r.method, r.url, nil)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	for _, h := range r.headers {
		in.Header.Set(h.Name, h.Value)
	}
	if r.presign {
		query := in.URL.Query()
		query.Set("X-Amz-Expires", strconv.Itoa(int(expires/time.Second)))
		in.URL.RawQuery = query.Encode()
		return in, [sha256.Size]byte{}, nil
	}
	return in, sha256.Sum256(r.body), nil
}

// floor does only what every signer must do: hash the payload and the canonical request, compute
// one HMAC from the saved states of its key, and write the results in hexadecimal.
func floor() signer {
	const stringToSign = "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/eu-west-1/execute-api/aws4_request\n" +
		"0123456789012345678901234567890123456789012345678901234567890123"
	message := []byte(stringToSign)
	texts := make(map[*request][]byte)
	inner, outer, digest := paddedState(0x36), paddedState(0x5c), sha256.New()
	text := make([]byte, 2*sha256.Size)
	mac := make([]byte, 0, sha256.Size)
	sign := func(r *request) error {
		canonical := texts[r]
		if canonical == nil {
			var err error
			if canonical, err = canonicalRequest(r); err != nil {
				return err
			}
			texts[r] = canonical
		}
		if !r.presign {
			sum := sha256.Sum256(r.body)
			hex.Encode(text, sum[:])
		}
		sum := sha256.Sum256(canonical)
		hex.Encode(text, sum[:])
		mac = resume(digest, inner, message, mac[:0])
		mac = resume(digest, outer, mac, mac[:0])
		hex.Encode(text, mac)
		return nil
	}
	return signer{"floor", false, sign, func() string { return string(text) }}
}

// paddedState returns the state of SHA-256 after the padded key of an HMAC.
func paddedState(pad byte) []byte {
	h := sha256.New()
	h.Write(slices.Repeat([]byte{pad}, sha256.BlockSize))
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // never: SHA-256 can always be saved
	}
	return state
}

func resume(h hash.Hash, state, message, into []byte) []byte {
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		panic(err) // never: the state was saved by the same hash
	}
	h.Write(message)
	return h.Sum(into)
}
