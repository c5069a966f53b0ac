package credentials

import (
	"strings"
	"unicode"
)

const (
	detailLimit = 600
	// secretLength is the length from which a run of letters, digits and similar characters may be a secret.
	secretLength = 24
	removed      = "[removed]"
)

// detail returns the text of an error in one line, without the given secrets and without anything that looks like one:
// a server may send back what it received.
func detail(err error, secrets ...string) string {
	var b strings.Builder
	text := err.Error()
	if before, _, found := strings.Cut(text, "process output:"); found { // from credential_process, which prints keys
		text = before + "process output: " + removed
	}
	blank := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
	for word := range strings.FieldsFuncSeq(without(text, secrets...), blank) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for len(word) > 0 {
			run := len(word) - len(strings.TrimLeft(word, secretLetters))
			if run == 0 {
				run = len(word) - len(strings.TrimLeftFunc(word, func(r rune) bool { return !strings.ContainsRune(secretLetters, r) }))
			}
			if likeSecret(word[:run]) {
				b.WriteString(removed)
			} else {
				b.WriteString(word[:run])
			}
			word = word[run:]
		}
	}
	if text := b.String(); len(text) > detailLimit {
		return strings.ToValidUTF8(text[:detailLimit], "") + "…"
	}
	return b.String()
}

const (
	digits        = "0123456789"
	lower         = "abcdefghijklmnopqrstuvwxyz"
	upper         = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	secretLetters = digits + lower + upper + "+/=_-.%"
)

// likeSecret reports whether run looks like a key or a token: long, with letters of both cases and digits, which names
// of roles and hosts mostly are not.
func likeSecret(run string) bool {
	has := strings.ContainsAny
	return len(run) >= secretLength && has(run, digits) && has(run, lower) && has(run, upper)
}

// without removes known secrets from a text, however short they are.
func without(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, removed)
		}
	}
	return text
}
