package access

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAuthenticateProxied_FindsTheKey(t *testing.T) {
	const key, other = "crm-sync.EXAMPLE-key-that-opens-nothing", "EXAMPLE-another-key"
	hash := func(key string) string { return digest(key) }
	a, err := NewAuthenticator(Options{
		APIKeys: []APIKey{{ID: "crm-sync", SHA256: hash(key)}, {ID: "other", SHA256: hash(other)}}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	const sdk = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00"
	basic := func(key string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+key)) }
	for name, row := range map[string]struct {
		headers []string
		err     error
	}{
		"X-API-Key":                         {[]string{"X-API-Key", key}, nil},
		"Bearer":                            {[]string{"Authorization", "Bearer " + key}, nil},
		"bearer":                            {[]string{"Authorization", "bearer  " + key}, nil},
		"Basic":                             {[]string{"Authorization", basic(key)}, nil},
		"an SDK's session token":            {[]string{"Authorization", sdk, "X-Amz-Security-Token", key}, nil},
		"Version 4a":                        {[]string{"Authorization", "AWS4-ECDSA-P256-SHA256 Credential=a", "X-Amz-Security-Token", key}, nil},
		"the same key twice":                {[]string{"X-API-Key", key, "Authorization", "Bearer " + key}, nil},
		"the same key in three places":      {[]string{"X-API-Key", key, "Authorization", sdk, "X-Amz-Security-Token", key}, nil},
		"an SDK without a token, and a key": {[]string{"X-API-Key", key, "Authorization", sdk}, nil},
		"two keys":                          {[]string{"X-API-Key", key, "Authorization", "Bearer " + other}, ErrTwoKeys},
		"two headers":                       {[]string{"X-API-Key", key, "X-API-Key", other}, ErrTwoKeys},
		"a key and a session token": {
			[]string{"X-API-Key", key, "Authorization", sdk, "X-Amz-Security-Token", "session/EXAMPLE="}, ErrTwoKeys,
		},
		"two tokens": {
			[]string{"Authorization", sdk, "X-Amz-Security-Token", key, "X-Amz-Security-Token", other}, ErrTwoKeys,
		},
		"a token that no signature is with": {[]string{"X-Amz-Security-Token", key}, ErrNoCredentials},
		"an SDK without a token":            {[]string{"Authorization", sdk}, ErrNoCredentials},
		"nothing":                           {nil, ErrNoCredentials},
		"an empty key":                      {[]string{"X-API-Key", ""}, ErrNoCredentials},
		"an empty password":                 {[]string{"Authorization", basic("")}, ErrNoCredentials},
		"a wrong key":                       {[]string{"Authorization", basic("EXAMPLE-wrong")}, ErrBadCredentials},
		"a wrong token":                     {[]string{"Authorization", sdk, "X-Amz-Security-Token", "session/EXAMPLE="}, ErrBadCredentials},
		"no Base64":                         {[]string{"Authorization", "Basic !"}, ErrBadCredentials},
		"no colon": {
			[]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(key))}, ErrBadCredentials,
		},
		"another scheme":       {[]string{"Authorization", "Digest x"}, ErrBadCredentials},
		"the key as user name": {[]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":x"))}, ErrBadCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/proxy/p/h/", nil)
			for i := 0; i < len(row.headers); i += 2 {
				r.Header.Add(row.headers[i], row.headers[i+1])
			}
			caller, err := a.AuthenticateProxied(r)
			if !errors.Is(err, row.err) || (row.err == nil) != (caller.ID == "crm-sync") {
				t.Errorf("%+v, %v; want %v", caller, err, row.err)
			}
		})
	}
}

// If Authorization is passed on, it is not a credential next to X-API-Key, and it is never passed on with a key in it.
func TestAuthenticateProxied_PassesAuthorization(t *testing.T) {
	const key = "crm-sync.EXAMPLE-key-that-opens-nothing"
	const other = "EXAMPLE-another-key"
	keys := []APIKey{{ID: "crm-sync", SHA256: digest(key)}, {ID: "other", SHA256: digest(other)}}
	a, err := NewAuthenticator(Options{APIKeys: keys, Now: time.Now, PassesAuthorization: true})
	if err != nil {
		t.Fatal(err)
	}
	basic := func(key string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+key)) }
	const sdk = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00"
	for name, row := range map[string]struct {
		key, authorization, left string
		err                      error
	}{
		"a token of the receiver's":       {key, "Bearer EXAMPLE-token", "Bearer EXAMPLE-token", nil},
		"a password of the receiver":      {key, basic("EXAMPLE-password"), basic("EXAMPLE-password"), nil},
		"a scheme that is not known":      {key, "Digest x", "Digest x", nil},
		"invalid Basic":                   {key, "Basic !", "Basic !", nil},
		"another caller's key":            {key, "Bearer " + other, "Bearer " + other, ErrTwoKeys},
		"another caller's, as password":   {key, basic(other), basic(other), ErrTwoKeys},
		"the key again":                   {key, "Bearer " + key, "", nil},
		"the key again, as password":      {key, basic(key), "", nil},
		"a signature":                     {key, sdk, sdk, nil},
		"the key alone":                   {"", "Bearer " + key, "", nil},
		"the key alone, as password":      {"", basic(key), "", nil},
		"a token and no key":              {"", "Bearer EXAMPLE-token", "", ErrBadCredentials},
		"another scheme and no key":       {"", "Digest x", "Digest x", ErrBadCredentials},
		"a key and another that is wrong": {"EXAMPLE-wrong", "Bearer " + key, "Bearer " + key, ErrTwoKeys},
		"a token and a key that is wrong": {"EXAMPLE-wrong", "Bearer EXAMPLE-token", "Bearer EXAMPLE-token", ErrBadCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/proxy/p/h/", nil)
			r.Header.Set("Authorization", row.authorization)
			if row.key != "" {
				r.Header.Set("X-API-Key", row.key)
			}
			caller, err := a.AuthenticateProxied(r)
			if !errors.Is(err, row.err) || (row.err == nil) != (caller.ID == "crm-sync") {
				t.Errorf("%+v, %v; want %v", caller, err, row.err)
			}
			if left := r.Header.Get("Authorization"); left != row.left {
				t.Errorf("left %q, want %q", left, row.left)
			}
		})
	}
}
