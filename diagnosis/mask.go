package diagnosis

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"countersign/reading"
)

const masked = "[redacted]"

// masker returns a function that removes from a text everything that must not be shown: secrets, tokens, signatures
// and bearer tokens, in every form that URLs encode them in.
func (c *collector) masker() func(string) string {
	held := c.in.Credentials
	secrets := []string{held.SecretAccessKey(), held.SessionToken(), c.claim.token, c.claim.signature, c.refusal.SignatureProvided.Text()}
	for _, m := range []*message{c.signed, c.sent} {
		if m == nil {
			continue
		}
		other := readClaim(m, &reading.Refusal{})
		_, password, _ := strings.Cut(m.user, ":")
		secrets = append(secrets, other.token, other.signature, m.user, password)
		for _, h := range m.headers {
			if secretHeader(h.Name) {
				_, rest, _ := strings.Cut(strings.TrimSpace(h.Value), " ")
				secrets = append(secrets, h.Value, rest)
			}
		}
	}
	secrets = append(secrets, c.arrived.tokenValue(), quotedAuthorization(c.refusal), c.refusal.Field("Token-0").Text())
	secrets = append(secrets, quotedSecrets(c.text)...)
	secrets = append(secrets, c.claim.swapped()...)
	var all []string
	for _, s := range secrets {
		if s = strings.TrimSpace(s); len(s) >= 6 {
			all = append(all, s, url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(s, "+", " "))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // longest first
	all = slices.Compact(all)
	return func(text string) string {
		for _, s := range all {
			text = strings.ReplaceAll(text, s, masked)
		}
		return hideSignatures(strings.ToValidUTF8(text, "\uFFFD")) // bodies may hold any bytes, and a report is text
	}
}

// swapped returns the pieces of a secret that was written where the access key id belongs.
func (c *claim) swapped() []string {
	id, _, scoped := strings.Cut(c.credential, "/"+c.credentialDay()+"/")
	if !scoped || reading.Redact(c.credential) == c.credential {
		return nil
	}
	pieces := []string{id}
	for piece := range strings.SplitSeq(id, "/") {
		if len(piece) >= 6 { // keep shorter ones: they may be words
			pieces = append(pieces, piece)
		}
	}
	return pieces
}

// credentialDay returns the day of a Credential whatever comes before it, or "".
func (c *claim) credentialDay() string {
	parts := strings.Split(c.credential, "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-4]
}

func secretHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "cookie", "proxy-authorization", "x-amz-security-token", "x-amz-s3session-token", "x-api-key":
		return true
	}
	return false
}

// tokenValue returns the session token that AWS's canonical request echoes.
func (c *canonical) tokenValue() string {
	value, _ := c.value("x-amz-security-token")
	return value
}

// hideSignatures removes the values after the names of a signature, a token or a bearer value, of any request: a text
// may quote another request's.
func hideSignatures(text string) string {
	for _, name := range []string{"Signature=", "X-Amz-Signature%3D", "X-Amz-Security-Token=", "x-amz-security-token:", "Bearer ", "Basic "} {
		var b strings.Builder
		rest := text
		for {
			i := strings.Index(rest, name)
			if i < 0 {
				break
			}
			end := i + len(name)
			b.WriteString(rest[:end])
			rest = rest[end:]
			n := strings.IndexAny(rest, "& \t\r\n,;'\"<>")
			if n < 0 {
				n = len(rest)
			}
			if n >= 8 && !strings.HasPrefix(rest, masked) && !plainWord(rest[:n]) {
				b.WriteString(masked)
			} else {
				b.WriteString(rest[:n])
			}
			rest = rest[n:]
		}
		b.WriteString(rest)
		text = b.String()
	}
	return text
}

// plainWord distinguishes a word of prose ("Basic credentials") from a value.
func plainWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '.' {
			return false
		}
	}
	return true
}

// shown returns a value as evidence shows it: a token as its length and the beginning of its hash.
func shown(part, value string, hide func(string) string) string {
	if value != "" && (part == "header:x-amz-security-token" || part == "header:authorization" || part == "header:cookie") {
		sum := sha256.Sum256([]byte(value))
		return strconv.Itoa(len(value)) + " characters, sha256 " + hex.EncodeToString(sum[:4]) + "…"
	}
	return clip(hide(reading.Redact(value)), 1000) // hide first: half a secret would not be found
}
