package credentials_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
)

// Mistakes to which AWS would respond with "Untrusted signing certificate" are reported here before AWS is called.
func TestRolesAnywhere_EachMistakeHasItsMessage(t *testing.T) {
	now := time.Now()
	root := newRoot(now)
	issuer, between := chainOf(root, 2, now)
	leaf := func(edit func(*x509.Certificate)) *x509.Certificate {
		c := server(now)
		if edit != nil {
			edit(c)
		}
		return issuer.issue(c, ec256().Public(), nil)
	}
	good := leaf(nil)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	signed := func(key crypto.Signer) []byte { return pemOf(issuer.issue(server(now), key.Public(), nil)) }
	ed := must2(ed25519.GenerateKey(rand.Reader))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	mldsa := block("PRIVATE KEY", must(asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}}, make([]byte, 32)})))
	chain := pemOf(between...)
	for _, c := range []struct {
		name                    string
		certificate, key, chain []byte
		want                    string
	}{
		{"key of another certificate", pemOf(good), pkcs8(ecOther()), chain, "private key does not belong to the certificate"},
		{"key of another kind", pemOf(good), pkcs8(rsa2048()), chain, "private key does not belong to the certificate"},
		{
			"expired", pemOf(leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })), pkcs8(ec256()), chain,
			"certificate expired on ",
		},
		{
			"not yet valid", pemOf(leaf(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) })), pkcs8(ec256()), chain,
			"certificate is not valid before ",
		},
		{"CA as leaf", pemOf(issuer.certificate), pkcs8(ec256()), nil, "is a CA certificate"},
		{"chain first", pemOf(between[0], good), pkcs8(ec256()), nil, "wrong order"},
		{"chain reversed", pemOf(good), pkcs8(ec256()), pemOf(between[1], between[0]), "wrong order"},
		{"chain of another CA", pemOf(good), pkcs8(ec256()), pemOf(newRoot(now).sub("x", now).certificate), "was not issued by the one after it"},
		{"chain of a namesake", pemOf(good), pkcs8(ec256()), pemOf(namesake(between[0], now)), "was not signed by the one after it"},
		{"leaf in the chain", pemOf(good, good), pkcs8(ec256()), nil, "was not issued by the one after it"},
		{
			"no digitalSignature", pemOf(leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), pkcs8(ec256()),
			chain, "digitalSignature",
		},
		{"RSA-1024", signed(small), pkcs8(small), chain, "RSA with 1024 bits: use 2048 to 8192"},
		{"P-224", signed(p224), pkcs8(p224), chain, "EC on P-224: use P-256"},
		{"Ed25519", signed(ed), pkcs8(ed), chain, "ed25519"},
		{"ML-DSA", pemOf(good), mldsa, chain, "ML-DSA-65"},
		{"password", pemOf(good), block("ENCRYPTED PRIVATE KEY", []byte{1}), chain, "private key is encrypted"},
		{
			"old password", pemOf(good),
			pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}}), chain,
			"private key is encrypted",
		},
		{"TPM", pemOf(good), block("TSS2 PRIVATE KEY", []byte{1}), chain, "bound to a TPM"},
		{"OpenSSH", pemOf(good), block("OPENSSH PRIVATE KEY", []byte{1}), chain, "openssl pkcs8"},
		{"two keys", pemOf(good), append(pkcs8(ec256()), pkcs8(ecOther())...), chain, "there are several"},
		{"no key", pemOf(good), pemOf(good), chain, "private key contains no PRIVATE KEY PEM block"},
		{"damaged key", pemOf(good), block("PRIVATE KEY", []byte{1, 2, 3}), chain, "private key cannot be read"},
		{"no certificate", pkcs8(ec256()), pkcs8(ec256()), chain, "certificate contains no CERTIFICATE PEM block"},
		{"damaged certificate", block("CERTIFICATE", good.Raw[:40]), pkcs8(ec256()), chain, "certificate cannot be read"},
		{"DER", good.Raw, pkcs8(ec256()), chain, "certificate is binary"},
		{"text", []byte("hello"), pkcs8(ec256()), chain, "certificate is not PEM"},
		{"half of it", pemOf(good)[:200], pkcs8(ec256()), chain, "certificate is cut off"},
		{"half of the chain", pemOf(good), pkcs8(ec256()), chain[:len(chain)-80], "chain is cut off"},
		{"chain too long", pemOf(good), pkcs8(ec256()), bytesOf(between, 40), "was not issued by"},
	} {
		synctestRun(t, c.name, func(t *testing.T) {
			f := newFiles(t)
			put(t, f.certificate, c.certificate)
			put(t, f.key, c.key)
			put(t, f.chain, c.chain)
			if c.chain == nil {
				f.chain = ""
			}
			clock := func() time.Time { return now }
			aws := &served{Handler: standIn(root, clock)}
			s := open(t, credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: aws, Now: clock})
			_, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "erp"})
			var refused *credentials.Error
			if !errors.As(err, &refused) || !strings.Contains(refused.Code, c.want) {
				t.Errorf("the session is refused with %v, want %q", err, c.want)
			}
			if aws.calls() > 0 {
				t.Error("AWS was called")
			}
			if warnings := s.CertificateWarnings(); len(warnings) != 1 || !strings.Contains(warnings[0].Error(), c.want) {
				t.Errorf("at the start it is warned of %v", warnings)
			}
			if d := s.Explain(t.Context(), "erp"); d.OK() || !strings.Contains(d.Steps[len(d.Steps)-1].Detail, c.want) {
				t.Errorf("the check says %+v", d.Steps)
			}
		})
	}
}

