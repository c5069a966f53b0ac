package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"math/big"
	"time"
)

// Key is a signing key. It is as secret as the credentials it is derived from and, like
// [Credentials], never prints its value. The zero Key signs nothing.
type Key struct{ secret func() *keySecret }

// keySecret is a derived key for [HMAC], or a key pair for [ECDSA].
type keySecret struct {
	hmac hmacState
	pair *ecdsa.PrivateKey
}

// DeriveKey derives the signing key for a day, region and service (IAM User Guide, "Derive a
// signing key"). With [ECDSA] it depends only on the credentials.
func DeriveKey(a Algorithm, c Credentials, t time.Time, s Scope) (Key, error) {
	if err := checkSigner(a, s, t, c); err != nil {
		return Key{}, err
	}
	key, err := deriveKey(a, c, formatTime(t)[:day], s)
	if err != nil {
		return Key{}, err
	}
	return Key{func() *keySecret { return key }}, nil
}

func deriveKey(a Algorithm, c Credentials, date string, s Scope) (*keySecret, error) {
	if a == ECDSA {
		return deriveKeyPair(c.AccessKeyID, c.secret().key)
	}
	key := []byte("AWS4" + c.secret().key)
	for _, part := range []string{date, s.Region, s.Service, scopeEnd} {
		key = hmacSHA256(key, part)
	}
	return &keySecret{hmac: newHMACState(key)}, nil
}

// Sign returns the signature of a string to sign in hexadecimal (IAM User Guide, "Calculate the
// signature"). With [ECDSA] it is ASN.1 with the nonce of RFC 6979, so that the same input gives
// the same signature.
func (k Key) Sign(stringToSign string) (string, error) {
	if k.secret == nil {
		return "", errors.New("the signing key was not derived")
	}
	signature, err := k.secret().appendSignature(nil, []byte(stringToSign), sha256.New())
	return string(signature), err
}

// Verify reports whether a hexadecimal signature is the signature of a string to sign. With [HMAC]
// the comparison takes constant time.
func (k Key) Verify(stringToSign, signature string) bool {
	public := k.PublicKey()
	if public == nil {
		want, err := k.Sign(stringToSign)
		return err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1
	}
	if !hexDigits.all(signature) { // one spelling of one signature
		return false
	}
	asn1, err := hex.DecodeString(signature)
	hash := sha256.Sum256([]byte(stringToSign))
	return err == nil && ecdsa.VerifyASN1(public, hash[:], asn1)
}

// PublicKey returns the public half of an [ECDSA] key, nil for other keys.
func (k Key) PublicKey() *ecdsa.PublicKey {
	if k.secret == nil || k.secret().pair == nil {
		return nil
	}
	return &k.secret().pair.PublicKey
}

// appendSignature appends the signature of a string to sign in hexadecimal. h is a SHA-256 for it
// to use.
func (s *keySecret) appendSignature(dst, stringToSign []byte, h hash.Hash) ([]byte, error) {
	if s.pair == nil {
		begin := len(dst)
		mac := [sha256.Size]byte(s.hmac.sum(h, dst, stringToSign)[begin:])
		return appendHex(dst, mac), nil
	}
	sum := sha256.Sum256(stringToSign)
	signature, err := s.pair.Sign(nil, sum[:], crypto.SHA256)
	return hex.AppendEncode(dst, signature), err
}

// deriveKeyPair derives the key pair of Signature Version 4a with the counter mode of NIST SP
// 800-108 and HMAC-SHA256, one block long. It increments the counter until the block is a candidate
// for a P-256 private key (FIPS 186-5 appendix A.2.1, less one).
func deriveKeyPair(accessKeyID, secretAccessKey string) (*keySecret, error) {
	kdfKey := []byte("AWS4A" + secretAccessKey)
	// The largest candidate is n-2: one is added to make the key.
	limit := new(big.Int).Sub(elliptic.P256().Params().N, big.NewInt(2))
	for counter := byte(1); counter != 0; counter++ {
		const oneBlock, bits = "\x00\x00\x00\x01", "\x00\x00\x01\x00"
		input := oneBlock + string(ECDSA) + "\x00" + accessKeyID + string([]byte{counter}) + bits
		block := hmacSHA256(kdfKey, input)
		candidate := new(big.Int).SetBytes(block)
		if candidate.Cmp(limit) > 0 {
			continue
		}
		candidate.Add(candidate, big.NewInt(1)).FillBytes(block)
		pair, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), block)
		return &keySecret{pair: pair}, err
	}
	return nil, inputError(InputCredentials, "yield no key pair for Version 4a")
}
