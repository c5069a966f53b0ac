package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

var errEncrypted = errors.New("private key is encrypted: write it without a password, readable only by this service")

// parseKey reads a private key. There must be exactly one in the text.
func parseKey(text []byte) (crypto.Signer, error) {
	blocks, err := blocksOf("private key", text)
	if err != nil {
		return nil, err
	}
	var found crypto.Signer
	for _, block := range blocks {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		key, err := keyOf(block)
		switch {
		case err != nil:
			return nil, err
		case found != nil:
			return nil, errors.New("private key: there are several, but there must be only one")
		}
		found = key
	}
	if found == nil {
		return nil, errors.New("private key contains no PRIVATE KEY PEM block")
	}
	return found, nil
}

func keyOf(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errEncrypted
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
			if name := nameOfKey(block.Bytes); name != "" {
				return nil, fmt.Errorf("private key has the algorithm %s: use RSA, or EC on P-256, P-384 or P-521", name)
			}
		}
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "TSS2 PRIVATE KEY":
		return nil, errors.New("private key is bound to a TPM, which is not supported")
	default:
		return nil, errors.New("private key has a format that is not supported: convert it with openssl pkcs8 -topk8 -nocrypt")
	}
	if err != nil {
		return nil, errors.New("private key cannot be read: it is damaged, or its format is not what its first line says")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("private key cannot sign: use RSA, or EC on P-256, P-384 or P-521")
	}
	return signer, checkKey(signer)
}

const (
	leastRSA = 2048 // bits
	mostRSA  = 8192
)

func checkKey(key crypto.Signer) error {
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < leastRSA || bits > mostRSA {
			return fmt.Errorf("private key is RSA with %d bits: use %d to %d", bits, leastRSA, mostRSA)
		}
		return nil
	case *ecdsa.PublicKey:
		if c := public.Curve; c != elliptic.P256() && c != elliptic.P384() && c != elliptic.P521() {
			return fmt.Errorf("private key is EC on %s: use P-256, P-384 or P-521", c.Params().Name)
		}
		return nil
	}
	return fmt.Errorf("private key has the type %T: use RSA, or EC on P-256, P-384 or P-521", key.Public())
}

// algorithms are the key types that certificates may have and that IAM Roles Anywhere or this package does not support.
var algorithms = map[string]string{
	"1.2.840.113549.1.1.10": "RSA-PSS", "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448", "1.2.840.10040.4.1": "DSA",
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65", "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}

// nameOf returns the name of the algorithm in a SubjectPublicKeyInfo.
func nameOf(spki []byte) string {
	var in struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &in); err != nil {
		return "unknown"
	}
	if name := algorithms[in.Algorithm.Algorithm.String()]; name != "" {
		return name
	}
	return in.Algorithm.Algorithm.String()
}

// nameOfKey returns the algorithm of a PKCS #8 key that crypto/x509 cannot parse, or "" if it is not one of those.
func nameOfKey(der []byte) string {
	var in struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &in); err != nil {
		return ""
	}
	return algorithms[in.Algorithm.Algorithm.String()]
}
