package signing_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"countersign/signing"
)

// inLines breaks long lines to fit a page.
var inLines = strings.NewReplacer(", Sig", ",\nSig", "&X-Amz", "\n&X-Amz")

// listUsers returns the request in the IAM documentation.
func listUsers() *signing.Request {
	u, _, err := signing.ParseURL("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	if err != nil {
		log.Fatal(err)
	}
	return &signing.Request{
		Method:        "GET",
		URL:           u.NormalizePath(),
		Headers:       []signing.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded; charset=utf-8"}},
		PayloadHash:   signing.PayloadHash(nil),
		Scope:         signing.Scope{Service: "iam", Region: "us-east-1"},
		Time:          time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC),
		Credentials:   signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
		SignedHeaders: []string{"content-type"},
		Expires:       time.Minute,
	}
}

func ExampleSigner_Sign() {
	var signer signing.Signer
	signed, err := signer.Sign(listUsers())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signed.URL)
	for _, h := range signed.Headers {
		fmt.Printf("%s: %s\n", h.Name, inLines.Replace(h.Value))
	}
	// Output:
	// https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08
	// Content-Type: application/x-www-form-urlencoded; charset=utf-8
	// X-Amz-Date: 20150830T123600Z
	// Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,
	// SignedHeaders=content-type;host;x-amz-date,
	// Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7
}

// One buffer can be reused for many requests.
func ExampleSigner_AppendAuthorization() {
	var signer signing.Signer
	var authorization []byte
	for _, r := range []*signing.Request{listUsers()} {
		var err error
		if authorization, err = signer.AppendAuthorization(authorization[:0], r); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("X-Amz-Date: %s\n", r.Time.Format(signing.TimeFormat))
		fmt.Printf("Authorization: %s\n", inLines.Replace(string(authorization)))
	}
	// Output:
	// X-Amz-Date: 20150830T123600Z
	// Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,
	// SignedHeaders=content-type;host;x-amz-date,
	// Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7
}

func ExampleSigner_Presign() {
	u, _, err := signing.ParseURL("https://examplebucket.s3.amazonaws.com/test.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	if u, err = u.CleanS3Key(); err != nil {
		log.Fatal(err)
	}
	var signer signing.Signer
	signed, err := signer.Presign(&signing.Request{
		Method:       "GET",
		URL:          u,
		PayloadHash:  signing.UnsignedPayload,
		Scope:        signing.Scope{Service: "s3", Region: "us-east-1"},
		Time:         time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC),
		Credentials:  signing.NewCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""),
		SingleEncode: true,
		Expires:      24 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inLines.Replace(signed.URL.String()))
	// Output:
	// https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256
	// &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request
	// &X-Amz-Date=20130524T000000Z
	// &X-Amz-Expires=86400
	// &X-Amz-SignedHeaders=host
	// &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404
}

// The steps of "Create a signed AWS API request", one by one.
func Example_steps() {
	r := listUsers()
	headers, signedHeaders, err := signing.CanonicalHeaders([]signing.Header{
		{Name: "Host", Value: r.URL.Host()},
		r.Headers[0],
		{Name: "X-Amz-Date", Value: "20150830T123600Z"},
	})
	if err != nil {
		log.Fatal(err)
	}
	query, err := signing.CanonicalQuery(r.URL.RawQuery())
	if err != nil {
		log.Fatal(err)
	}
	canonicalRequest := signing.CanonicalRequest(
		r.Method, signing.CanonicalURI(r.URL.Path(), r.SingleEncode), query, headers, signedHeaders, r.PayloadHash,
	)
	fmt.Println(canonicalRequest)
	fmt.Println()

	scope := signing.CredentialScope(signing.HMAC, r.Time, r.Scope)
	stringToSign := signing.StringToSign(signing.HMAC, r.Time, scope, canonicalRequest)
	fmt.Println(stringToSign)
	fmt.Println()

	key, err := signing.DeriveKey(signing.HMAC, r.Credentials, r.Time, r.Scope)
	if err != nil {
		log.Fatal(err)
	}
	signature, err := key.Sign(stringToSign)
	if err != nil {
		log.Fatal(err)
	}
	authorization := signing.Authorization(signing.HMAC, r.Credentials.AccessKeyID, scope, signedHeaders, signature)
	fmt.Println(inLines.Replace(authorization))
	// Output:
	// GET
	// /
	// Action=ListUsers&Version=2010-05-08
	// content-type:application/x-www-form-urlencoded; charset=utf-8
	// host:iam.amazonaws.com
	// x-amz-date:20150830T123600Z
	//
	// content-type;host;x-amz-date
	// e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
	//
	// AWS4-HMAC-SHA256
	// 20150830T123600Z
	// 20150830/us-east-1/iam/aws4_request
	// f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59
	//
	// AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,
	// SignedHeaders=content-type;host;x-amz-date,
	// Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7
}

// The request arrived ten minutes late and lost a header on the way.
func ExampleVerify() {
	var signer signing.Signer
	r := listUsers()
	signed, err := signer.Sign(r)
	if err != nil {
		log.Fatal(err)
	}
	verdict := signing.Verify(
		&signing.Received{Method: r.Method, URL: signed.URL, Headers: signed.Headers[1:], PayloadHash: signing.PayloadHash(nil)},
		&signing.Expected{Credentials: r.Credentials, Scope: r.Scope, Time: r.Time.Add(10 * time.Minute)},
	)
	fmt.Println(verdict.Valid())
	for _, fault := range verdict.Mismatches {
		fmt.Println(fault.Error())
	}
	// Output:
	// false
	// date: X-Amz-Date is too old
	// signed-headers: content-type is signed but not present
}

// Credentials never show their secrets when printed.
func ExampleNewCredentials() {
	c := signing.NewCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")
	fmt.Println(c.Redact("The secret is wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY."))
	// Output:
	// The secret is [redacted].
}
