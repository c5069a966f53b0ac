package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"countersign/signing"
)

// request is a request to sign, in parts, as a service receives it.
type request struct {
	name          string
	method, url   string
	headers       []signing.Header
	signedHeaders []string
	body          []byte
	scope         signing.Scope
	algorithm     signing.Algorithm
	s3, presign   bool
	credentials   signing.Credentials
}

const expires = 15 * time.Minute

var signingTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// role returns credentials like those of STS: with a token of 900 base64 characters.
func role(n int) signing.Credentials {
	secret := fmt.Sprintf("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEX%08d", n)
	token := make([]byte, 0, 675)
	for sum := sha256.Sum256([]byte(secret)); len(token) < cap(token); sum = sha256.Sum256(sum[:]) {
		token = append(token, sum[:min(len(sum), cap(token)-len(token))]...)
	}
	return signing.NewCredentials("ASIAIOSFODNN7EXAMPLE", secret, base64.StdEncoding.EncodeToString(token))
}

var gateway = signing.Scope{Service: "execute-api", Region: "eu-west-1"}

const gatewayURL = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders"

// The standard requests.

func get() *request {
	return &request{
		name: "GET with query", method: "GET", scope: gateway, credentials: role(0),
		url:           gatewayURL + "/4711/lines?status=open&from=2015-08-01T00%3A00%3A00Z&limit=50&customer=A%26B",
		headers:       []signing.Header{{Name: "Accept", Value: "application/json"}},
		signedHeaders: []string{"accept"},
		body:          []byte{},
	}
}

func post() *request {
	return &request{
		name: "POST 1 KiB", method: "POST", scope: gateway, credentials: role(0), url: gatewayURL,
		headers: []signing.Header{
			{Name: "Content-Type", Value: "application/json"}, {Name: "X-Amz-Target", Value: "Orders_20150830.PutOrder"},
		},
		signedHeaders: []string{"content-type"},
		body:          []byte(strings.Repeat("x", 1<<10)),
	}
}

var storage = signing.Scope{Service: "s3", Region: "eu-west-1"}

const objectURL = "https://examplebucket.s3.eu-west-1.amazonaws.com/reports/2015/08/30/orders.csv"

func put() *request {
	return &request{
		name: "S3 PUT 1 MiB", method: "PUT", scope: storage, credentials: role(0), url: objectURL, s3: true,
		headers:       []signing.Header{{Name: "Content-Type", Value: "text/csv"}},
		signedHeaders: []string{"content-type"},
		body:          []byte(strings.Repeat("x", 1<<20)),
	}
}

func presigned() *request {
	return &request{name: "presign", method: "GET", scope: storage, credentials: role(0), url: objectURL, s3: true, presign: true}
}

func standard() []*request { return []*request{get(), post(), put(), presigned()} }

// Additional requests, for large inputs and for Signature Version 4a.

func version4a() *request {
	r := post()
	r.name, r.algorithm, r.scope.Region = "POST 1 KiB, Version 4a", signing.ECDSA, "*"
	return r
}

func manyHeaders() *request {
	r := get()
	r.name, r.headers = "500 headers", nil
	for i := range 500 {
		// Multiplied so that the names are not in order.
		name := "X-Amz-Meta-" + strconv.Itoa(i*7919%500)
		r.headers = append(r.headers, signing.Header{Name: name, Value: "value of header " + strconv.Itoa(i)})
	}
	r.signedHeaders = nil
	return r
}

func manyParameters() *request {
	r := get()
	r.name, r.url = "1000 parameters", gatewayURL
	for i := range 1000 {
		separator := "&"
		if i == 0 {
			separator = "?"
		}
		r.url += separator + "name" + strconv.Itoa(i*7919%1000) + "=value+" + strconv.Itoa(i)
	}
	return r
}

// canonicalRequest returns the text that the floor hashes.
func canonicalRequest(r *request) ([]byte, error) {
	in := new(signing.Request)
	if err := r.read(in); err != nil {
		return nil, err
	}
	in.Explain = true
	sign := new(signing.Signer).Sign
	if r.presign {
		sign = new(signing.Signer).Presign
	}
	out, err := sign(in)
	return []byte(out.CanonicalRequest), err
}
