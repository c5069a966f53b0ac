package credentials_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/sandbox"
)

const (
	anchorARN  = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555"
	profileARN = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/11111111-2222-3333-4444-555555555555"
)

func onPremises(f files) credentials.Profile {
	p := credentials.Profile{
		Name: "erp", Region: "eu-west-1", Source: credentials.SourceRolesAnywhere,
		RolesAnywhere: &credentials.RolesAnywhere{
			CertificateFile: f.certificate, PrivateKeyFile: f.key,
			TrustAnchorARN: anchorARN, ProfileARN: profileARN, RoleARN: sandbox.RoleARN,
		},
	}
	if f.chain != "" {
		p.RolesAnywhere.ChainFile = f.chain
	}
	return p
}

// standIn imitates IAM Roles Anywhere with the root as its trust anchor.
func standIn(root *authority, now func() time.Time) http.Handler {
	o := sandbox.Options{Now: now, Region: "eu-west-1"}
	if root != nil {
		o.TrustAnchor = []*x509.Certificate{root.certificate}
	}
	return sandbox.New(o).STS()
}

// served is a handler as a transport that records the last request.
type served struct {
	http.Handler
	mu    sync.Mutex
	last  *http.Request
	body  []byte
	count int
}

func (s *served) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	s.last, s.body = r, body
	s.count++
	s.mu.Unlock()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, arrive(r, body))
	return w.Result(), nil
}

func (s *served) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// arrive returns a request as a server receives it.
func arrive(r *http.Request, body []byte) *http.Request {
	return &http.Request{
		Method: r.Method, URL: r.URL, RequestURI: r.URL.RequestURI(), Host: r.URL.Host, Header: r.Header.Clone(),
		Body: io.NopCloser(bytes.NewReader(body)),
	}
}

var keyKinds = map[string]func() crypto.Signer{"RSA-2048": rsa2048, "RSA-4096": rsa4096, "P-256": ec256, "P-384": ec384}

func TestRolesAnywhere_AcceptsEachKindOfKeyAndChain(t *testing.T) {
	for name, key := range keyKinds {
		if testing.Short() && name == "RSA-4096" {
			continue // generating the key takes a second
		}
		for length := range 4 {
			t.Run(fmt.Sprintf("%s, chain of %d", name, length), func(t *testing.T) {
				root := newRoot(time.Now())
				issuer, between := chainOf(root, length, time.Now())
				f := newFiles(t)
				put(t, f.certificate, pemOf(issuer.issue(server(time.Now()), key().Public(), nil)))
				put(t, f.key, pkcs8(key()))
				put(t, f.chain, pemOf(append(between, root.certificate)...)) // a root at the end is left out
				aws := &served{Handler: standIn(root, time.Now)}
				s := open(t, credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: aws})
				got := get(t, s, "erp")
				if got.RoleARN != sandbox.RoleARN || got.SessionName == "" || got.SourceIdentity != "CN=erp-01" ||
					got.Credentials.SessionToken() == "" {
					t.Errorf("Session() = %+v", got)
				}
				if host := aws.last.URL.Host; host != "rolesanywhere.eu-west-1.amazonaws.com" {
					t.Errorf("%s was called", host)
				}
				if n := len(aws.last.Header.Get("X-Amz-X509-Chain")); (n > 0) != (length > 0) {
					t.Errorf("a chain of %d takes %d bytes", length, n)
				}
			})
		}
	}
}

// A bit is flipped in every byte of the signed data, of the signature and of its scope.
func TestRolesAnywhere_EveryByteIsSigned(t *testing.T) {
	for _, name := range []string{"RSA-2048", "P-256", "P-384"} {
		t.Run(name, func(t *testing.T) {
			key := keyKinds[name]
			root := newRoot(time.Now())
			issuer, between := chainOf(root, 1, time.Now())
			f := newFiles(t)
			put(t, f.certificate, pemOf(issuer.issue(server(time.Now()), key().Public(), nil), between[0]))
			put(t, f.key, pkcs8(key()))
			f.chain = ""
			at := time.Now()
			aws := &served{Handler: standIn(root, func() time.Time { return at })}
			s := open(t, credentials.Options{
				Profiles: []credentials.Profile{onPremises(f)}, Transport: aws, Now: func() time.Time { return at },
			})
			get(t, s, "erp")
			refused, equal := flipEach(t, aws)
			t.Logf("%d flips refused, %d mean the same", refused, equal)
			want := 1500
			if testing.Short() {
				want /= eachInShort
			}
			if refused < want || equal > 20 {
				t.Errorf("%d flips refused, and %d mean the same", refused, equal)
			}
		})
	}
}

// eachInShort: go test -short flips only one byte in this many; a prime, so that it follows no pattern.
const eachInShort = 7

