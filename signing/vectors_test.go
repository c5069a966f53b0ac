package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// A vector is a request and its signature in the header form, the query form or both, step by step.
// Texts are lists of lines.
type vector struct {
	Name                string
	Method, URL         string
	Headers             [][2]string
	Body                string
	Credentials         [3]string // access key id, secret access key, session token
	Service, Region     string
	Time                string
	Algorithm           signing.Algorithm
	Path                string // "normalized", "s3", or as it is
	DoubleEncode        bool
	Payload             string // instead of the hash of the body
	ContentSHA256Header bool
	Token               signing.TokenMode
	SignedHeaders       []string
	SignAllHeaders      bool
	Expires             int
	PublicKey           [2]string // x, y
	Header, Presigned   *steps
}

// steps are the known results of one form, in the order in which they are computed.
type steps struct {
	CanonicalQuery         string
	CanonicalRequest       []string
	CanonicalRequestSHA256 string
	StringToSign           []string
	Signature              string
	Samples                []string // signatures with a random nonce
	Authorization          string
	Target                 string
}

type vectorFile struct {
	Source     string
	Cases      []vector
	Unsendable []struct{ Name, Reason string }
}

// vectorFiles are the files, with the number of cases in each form.
var vectorFiles = []struct {
	name                                 string
	cases, header, presigned, unsendable int
}{
	{"sigv4.json", 34, 34, 34, 4},
	{"sigv4a.json", 34, 34, 34, 4},
	{"documentation.json", 8, 7, 1, 0},
	{"extra.json", 6, 6, 0, 0},
}

// loadJSON reads a file of testdata, and fails on unknown fields.
func loadJSON(t testing.TB, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("decoding %s: %v", name, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatalf("%s has text after its end", name)
	}
}

// loadVectors returns all cases, and fails unless their number is right.
func loadVectors(t testing.TB) []vector {
	t.Helper()
	var all []vector
	for _, want := range vectorFiles {
		var file vectorFile
		loadJSON(t, want.name, &file)
		header, presigned := 0, 0
		for _, v := range file.Cases {
			if v.Header == nil && v.Presigned == nil {
				t.Errorf("%s: %s expects nothing", want.name, v.Name)
			}
			if v.Header != nil {
				header++
			}
			if v.Presigned != nil {
				presigned++
			}
		}
		for _, u := range file.Unsendable {
			if u.Name == "" || u.Reason == "" {
				t.Errorf("%s: %+v lacks its name or reason", want.name, u)
			}
		}
		got := [...]int{len(file.Cases), header, presigned, len(file.Unsendable)}
		if got != [...]int{want.cases, want.header, want.presigned, want.unsendable} {
			t.Fatalf("%s holds %v cases, header forms, presigned forms and unsendable cases, want %+v", want.name, got, want)
		}
		all = append(all, file.Cases...)
	}
	return all
}

// request returns the vector's request to sign.
func (v *vector) request(t testing.TB) *signing.Request {
	t.Helper()
	u := mustParse(t, v.URL)
	switch v.Path {
	case "normalized":
		u = u.NormalizePath()
	case "s3":
		var err error
		if u, err = u.CleanS3Key(); err != nil {
			t.Fatal(err)
		}
	case "":
	default:
		t.Fatalf("unknown path %q", v.Path)
	}
	at, err := time.Parse("20060102T150405Z", v.Time)
	if err != nil {
		t.Fatal(err)
	}
	payload := v.Payload
	if payload == "" {
		payload = signing.PayloadHash([]byte(v.Body))
	}
	r := &signing.Request{
		Method:              v.Method,
		URL:                 u,
		PayloadHash:         payload,
		Scope:               signing.Scope{Service: v.Service, Region: v.Region},
		Algorithm:           v.Algorithm,
		Time:                at,
		Credentials:         signing.NewCredentials(v.Credentials[0], v.Credentials[1], v.Credentials[2]),
		SingleEncode:        !v.DoubleEncode,
		ContentSHA256Header: v.ContentSHA256Header,
		Token:               v.Token,
		SignedHeaders:       v.SignedHeaders,
		SignAllHeaders:      v.SignAllHeaders,
		Expires:             time.Duration(v.Expires) * time.Second,
		Explain:             true,
	}
	for _, h := range v.Headers {
		r.Headers = append(r.Headers, signing.Header{Name: h[0], Value: h[1]})
	}
	return r
}

// compare reports the first step that is wrong.
func (want *steps) compare(t *testing.T, got signing.Signed, key signing.Key) {
	t.Helper()
	if query := strings.Split(got.CanonicalRequest, "\n")[2]; want.CanonicalQuery != "" && query != want.CanonicalQuery {
		t.Fatalf("canonical query = %q, want %q", query, want.CanonicalQuery)
	}
	if text := strings.Join(want.CanonicalRequest, "\n"); text != "" && got.CanonicalRequest != text {
		t.Fatalf("canonical request =\n%s\nwant\n%s", got.CanonicalRequest, text)
	}
	sum := sha256.Sum256([]byte(got.CanonicalRequest))
	if hash := hex.EncodeToString(sum[:]); want.CanonicalRequestSHA256 != "" && hash != want.CanonicalRequestSHA256 {
		t.Fatalf("SHA-256 of the canonical request = %s, want %s, of\n%s", hash, want.CanonicalRequestSHA256, got.CanonicalRequest)
	}
	if text := strings.Join(want.StringToSign, "\n"); text != "" && got.StringToSign != text {
		t.Fatalf("string to sign =\n%s\nwant\n%s", got.StringToSign, text)
	}
	if want.Signature != "" && got.Signature != want.Signature {
		t.Fatalf("signature = %s, want %s", got.Signature, want.Signature)
	}
	for _, signature := range append(want.Samples, got.Signature) {
		if !key.Verify(got.StringToSign, signature) {
			t.Fatalf("signature %s does not verify", signature)
		}
	}
}

