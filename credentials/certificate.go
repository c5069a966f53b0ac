package credentials

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// pair is a certificate with its private key and the certificates between it and the trust anchor.
type pair struct {
	leaf  *x509.Certificate
	chain []*x509.Certificate // the issuer of the leaf first
	key   crypto.Signer
}

// parsePair reads a pair from PEM. The certificate may be followed by its chain. AWS responds "Untrusted signing
// certificate" to nearly every mistake, so everything that can be detected here is reported here. Errors contain
// nothing from the texts.
func parsePair(certificate, key, chain []byte) (*pair, error) {
	certificates, err := parseCertificates("certificate", certificate)
	if err != nil {
		return nil, err
	}
	if len(chain) > 0 {
		more, err := parseCertificates("chain", chain)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, more...)
	}
	p := &pair{leaf: certificates[0], chain: certificates[1:]}
	if n := len(p.chain); n > 0 && bytes.Equal(p.chain[n-1].RawIssuer, p.chain[n-1].RawSubject) {
		p.chain = p.chain[:n-1] // a root: either it is AWS's trust anchor, or AWS does not trust it
	}
	if p.key, err = parseKey(key); err != nil {
		return nil, err
	}
	return p, p.check()
}

// check checks everything that does not depend on the time.
func (p *pair) check() error {
	public, ok := p.leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case p.leaf.IsCA && len(p.chain) > 0 && !p.chain[len(p.chain)-1].IsCA:
		return errors.New("chain is in the wrong order: the leaf certificate must be first, then its issuer, then the issuer's issuer")
	case p.leaf.IsCA:
		return errors.New("certificate is a CA certificate: IAM Roles Anywhere takes end-entity certificates (CA:FALSE)")
	case !ok:
		return fmt.Errorf("certificate has a key with the algorithm %s: use RSA, or EC on P-256, P-384 or P-521",
			nameOf(p.leaf.RawSubjectPublicKeyInfo))
	case !public.Equal(p.key.Public()):
		return errors.New("private key does not belong to the certificate")
	case p.leaf.KeyUsage != 0 && p.leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("certificate lacks the key usage digitalSignature")
	}
	if err := checkKey(p.key); err != nil {
		return err
	}
	for i, c := range p.all() {
		if weakSignature[c.SignatureAlgorithm] {
			return fmt.Errorf("%s is signed with %v: AWS needs SHA-256 or better", ordinal(i), c.SignatureAlgorithm)
		}
	}
	return p.checkChain()
}

var weakSignature = map[x509.SignatureAlgorithm]bool{
	x509.MD2WithRSA: true, x509.MD5WithRSA: true, x509.SHA1WithRSA: true, x509.DSAWithSHA1: true, x509.ECDSAWithSHA1: true,
}

// checkChain checks that each certificate is issued by the next. Only AWS knows whether the trust anchor issued the
// last one.
func (p *pair) checkChain() error {
	all := p.all()
	for i, issuer := range p.chain {
		child := all[i]
		switch {
		case !bytes.Equal(child.RawIssuer, issuer.RawSubject) && p.issuedWithin(child):
			return fmt.Errorf("chain is in the wrong order: %s must be followed by its issuer", ordinal(i))
		case !bytes.Equal(child.RawIssuer, issuer.RawSubject):
			return fmt.Errorf("chain does not fit: %s was not issued by the one after it", ordinal(i))
		case !issuer.IsCA:
			return fmt.Errorf("%s is not a CA certificate, so it cannot be the issuer of the one before it", ordinal(i+1))
		case child.CheckSignatureFrom(issuer) != nil:
			return fmt.Errorf("chain does not fit: %s was not signed by the one after it", ordinal(i))
		}
	}
	return nil
}

func (p *pair) issuedWithin(child *x509.Certificate) bool {
	return slices.ContainsFunc(p.chain, func(c *x509.Certificate) bool { return bytes.Equal(child.RawIssuer, c.RawSubject) })
}

func ordinal(i int) string {
	if i == 0 {
		return "certificate"
	}
	return fmt.Sprintf("certificate %d of the chain", i)
}

// checkTime fails unless the pair can be used now.
func (p *pair) checkTime(now time.Time) error {
	for i, c := range p.all() {
		switch {
		case now.Before(c.NotBefore):
			return fmt.Errorf("%s is not valid before %s", ordinal(i), c.NotBefore.UTC().Format(time.RFC3339))
		case now.After(c.NotAfter):
			return fmt.Errorf("%s expired on %s", ordinal(i), c.NotAfter.UTC().Format(time.RFC3339))
		case now.After(c.NotAfter.Add(-leastLife)): // a session made with it would end too soon
			return fmt.Errorf("%s ends within two minutes", ordinal(i))
		}
	}
	return nil
}

func (p *pair) equal(q *pair) bool {
	return p.leaf.Equal(q.leaf) && slices.EqualFunc(p.chain, q.chain, (*x509.Certificate).Equal)
}

// all returns the certificates, the leaf first.
func (p *pair) all() []*x509.Certificate { return append([]*x509.Certificate{p.leaf}, p.chain...) }

// end is the earliest end of any of the certificates.
func (p *pair) end() time.Time {
	return slices.MinFunc(p.all(), func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }).NotAfter
}

// endsSoon reports whether less than a third of the certificate's lifetime is left.
func (p *pair) endsSoon(now time.Time) bool {
	return p.end().Sub(now) < p.lifetime()/3
}

func (p *pair) lifetime() time.Duration { return p.leaf.NotAfter.Sub(p.leaf.NotBefore) }

func parseCertificates(what string, text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	blocks, err := blocksOf(what, text)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue // the key may be in the same file
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: it is not an X.509 certificate", what)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s contains no CERTIFICATE PEM block", what)
	}
	return list, nil
}

// blocksOf returns the PEM blocks of a text. It fails if one is cut off: the decoder would skip it, and a file may be
// half written.
func blocksOf(what string, text []byte) ([]*pem.Block, error) {
	var list []*pem.Block
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		list, text = append(list, block), rest
	}
	switch {
	case bytes.Contains(text, []byte("-----BEGIN")):
		return nil, fmt.Errorf("%s is cut off or damaged", what)
	case len(list) == 0 && len(text) > 0 && text[0] == 0x30:
		return nil, fmt.Errorf("%s is binary (DER or PKCS #12): convert it to PEM with openssl", what)
	case len(list) == 0:
		return nil, fmt.Errorf("%s is not PEM", what)
	}
	return list, nil
}