func flipEach(t *testing.T, aws *served) (refused, equal int) {
	send := func(r *http.Request, body []byte) int {
		w := httptest.NewRecorder()
		aws.ServeHTTP(w, arrive(r, body))
		return w.Code
	}
	try := func(what string, text string, change func(r *http.Request, text string) []byte) {
		for i := range text {
			if testing.Short() && i%eachInShort > 0 {
				continue
			}
			flipped := []byte(text)
			flipped[i] ^= 1
			if c := text[i]; 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
				flipped[i] = c ^ 0x20 // the other case
			}
			r := aws.last.Clone(t.Context())
			body := change(r, string(flipped))
			switch code := send(r, body); {
			case code != http.StatusCreated:
				refused++
			case what == "query" && text[i-1] == '%' || what == "query" && i > 1 && text[i-2] == '%':
				equal++ // %3A and %3a are the same character
			default:
				t.Errorf("%s: flipping byte %d of %q goes unnoticed", what, i, text)
			}
		}
	}
	for header, values := range aws.last.Header {
		if header == "User-Agent" {
			continue // intermediaries may change it
		}
		try(header, values[0], func(r *http.Request, text string) []byte { r.Header.Set(header, text); return aws.body })
	}
	try("query", aws.last.URL.RawQuery, func(r *http.Request, text string) []byte { r.URL.RawQuery = text; return aws.body })
	try("host", aws.last.URL.Host, func(r *http.Request, text string) []byte { r.URL.Host = text; return aws.body })
	try("body", string(aws.body), func(_ *http.Request, text string) []byte { return []byte(text) })
	return refused, equal
}

func TestRolesAnywhere_ReadsEachKeyFormat(t *testing.T) {
	root := newRoot(time.Now())
	rsaKey, ecKey := rsa2048().(*rsa.PrivateKey), ec256().(*ecdsa.PrivateKey)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	parameters := block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	for name, c := range map[string]struct {
		key  crypto.Signer
		text []byte
	}{
		"PKCS #8, RSA": {rsaKey, pkcs8(rsaKey)}, "PKCS #8, EC": {ecKey, pkcs8(ecKey)},
		"PKCS #1": {rsaKey, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))},
		"SEC 1":   {ecKey, append(parameters, block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey)))...)},
	} {
		t.Run(name, func(t *testing.T) {
			leaf := pemOf(root.issue(server(time.Now()), c.key.Public(), nil))
			p := onPremises(files{})
			p.RolesAnywhere.CertificateVariable, p.RolesAnywhere.PrivateKeyVariable = "CERT", "KEY"
			oneLine := strings.ReplaceAll(string(c.text), "\n", `\n`) // as templates write it
			env := map[string]string{"CERT": "Bag Attributes\n  friendlyName: erp\n" + string(leaf), "KEY": oneLine}
			s := open(t, credentials.Options{
				Profiles: []credentials.Profile{p}, Transport: &served{Handler: standIn(root, time.Now)},
				Getenv: func(name string) string { return env[name] },
			})
			get(t, s, "erp")
		})
	}
}

func TestRolesAnywhere_EndpointsOfPartitions(t *testing.T) {
	root := newRoot(time.Now())
	for _, c := range []struct {
		partition, region, want string
		edit                    func(*credentials.Profile)
	}{
		{"aws", "eu-west-1", "rolesanywhere.eu-west-1.amazonaws.com", nil},
		{"aws-cn", "cn-north-1", "rolesanywhere.cn-north-1.amazonaws.com.cn", nil},
		{"aws-us-gov", "us-gov-west-1", "rolesanywhere.us-gov-west-1.amazonaws.com", nil},
		{"aws-us-gov", "us-gov-west-1", "rolesanywhere-fips.us-gov-west-1.amazonaws.com", func(p *credentials.Profile) { p.FIPS = true }},
		{"aws", "us-east-1", "rolesanywhere.us-east-1.api.aws", func(p *credentials.Profile) { p.DualStack = true }},
	} {
		t.Run(c.want, func(t *testing.T) {
			f := newFiles(t)
			put(t, f.certificate, pemOf(root.issue(server(time.Now()), ec256().Public(), nil)))
			put(t, f.key, pkcs8(ec256()))
			f.chain = ""
			p := onPremises(f)
			p.Region = ""
			there := strings.NewReplacer("arn:aws:", "arn:"+c.partition+":", "eu-west-1", c.region)
			ra := p.RolesAnywhere
			ra.TrustAnchorARN, ra.ProfileARN, ra.RoleARN = there.Replace(anchorARN), there.Replace(profileARN), there.Replace(roleARN)
			if c.edit != nil {
				c.edit(&p)
			}
			aws := &served{Handler: sandbox.New(sandbox.Options{
				Now: time.Now, Region: c.region, TrustAnchor: []*x509.Certificate{root.certificate}, Roles: []sandbox.Role{{ARN: ra.RoleARN}},
			}).STS()}
			s := open(t, credentials.Options{Profiles: []credentials.Profile{p}, Transport: aws})
			get(t, s, "erp")
			if got := aws.last.URL.Scheme + "://" + aws.last.URL.Host; got != "https://"+c.want {
				t.Errorf("%s was called, want %s", got, c.want)
			}
		})
	}
}

