//go:build peers

package sts_test

import (
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"countersign/access"
)

// TestCaller_WithATokenFromAnOpenIDConnectIssuer uses a token from a third-party issuer.
func TestCaller_WithATokenFromAnOpenIDConnectIssuer(t *testing.T) {
	url, tokenFile := issuer(t)
	auth, err := access.NewAuthenticator(access.Options{
		OIDC: []access.OIDC{{Name: "mock", Issuer: url, Audiences: []string{audience}, Everyone: true}}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	request := &http.Request{Header: http.Header{"Authorization": {"Bearer " + string(token)}}}
	caller, err := auth.Authenticate(request)
	if err != nil || caller.ID != "mock:crm-sync" || caller.Method != access.MethodOIDC {
		t.Errorf("got %+v, %v", caller, err)
	}
	token[len(token)-20] ^= 1
	request.Header.Set("Authorization", "Bearer "+string(token))
	if caller, err := auth.Authenticate(request); !errors.Is(err, access.ErrBadCredentials) {
		t.Errorf("a token whose signature was changed: got %+v, %v", caller, err)
	}
}
