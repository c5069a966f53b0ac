// Package signhttp signs net/http requests with AWS Signature Version 4 or 4a, one at a time or as
// the transport of an HTTP client.
//
// It reads a body only to hash it, and only if the request can supply it again. It does not retry,
// choose a region or find credentials: the caller sets these in a [Signer]. To prevent a redirect
// to another host from being signed, give the client a CheckRedirect that rejects it.
//
// What is sent is what was signed: the path, query and headers of the request are replaced by those
// that the signature covers. A Signer is safe for concurrent use.
package signhttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/signing"
)

// Signer holds what requests are signed with: the scope, the credentials and the options.
type Signer struct {
	// Scope is the service and region. Required.
	Scope signing.Scope
	// Credentials returns the current credentials; it is called once for each request. Required.
	Credentials func(context.Context) (signing.Credentials, error)
	// Now returns the current time. Required.
	Now func() time.Time
	// Algorithm is [signing.HMAC] if empty.
	Algorithm signing.Algorithm
	// S3 signs the way the S3 family requires: the path is encoded once and otherwise left
	// unchanged, and the payload hash is sent.
	S3 bool

	signer signing.Signer
}

// Sign signs a request in place: it sets Authorization and its companions, and replaces the URL
// with the one that was signed. Host, every x-amz-* header and Content-Type are signed.
//
// The payload hash is taken from the header X-Amz-Content-Sha256 if present. Otherwise the body is
// read through GetBody, which http.NewRequest sets for bodies in memory.
func (s *Signer) Sign(r *http.Request) error {
	credentials, err := s.Credentials(r.Context())
	if err != nil {
		return fmt.Errorf("getting credentials: %w", err)
	}
	target, _, err := signing.ParseURL(address(r), nil)
	if err != nil {
		return err
	}
	if !s.S3 {
		target = target.NormalizePath()
	}
	hash, err := payloadHash(r)
	if err != nil {
		return err
	}
	signed, err := s.signer.Sign(&signing.Request{
		Method: method(r), URL: target, Headers: headers(r.Header), SignedHeaders: contentType(r), PayloadHash: hash, Scope: s.Scope,
		Algorithm: s.Algorithm, Time: s.Now(), Credentials: credentials, SingleEncode: s.S3, ContentSHA256Header: s.S3,
	})
	if err != nil {
		return err
	}
	return apply(r, signed)
}

// apply replaces the request's URL and headers with the signed ones.
func apply(r *http.Request, signed signing.Signed) error {
	to, err := url.Parse(signed.URL.String())
	if err != nil {
		return fmt.Errorf("reading the signed URL: %w", err)
	}
	r.URL = to
	sent := make(http.Header, len(signed.Headers))
	for _, h := range signed.Headers {
		sent.Add(h.Name, h.Value)
	}
	r.Header = sent
	return nil
}

// address returns the URL of the request with the host that will be sent.
func address(r *http.Request) string {
	u := *r.URL
	if r.Host != "" {
		u.Host = r.Host
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u.String()
}

func method(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// headers returns the request's headers except those that signing sets, so that a request can be signed again.
func headers(h http.Header) (list []signing.Header) {
	for name, values := range h {
		if signing.Reserved(strings.ToLower(name)) {
			continue
		}
		for _, value := range values {
			list = append(list, signing.Header{Name: name, Value: value})
		}
	}
	return list
}

// contentType names Content-Type if it is sent, since it must then be signed (IAM User Guide, "Create a canonical
// request", CanonicalHeaders).
func contentType(r *http.Request) []string {
	if r.Header.Get("Content-Type") == "" {
		return nil
	}
	return []string{"content-type"}
}

func payloadHash(r *http.Request) (string, error) {
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" {
		return given, nil
	}
	if r.Body == nil || r.Body == http.NoBody {
		return signing.PayloadHash(nil), nil
	}
	if r.GetBody == nil {
		return "", errors.New("the body can be read only once: set GetBody, or X-Amz-Content-Sha256")
	}
	body, err := r.GetBody()
	if err != nil {
		return "", fmt.Errorf("getting the body: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(hash, body)
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("hashing the body: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Transport signs each request before Base sends it.
type Transport struct {
	Signer *Signer
	// Base is [http.DefaultTransport] if nil.
	Base http.RoundTripper
}

// RoundTrip implements [http.RoundTripper]. It does not modify the request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	signed := r.Clone(r.Context())
	if err := t.Signer.Sign(signed); err != nil {
		if r.Body != nil {
			err = errors.Join(err, r.Body.Close()) // as a RoundTripper must
		}
		return nil, err
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return base.RoundTrip(signed)
}
