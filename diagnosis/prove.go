package diagnosis

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"countersign/signing"
)

// budget bounds the work of one diagnosis by bytes hashed and candidates tried,
// and by the deadline of the context.
type budget struct {
	ctx        context.Context
	bytes      int
	candidates int
	spent      bool
	varied     map[string][]variant // by body, so that it is done once
}

const (
	maxBytes      = 64 << 20
	maxCandidates = 60_000
)

// take says whether a candidate of n bytes may be tried.
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

// prover computes signatures and compares them with the pasted one. It tells
// nobody what it computed.
type prover struct {
	*budget
	secret    string
	signature []byte // of 32 bytes, nil where the pasted one has another form
	pasted    string
	algorithm string
	date      string // as in the string to sign
	scope     []string
	key       macKey
	lead      string      // the string to sign, but for the hash
	public    signing.Key // Version 4a
}

// prover is nil where there is no secret, or nothing to compare with.
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
	p.key = newMACKey(chain([]byte("AWS4"+p.secret), p.scope...))
	p.lead = p.leadAt(p.date)
	return p
}

// chain is the HMAC over HMAC of which a signing key is made; signing's own makes
// the right one only, and here wrong ones are tried.
func chain(key []byte, parts ...string) []byte {
	for _, part := range parts {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	k := newMACKey(key)
	sum := k.of(text)
	return sum[:]
}

func hexHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// leadAt is the string to sign at a time, but for the hash.
func (p *prover) leadAt(date string) string {
	return p.algorithm + "\n" + date + "\n" + strings.Join(p.scope, "/") + "\n"
}

// toSign is the string to sign of a canonical request.
func (p *prover) toSign(canonicalRequest string) string {
	return p.leadAt(p.date) + hexHash(canonicalRequest)
}

// signed says whether the pasted signature is that of a canonical request.
func (p *prover) signed(canonicalRequest string) bool {
	return p.take(len(canonicalRequest)) && p.matches(&p.key, p.toSign(canonicalRequest))
}

// signatureBytes are those of a signature in hexadecimal or, by mistake, in base64.
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

// matches says whether the pasted signature is that of a string to sign.
func (p *prover) matches(key *macKey, toSign string) bool {
	if p.algorithm == string(signing.ECDSA) {
		return p.public.Verify(toSign, p.pasted)
	}
	if p.signature == nil {
		return false
	}
	return p.is(key.of(toSign))
}
