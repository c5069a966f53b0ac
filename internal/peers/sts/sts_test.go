//go:build peers

package sts_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/credentials"
	"countersign/signing"
)

const object = "/orders/2026/order 1042.json"

var order = []byte(`{"order":1042}`)

func TestSessionFromAssumeRoleSigns(t *testing.T) {
	url := minio(t, "")
	got := session(t, store(t, withKeys(url)))
	if got.Credentials.SessionToken() == "" || got.Credentials.AccessKeyID == rootUser || got.Expires.IsZero() {
		t.Fatalf("Session() = %+v, want one that MinIO issued", got)
	}
	expect(t, "create", s3(t, got.Credentials, "PUT", url+"/orders", nil), 200)
	expect(t, "PUT", s3(t, got.Credentials, "PUT", url+object, order), 200)
	if body := expect(t, "GET", s3(t, got.Credentials, "GET", url+object, nil), 200); body != string(order) {
		t.Errorf("GET = %q, want %q", body, order)
	}
}

func TestTamperedRequestsAreRefused(t *testing.T) {
	url := minio(t, "")
	got := session(t, store(t, withKeys(url)))
	expect(t, "create", s3(t, got.Credentials, "PUT", url+"/orders", nil), 200)
	expect(t, "untouched", s3(t, got.Credentials, "PUT", url+object, order), 200)
	tests := []struct {
		name   string
		tamper func(*http.Request)
		want   int
	}{
		{"another body", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"order":1043}`)) }, 400},
		{"another path", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/orders/other", "" }, 403},
		{"a query", func(r *http.Request) { r.URL.RawQuery = "x-id=PutObject" }, 403},
		{"another method", func(r *http.Request) { r.Method = "DELETE" }, 403},
		{"another day", func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") }, 403},
		{"no token", func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, 403},
		{"half a token", func(r *http.Request) {
			token := r.Header.Get("X-Amz-Security-Token")
			r.Header.Set("X-Amz-Security-Token", token[:len(token)/2])
		}, 403},
		{"a digit of the signature", func(r *http.Request) {
			a := r.Header.Get("Authorization")
			last := "0"
			if strings.HasSuffix(a, last) {
				last = "1"
			}
			r.Header.Set("Authorization", a[:len(a)-1]+last)
		}, 403},
	}
	for _, test := range tests {
		r := s3(t, got.Credentials, "PUT", url+object, order)
		test.tamper(r)
		expect(t, test.name, r, test.want)
	}
	foreign := signing.NewCredentials(
		got.Credentials.AccessKeyID, got.Credentials.SecretAccessKey(),
		session(t, store(t, withKeys(url))).Credentials.SessionToken(),
	)
	expect(t, "another session's token", s3(t, foreign, "GET", url+object, nil), 403)
}

func TestSessionPolicyIsEnforced(t *testing.T) {
	url := minio(t, "")
	expect(t, "create", s3(t, rootKeys(), "PUT", url+"/orders", nil), 200)
	expect(t, "PUT by root", s3(t, rootKeys(), "PUT", url+object, order), 200)
	p := withKeys(url)
	p.AssumeRole.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],` +
		`"Resource":["arn:aws:s3:::orders/*"]}]}`
	got := session(t, store(t, p))
	expect(t, "GET", s3(t, got.Credentials, "GET", url+object, nil), 200)
	expect(t, "PUT", s3(t, got.Credentials, "PUT", url+object, order), 403)
}

func TestSessionFromWebIdentitySigns(t *testing.T) {
	issuerURL, tokenFile := issuer(t)
	url := minio(t, issuerURL)
	expect(t, "create", s3(t, rootKeys(), "PUT", url+"/orders", nil), 200)
	expect(t, "PUT by root", s3(t, rootKeys(), "PUT", url+object, order), 200)
	p := credentials.Profile{
		Source: credentials.SourceWebIdentityFile, WebIdentity: &credentials.WebIdentity{TokenFile: tokenFile}, STSEndpoint: url,
		AssumeRole: &credentials.AssumeRole{RoleARN: issuerRole(), SessionName: "{caller}"},
	}
	got := session(t, store(t, p))
	if body := expect(t, "GET", s3(t, got.Credentials, "GET", url+object, nil), 200); body != string(order) {
		t.Errorf("GET = %q, want %q", body, order)
	}
	p.AssumeRole.RoleARN = "arn:minio:iam:us-east-1::role/nobody-has-this-one"
	if _, err := store(t, p).Session(t.Context(), credentials.SessionRequest{}); err == nil {
		t.Error("a role that the issuer may not assume was assumed")
	}
}

func TestRefusalsAreClassified(t *testing.T) {
	url := minio(t, "")
	tests := []struct {
		name string
		edit func(*credentials.Profile)
		want error
	}{
		{
			"a secret that is not the key's", func(p *credentials.Profile) { p.Keys = signing.NewCredentials(rootUser, "another", "") },
			credentials.ErrDenied,
		},
		{"a key that does not exist", func(p *credentials.Profile) {
			p.Keys = signing.NewCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")
		}, credentials.ErrDenied},
		{
			"an invalid policy", func(p *credentials.Profile) { p.AssumeRole.Policy = `{"Version":"2012-10-17","Statement":7}` },
			credentials.ErrConfiguration,
		},
	}
	for _, test := range tests {
		p := withKeys(url)
		test.edit(&p)
		_, err := store(t, p).Session(t.Context(), credentials.SessionRequest{})
		var e *credentials.Error
		if !errors.Is(err, test.want) || !errors.As(err, &e) {
			t.Errorf("%s: Session() = %v, want %v", test.name, err, test.want)
		}
		t.Logf("%s: %v", test.name, err)
	}
}

func TestVersityAcceptsItsOwnKeys(t *testing.T) {
	url := versity(t, false)
	got := session(t, store(t, credentials.Profile{Source: credentials.SourceStatic, Keys: rootKeys()}))
	expect(t, "create", s3(t, got.Credentials, "PUT", url+"/orders", nil), 200)
	expect(t, "PUT", s3(t, got.Credentials, "PUT", url+object, order), 200)
	if body := expect(t, "GET", s3(t, got.Credentials, "GET", url+object, nil), 200); body != string(order) {
		t.Errorf("GET = %q, want %q", body, order)
	}
	r := s3(t, got.Credentials, "GET", url+object, nil)
	r.Header.Set("X-Amz-Content-Sha256", signing.PayloadHash([]byte("another")))
	expect(t, "another hash", r, 403)
}

func TestVersityIdentifiesTheCaller(t *testing.T) {
	s := store(t, credentials.Profile{Source: credentials.SourceStatic, Keys: rootKeys(), STSEndpoint: versity(t, true)})
	got, err := s.Identity(t.Context(), credentials.SessionRequest{})
	if err != nil || !strings.HasSuffix(got.ARN, ":root") {
		t.Errorf("Identity() = %+v, %v; want the root's", got, err)
	}
	s = store(
		t,
		credentials.Profile{
			Source: credentials.SourceStatic, Keys: signing.NewCredentials(rootUser, "another", ""), STSEndpoint: versity(t, true),
		},
	)
	if _, err := s.Identity(t.Context(), credentials.SessionRequest{}); !errors.Is(err, credentials.ErrConfiguration) {
		t.Errorf("Identity() = %v with a wrong secret, want ErrConfiguration", err)
	}
}
