//go:build peers

// Package requests generates random requests, which several signers must sign identically. Each is legal HTTP and has
// two spellings: as a caller of Countersign may write it, and as it is sent over the wire, which is the form that other
// signers expect. The second is not produced by the code under test.
package requests

import (
	"math/rand/v2"
	"strings"
	"time"

	"countersign/signing"
)

// Source generates requests. The same seed and settings yield the same requests.
type Source struct {
	// Segments allows empty segments and dot segments in paths.
	Segments bool
	// Tabs allows tabs in header values.
	Tabs bool
	// Runs allows several spaces in a row in header values.
	Runs bool
	// Escaped allows characters that must be encoded in the names of a query.
	Escaped bool
	// Version4a selects Signature Version 4a.
	Version4a bool

	random *rand.Rand
	text   []byte // buffer
}

// New returns a source with every setting off.
func New(seed uint64) *Source { return &Source{random: rand.New(rand.NewPCG(seed, 0))} }

// Request is a request to sign. The embedded one has the caller's spelling, except for its URL.
type Request struct {
	signing.Request
	// Given is the URL as a caller writes it.
	Given string
	// Scheme, Host, Path and Query are the URL as it is sent over the wire, before dot segments and empty segments are
	// removed from the path.
	Scheme, Host, Path, Query string
	// Body is the payload.
	Body []byte
	// Normalize says that the signer must remove dot segments and empty segments.
	Normalize bool
	// Unsigned lists, in lower case, the headers that must not be signed.
	Unsigned []string
}

// Parse sets the URL of the request to Countersign's interpretation of the given one.
func (r *Request) Parse() error {
	u, _, err := signing.ParseURL(r.Given, nil)
	if err != nil {
		return err
	}
	switch {
	case r.SingleEncode:
		u, err = u.CleanS3Key()
	case r.Normalize:
		u = u.NormalizePath()
	}
	r.URL = u
	return err
}

// Next returns the next request. Its URL has not been parsed yet.
func (s *Source) Next() *Request {
	r := new(Request)
	r.Method = pick(s, "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "PROPFIND", "X-Y_z!")
	s.chooseScope(r)
	s.chooseURL(r)
	s.chooseBody(r)
	s.chooseHeaders(r)
	r.Time = time.Unix(s.random.Int64N(4_000_000_000), 0)
	r.Expires = time.Duration(1+s.random.IntN(604_800)) * time.Second
	r.Credentials = s.credentials()
	r.Token = pick(s, signing.TokenSigned, signing.TokenSigned, signing.TokenAppended, signing.TokenOmitted)
	r.Explain = true
	return r
}

func (s *Source) chooseScope(r *Request) {
	r.Scope.Service = pick(s,
		"s3", "s3", "s3-outposts", "execute-api", "execute-api", "es", "sts", "bedrock", "lambda", "iotdevicegateway", s.word(20))
	r.Scope.Region = pick(s, "us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "ap-southeast-4", s.word(20))
	r.SingleEncode = strings.HasPrefix(r.Scope.Service, "s3")
	r.Normalize = !r.SingleEncode && s.chance(90)
	if s.Version4a {
		r.Algorithm = signing.ECDSA
		r.Scope.Region = pick(s, "*", "*", "us-east-1", "eu-*", "us-east-1,eu-west-1", "us-*,eu-central-1,ap-south-1")
	}
}

func (s *Source) chooseBody(r *Request) {
	if s.chance(40) {
		r.Body = []byte(s.word(200))
	}
	r.PayloadHash = signing.PayloadHash(r.Body)
	if s.chance(20) {
		r.PayloadHash = pick(s,
			signing.UnsignedPayload, signing.UnsignedPayload, signing.StreamingPayload, signing.StreamingUnsignedPayloadTrailer)
	}
	r.ContentSHA256Header = s.chance(40)
}

func (s *Source) credentials() signing.Credentials {
	const base64 = letters + digits + "+/"
	secret := s.chars(base64, 40, 40)
	if s.chance(10) {
		secret = s.chars(base64, 1, 130)
	}
	token := ""
	if s.chance(50) {
		token = s.chars(base64, 4, 400) + pick(s, "", "=", "==")
	}
	// Never the same id twice: some signers cache derived keys by the id alone.
	return signing.NewCredentials("AKIDEXAMPLE"+s.chars(letters+digits, 10, 16), secret, token)
}

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// chance returns true in the given percentage of cases.
func (s *Source) chance(percent int) bool { return s.random.IntN(100) < percent }

func pick[T any](s *Source, from ...T) T { return from[s.random.IntN(len(from))] }

// chars returns between least and most of the given characters.
func (s *Source) chars(of string, least, most int) string {
	s.text = s.text[:0]
	for range least + s.random.IntN(most-least+1) {
		s.text = append(s.text, of[s.random.IntN(len(of))])
	}
	return string(s.text)
}

// word returns between one and most letters, digits and hyphens.
func (s *Source) word(most int) string { return s.chars(letters+digits+"-", 1, most) }