func TestSign_Vectors(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		if v.Header == nil {
			continue
		}
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			got, err := signer.Sign(r)
			if err != nil {
				t.Fatal(err)
			}
			v.Header.compare(t, got, v.key(t, r))
			if v.Header.Authorization != "" && got.Authorization != v.Header.Authorization {
				t.Errorf("authorization = %q, want %q", got.Authorization, v.Header.Authorization)
			}
			if last := got.Headers[len(got.Headers)-1]; last != (signing.Header{Name: "Authorization", Value: got.Authorization}) {
				t.Errorf("last header = %q, want the authorization", last)
			}
		})
	}
}

func TestPresign_Vectors(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		if v.Presigned == nil {
			continue
		}
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			r.ContentSHA256Header = false // the suites have it in the header form only
			got, err := signer.Presign(r)
			if err != nil {
				t.Fatal(err)
			}
			v.Presigned.compare(t, got, v.key(t, r))

			target := v.Presigned.Target
			if v.Algorithm == signing.ECDSA {
				target += "&X-Amz-Signature=" + got.Signature
			}
			want := mustParse(t, "https://"+r.URL.Host()+target)
			if canonicalQuery(t, got.URL) != canonicalQuery(t, want) {
				t.Errorf("URL = %q, want the parameters of %q", got.URL, want)
			}
		})
	}
}

// key returns the vector's signing key, after comparing it with the public key if the vector has
// one.
func (v *vector) key(t *testing.T, r *signing.Request) signing.Key {
	t.Helper()
	key, err := signing.DeriveKey(r.Algorithm, r.Credentials, r.Time, r.Scope)
	if err != nil {
		t.Fatal(err)
	}
	if v.PublicKey[0] != "" {
		if got := publicKey(t, key); got != v.PublicKey {
			t.Fatalf("public key = %s, want %s", got, v.PublicKey)
		}
	}
	return key
}

// publicKey returns x and y in hexadecimal.
func publicKey(t *testing.T, key signing.Key) [2]string {
	t.Helper()
	point, err := key.PublicKey().Bytes() // 4, x, y: SEC 1, section 2.3.3
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{hex.EncodeToString(point[1:33]), hex.EncodeToString(point[33:])}
}

// signedHeaders returns the signed headers of a request, given its result.
func signedHeaders(r *signing.Request, whole signing.Signed) []signing.Header {
	names := strings.Split(whole.SignedHeaders, ";")
	signed := []signing.Header{{Name: "Host", Value: r.URL.Host()}}
	for _, h := range whole.Headers {
		if slices.Contains(names, strings.ToLower(h.Name)) {
			signed = append(signed, h)
		}
	}
	return signed
}

// The separate steps give the same results as Sign.
func TestSteps_GiveWhatSignGives(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			want, err := signer.Sign(r)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := signing.Canonicalize(r)
			if err != nil {
				t.Fatal(err)
			}
			query, err := signing.CanonicalQuery(r.URL.RawQuery())
			if err != nil {
				t.Fatal(err)
			}
			headers, names, err := signing.CanonicalHeaders(signedHeaders(r, whole))
			if err != nil {
				t.Fatal(err)
			}
			canonical := signing.CanonicalRequest(r.Method, signing.CanonicalURI(r.URL.Path(), r.SingleEncode), query, headers, names, r.PayloadHash)
			scope := signing.CredentialScope(r.Algorithm, r.Time, r.Scope)
			text := signing.StringToSign(r.Algorithm, r.Time, scope, canonical)
			signature, err := v.key(t, r).Sign(text)
			if err != nil {
				t.Fatal(err)
			}
			authorization := signing.Authorization(r.Algorithm, r.Credentials.AccessKeyID, scope, names, signature)

			for _, tt := range []struct{ name, got, want string }{
				{"canonical request", canonical, want.CanonicalRequest},
				{"canonical request of Canonicalize", whole.CanonicalRequest, want.CanonicalRequest},
				{"credential scope", scope, want.CredentialScope},
				{"signed headers", whole.SignedHeaders, want.SignedHeaders},
				{"date", whole.Date, want.Date},
				{"string to sign", text, want.StringToSign},
				{"signature", signature, want.Signature},
				{"authorization", authorization, want.Authorization},
			} {
				if tt.got != tt.want {
					t.Errorf("%s = %q, want %q", tt.name, tt.got, tt.want)
				}
			}
			if n := len(want.Headers) - 1; len(whole.Headers) != n || n > 0 && whole.Headers[0] != want.Headers[0] {
				t.Errorf("headers of Canonicalize = %q, want %q without the last", whole.Headers, want.Headers)
			}
		})
	}
}
