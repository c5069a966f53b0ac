package credentials_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Keys are generated once: RSA keys take a second.
var (
	rsa2048  = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaOther = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsa4096  = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 4096)) })
	ec256    = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ecOther  = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec384    = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// authority is a CA that signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

var serials = struct {
	sync.Mutex
	last int64
}{last: 1 << 40}

func serial() *big.Int {
	serials.Lock()
	defer serials.Unlock()
	serials.last++
	return new(big.Int).Lsh(big.NewInt(serials.last), 64) // longer than 64 bits
}

// issue issues a certificate for a key; without an authority the certificate is self-signed.
func (a *authority) issue(c *x509.Certificate, key crypto.PublicKey, self crypto.Signer) *x509.Certificate {
	parent, signer := c, self
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	c.SerialNumber, c.BasicConstraintsValid = serial(), true
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, c, parent, key, signer))))
}

func (a *authority) sub(name string, now time.Time) *authority { return a.subWith(ec256(), name, now) }

func (a *authority) subWith(key crypto.Signer, name string, now time.Time) *authority {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(10000 * time.Hour), SubjectKeyId: []byte(name),
	}
	return &authority{a.issue(c, key.Public(), key), key}
}

func newRoot(now time.Time) *authority { return (*authority)(nil).sub("root", now) }

// chainOf returns a CA with the given number of CAs between it and the root; between starts with the lowest.
func chainOf(root *authority, length int, now time.Time) (lowest *authority, between []*x509.Certificate) {
	lowest = root
	for i := range length {
		lowest = lowest.sub(fmt.Sprintf("intermediate %d", i), now)
		between = append([]*x509.Certificate{lowest.certificate}, between...)
	}
	return lowest, between
}

func server(now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: "erp-01", Organization: []string{"Example"}}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
	}
}

func pemOf(list ...*x509.Certificate) (text []byte) {
	for _, c := range list {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

func pkcs8(key crypto.Signer) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
}

// files are the paths of a pair on disk.
type files struct{ certificate, key, chain string }

func newFiles(t *testing.T) files {
	folder := t.TempDir()
	return files{filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"), filepath.Join(folder, "chain.pem")}
}

func put(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
