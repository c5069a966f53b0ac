package diagnosis

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"countersign/signing"
)

// budget bounds the work of one diagnosis by bytes hashed, by candidates tried and by the deadline of the context.
type budget struct {
	ctx        context.Context
	bytes      int
	candidates int
	spent      bool
	varied     map[string][]variant // by body, so that each is varied once
}

const (
	maxBytes      = 64 << 20
	maxCandidates = 60_000
)

// take counts a candidate of n bytes and reports whether it may be tried.
func (b *budget) take(n int) bool {
	if b.spent {
		return false
	}
	b.bytes += n
	b.candidates++
	if b.bytes > maxBytes || b.candidates > maxCandidates || b.candidates%64 == 1 && b.ctx.Err() != nil {
		b.spent = true
	}
	return !b.spent
}

// prover computes signatures and compares them with the pasted one. It never returns a signature.
type prover struct {
	*budget
	secret    string
	signature []byte // 32 bytes, or nil if the pasted signature has another form
	pasted    string
	algorithm string
	date      string // as in the string to sign
	scope     []string
	key       macKey
	prefix    string      // the string to sign up to the hash
	public    signing.Key // SigV4a
}

// prover returns nil if there is no secret, or nothing to compare with.
func (c *collector) prover() *prover {
	if !c.secretKnown() || c.claim.signature == "" || len(c.claim.scope) < 3 || c.claim.time.IsZero() {
		return nil
	}
	p := &prover{
		budget: c.budget, secret: c.in.Credentials.SecretAccessKey(), pasted: c.claim.signature,
		algorithm: c.claim.algorithm, date: c.claim.time.Format(signing.TimeFormat), scope: c.claim.scope,
	}
	if p.algorithm == "" {
		p.algorithm = string(signing.HMAC)
	}
	if p.algorithm == string(signing.ECDSA) {
		key, err := signing.DeriveKey(signing.ECDSA, c.in.Credentials, c.claim.time, signing.Scope{Service: c.claim.service(), Region: "*"})
		if err != nil {
			return nil
		}
		p.public = key
		return p
	}
	p.signature = signatureBytes(c.claim.signature)
	if len(p.scope) != 4 {
		return nil
	}
	p.key = newMACKey(deriveChain([]byte("AWS4"+p.secret), p.scope...))
	p.prefix = p.prefixAt(p.date)
	return p
}

// deriveChain is the HMAC chain that derives a signing key. Package signing derives only the right key, and wrong ones are
// tried here.
func deriveChain(key []byte, parts ...string) []byte {
	for _, part := range parts {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	k := newMACKey(key)
	sum := k.sum(text)
	return sum[:]
}

func hexHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// prefixAt returns the string to sign for a time, up to the hash.
func (p *prover) prefixAt(date string) string {
	return p.algorithm + "\n" + date + "\n" + strings.Join(p.scope, "/") + "\n"
}

// toSign returns the string to sign of a canonical request.
func (p *prover) toSign(canonicalRequest string) string {
	return p.prefixAt(p.date) + hexHash(canonicalRequest)
}

// signed reports whether the pasted signature is right for a canonical request.
func (p *prover) signed(canonicalRequest string) bool {
	return p.take(len(canonicalRequest)) && p.matches(&p.key, p.toSign(canonicalRequest))
}

// signatureBytes decodes a signature in hexadecimal or, by mistake, in base64.
func signatureBytes(text string) []byte {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if raw, err := decode(text); err == nil && len(raw) == sha256.Size {
			return raw
		}
	}
	return nil
}

// matches reports whether the pasted signature is right for a string to sign.
func (p *prover) matches(key *macKey, toSign string) bool {
	if p.algorithm == string(signing.ECDSA) {
		return p.public.Verify(toSign, p.pasted)
	}
	if p.signature == nil {
		return false
	}
	return p.equalsPasted(key.sum(toSign))
}
