package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// testPair is a certificate with its key, each in a file.
type testPair struct {
	certificate       *x509.Certificate
	key               *ecdsa.PrivateKey
	certFile, keyFile string
}

// newPair makes a certificate of an issuer, or a self-signed one if the issuer is nil.
func newPair(t *testing.T, name string, issuer *testPair) *testPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true,
	}
	p := &testPair{key: key, certificate: template}
	if issuer == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		issuer = p
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	if p.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.certFile = writePEM(t, name+".crt", "CERTIFICATE", der)
	p.keyFile = writePEM(t, name+".key", "PRIVATE KEY", private)
	return p
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	return writeFile(t, name, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// As in the guide: the sandbox gives sessions to certificates of its trust anchor, and to no others.
func TestSandbox_TrustAnchor(t *testing.T) {
	anchor := newPair(t, "ca", nil)
	p := serveSandbox(t, "--trust-anchor", anchor.certFile)
	sts := regexp.MustCompile(`AWS_ENDPOINT_URL_STS=(\S+)`).FindStringSubmatch(p.out.String())
	if sts == nil {
		t.Fatalf("no address of the STS:\n%s", &p.out)
	}
	for name, test := range map[string]struct {
		pair *testPair
		code int
		want string
	}{
		"of the trust anchor": {newPair(t, "erp", anchor), 0, "ok   erp: session"},
		"of another":          {newPair(t, "erp", newPair(t, "other", nil)), 1, "FAIL "},
	} {
		const id = "11111111-2222-3333-4444-555555555555"
		file := writeFile(t, "countersign.yaml", "auth: none\nprofiles:\n  erp:\n    region: eu-west-1\n    source: roles-anywhere\n"+
			"    roles_anywhere:\n"+
			"      certificate_file: "+test.pair.certFile+"\n      private_key_file: "+test.pair.keyFile+
			"\n      trust_anchor_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/"+id+
			"\n      profile_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:profile/"+id+
			"\n      role_arn: arn:aws:iam::123456789012:role/sandbox-caller\n")
		check := program{env: map[string]string{"AWS_ENDPOINT_URL": sts[1]}}
		code := check.run(t.Context(), "serve", "--config", file, "--check", "--online")
		if code != test.code || !strings.Contains(check.out.String(), test.want) {
			t.Errorf("%s: exit code %d, want %d with %q\n%s%s", name, code, test.code, test.want, &check.out, &check.err)
		}
	}
}

func TestSandbox_TrustAnchorMustBeCertificates(t *testing.T) {
	pair := newPair(t, "ca", nil)
	for file, want := range map[string]string{
		pair.keyFile: "holds no PEM block CERTIFICATE", filepath.Join(t.TempDir(), "none.pem"): "no such file",
		writePEM(t, "bad.pem", "CERTIFICATE", []byte("no certificate")): "bad.pem: ",
	} {
		var p program
		if code := p.run(t.Context(), "sandbox", "--once", "--trust-anchor", file); code == 0 || !strings.Contains(p.err.String(), want) {
			t.Errorf("%s: exit code %d, want an error with %q\n%s", file, code, want, &p.err)
		}
	}
}