// synctestRun runs a subtest in which waiting takes no real time.
func synctestRun(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// namesake returns a CA certificate with the same name but another key.
func namesake(c *x509.Certificate, now time.Time) *x509.Certificate {
	return newRoot(now).issue(&x509.Certificate{
		Subject: c.Subject, IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		SubjectKeyId: c.SubjectKeyId,
	}, ecOther().Public(), nil)
}

func must2[A, B any](_ A, b B, err error) B {
	if err != nil {
		panic(err)
	}
	return b
}

func bytesOf(list []*x509.Certificate, times int) (text []byte) {
	for range times {
		text = append(text, pemOf(list...)...)
	}
	return text
}

func TestRolesAnywhere_LongChainsAreRefusedBeforeAWSDoes(t *testing.T) {
	now := time.Now()
	root := newRoot(now)
	issuer, between := chainOf(root, 40, now)
	f := newFiles(t)
	put(t, f.certificate, pemOf(issuer.issue(server(now), ec256().Public(), nil)))
	put(t, f.key, pkcs8(ec256()))
	put(t, f.chain, pemOf(between...))
	s := open(t, credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: &served{Handler: standIn(root, time.Now)}})
	if _, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "erp"}); err == nil ||
		!strings.Contains(err.Error(), "chain is too long") {
		t.Errorf("a chain of 40 is refused with %v", err)
	}
}

func TestRolesAnywhere_ChecksShowTheTrustPolicy(t *testing.T) {
	root := newRoot(time.Now())
	f := newFiles(t)
	put(t, f.certificate, pemOf(root.issue(server(time.Now()), ec256().Public(), nil)))
	put(t, f.key, pkcs8(ec256()))
	f.chain = ""
	other := standIn((*authority)(nil).subWith(ecOther(), "root", time.Now()), time.Now)
	s := open(t, credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: &served{Handler: other}})
	d := s.Explain(t.Context(), "erp")
	last := d.Steps[len(d.Steps)-1]
	if d.OK() || !strings.Contains(last.Detail, "AccessDeniedException") || !strings.Contains(last.Hint, "trust anchor") {
		t.Errorf("a CA that is not trusted: %+v", d.Steps)
	}
	for _, want := range []string{"sts:SetSourceIdentity", `"aws:PrincipalTag/x509Subject/CN": "erp-01"`, `"aws:SourceArn": "` + anchorARN} {
		if !strings.Contains(d.TrustPolicy, want) {
			t.Errorf("the trust policy lacks %s:\n%s", want, d.TrustPolicy)
		}
	}
}

func TestRolesAnywhere_WarnsInTheLastThirdOfTheLifetime(t *testing.T) {
	root := newRoot(time.Now())
	c := server(time.Now())
	c.NotBefore, c.NotAfter = time.Now().Add(-20*time.Hour), time.Now().Add(9*time.Hour)
	f := newFiles(t)
	put(t, f.certificate, pemOf(root.issue(c, ec256().Public(), nil)))
	put(t, f.key, pkcs8(ec256()))
	f.chain = ""
	var events []credentials.Event
	s := open(t, credentials.Options{
		Profiles: []credentials.Profile{onPremises(f)}, Transport: &served{Handler: standIn(root, time.Now)},
		Log: func(e credentials.Event) { events = append(events, e) },
	})
	if w := s.CertificateWarnings(); len(w) != 1 || !strings.Contains(w[0].Error(), "third of its life") {
		t.Errorf("at the start it is warned of %v", w)
	}
	get(t, s, "erp")
	if len(events) != 2 || events[0].Kind != credentials.EventCertificate || events[0].Err == nil ||
		!events[0].Expires.Equal(c.NotAfter.Truncate(time.Second)) {
		t.Errorf("the log has %+v", events)
	}
	if got := s.Status().Profiles[0]; got.CertificateLife != 29*time.Hour || got.CertificateExpires.IsZero() {
		t.Errorf("the status is %+v", got)
	}
}

func TestRolesAnywhere_ErrorsContainNoKey(t *testing.T) {
	root := newRoot(time.Now())
	canary := "CANARYKEYMATERIAL0123456789abcdefABCDEF"
	for _, key := range []string{
		"-----BEGIN PRIVATE KEY-----\n" + canary + "\n-----END PRIVATE KEY-----\n", canary, "-----BEGIN PRIVATE KEY-----\n" + canary,
		"-----BEGIN " + canary + "-----\nAAAA\n-----END " + canary + "-----\n",
	} {
		f := newFiles(t)
		put(t, f.certificate, pemOf(root.issue(server(time.Now()), ec256().Public(), nil)))
		put(t, f.key, []byte(key))
		f.chain = ""
		var events []credentials.Event
		s := open(t, credentials.Options{
			Profiles: []credentials.Profile{onPremises(f)}, Transport: &served{Handler: standIn(root, time.Now)},
			Log: func(e credentials.Event) { events = append(events, e) },
		})
		_, err := s.Session(t.Context(), credentials.SessionRequest{Profile: "erp"})
		text := ""
		for _, e := range events {
			text += e.Err.Error() + e.Detail + e.Hint
		}
		for _, w := range s.CertificateWarnings() {
			text += w.Error()
		}
		if err == nil || strings.Contains(err.Error()+text, canary[:12]) {
			t.Errorf("the key %q is revealed: %v %s", key, err, text)
		}
	}
}