func TestRolesAnywhere_NoSessionOutlivesItsCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := newRoot(time.Now())
		c := server(time.Now())
		c.NotAfter = time.Now().Add(40 * time.Minute)
		f := newFiles(t)
		put(t, f.certificate, pemOf(root.issue(c, ec256().Public(), nil)))
		put(t, f.key, pkcs8(ec256()))
		f.chain = ""
		aws := &served{Handler: standIn(root, time.Now)}
		s := open(t, credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: aws})
		if got := get(t, s, "erp"); !got.Expires.Equal(c.NotAfter.Truncate(time.Second)) {
			t.Errorf("the session ends at %v, the certificate at %v", got.Expires, c.NotAfter)
		}
		time.Sleep(35 * time.Minute)
		if got := get(t, s, "erp"); got.Expires.After(c.NotAfter) {
			t.Errorf("five minutes before its end, the session ends at %v", got.Expires)
		}
		time.Sleep(5*time.Minute + time.Second)
		calls := aws.calls()
		for range 100 {
			_, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "erp"})
			var refused *credentials.Error
			if !errors.As(err, &refused) || !errors.Is(err, credentials.ErrUnavailable) || !strings.Contains(refused.Code, "expired on") {
				t.Fatalf("after the certificate's end: %v", err)
			}
			time.Sleep(10 * time.Second)
		}
		if more := aws.calls() - calls; more != 0 {
			t.Errorf("AWS was called %d times with an expired certificate", more)
		}
		c = server(time.Now())
		put(t, f.certificate, pemOf(root.issue(c, ec256().Public(), nil)))
		time.Sleep(time.Minute)
		get(t, s, "erp")
	})
}

// rotate replaces the pair, file by file and half a file at a time, as careless tools do.
func rotate(t testing.TB, root *authority, f files, n int, step func()) *x509.Certificate {
	issuer, between := chainOf(root, 2, time.Now())
	key := []func() crypto.Signer{ec256, ecOther, rsa2048}[n%3]()
	c := server(time.Now())
	c.NotAfter = c.NotAfter.Add(time.Duration(n) * time.Second)
	leaf := issuer.issue(c, key.Public(), nil)
	texts := [][]byte{pemOf(leaf), pkcs8(key), pemOf(between...)}
	paths := []string{f.certificate, f.key, f.chain}
	for i := range paths {
		at := (i + n) % 3 // in every order
		text := texts[at]
		half := len(text) / 2
		if paths[at] == f.chain {
			half = len(pemOf(between[0])) // a whole block: the chain ends too early
		}
		put(t, paths[at], text[:half])
		step()
		put(t, paths[at], text)
		step()
	}
	return leaf
}

var rotations = flag.Int("rotations", 60, "how many times to replace a certificate while sessions are fetched; 1000 is the full run")

func TestRolesAnywhere_RotationsFailNoRequest(t *testing.T) {
	root := newRoot(time.Now())
	f := newFiles(t)
	last := rotate(t, root, f, 0, func() {})
	aws := &served{Handler: standIn(root, time.Now)}
	var mu sync.Mutex
	kept := 0
	s := open(t, credentials.Options{
		Profiles: []credentials.Profile{onPremises(f)}, Transport: aws,
		Log: func(e credentials.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == credentials.EventCertificate {
				kept++
			}
		},
	})
	sessions := 0
	fetch := func() {
		s.Invalidate("erp")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "erp", Caller: "crm"}); err != nil {
					var e *credentials.Error
					_ = errors.As(err, &e)
					t.Errorf("a session was not issued: %v (%s)", err, e.Detail)
				}
			})
		}
		all.Wait()
		sessions += 4
	}
	fetch()
	s.UnlimitedFetches()
	times := *rotations
	if testing.Short() {
		times /= 3
	}
	for n := 1; n <= times; n++ {
		last = rotate(t, root, f, n, fetch)
	}
	fetch()
	if got := s.Status().Profiles[0]; !got.CertificateExpires.Equal(last.NotAfter) {
		t.Errorf("the certificate in use ends at %v, that of the last rotation at %v", got.CertificateExpires, last.NotAfter)
	}
	t.Logf("%d rotations, %d requests for sessions, the old pair kept %d times", times, sessions, kept)
	if kept == 0 {
		t.Error("no half-written pair was read")
	}
}

func TestRolesAnywhere_FirstPairMayBeHalfWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := newRoot(time.Now())
		f := newFiles(t)
		rotate(t, root, f, 0, func() {})
		put(t, f.key, pkcs8(rsaOther()))
		s := open(t, credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: &served{Handler: standIn(root, time.Now)}})
		go func() {
			time.Sleep(150 * time.Millisecond)
			put(t, f.key, pkcs8(ec256()))
		}()
		get(t, s, "erp")
		synctest.Wait()
	})
}
