// Package bearer holds the token by which a caller has proved who it is, on its way from where it was verified to where it
// logs the caller in at AWS.
//
// It verifies nothing: who makes a [Token] has done that. It promises that no printer, encoder or logger shows any of it.
package bearer

import (
	"fmt"
	"io"
	"time"
)

// Token is a token that was verified.
type Token struct {
	// Issuer and Subject are its iss and sub, and Expires is its exp.
	Issuer, Subject string
	Expires         time.Time
	// Audience tells whether it has an aud. Without one AWS takes no token.
	Audience bool

	text func() string // fmt looks through a pointer for some verbs, and not into a function
}

// New returns a token with its text, which must be verified.
func New(text, issuer, subject string, expires time.Time, audience bool) *Token {
	return &Token{Issuer: issuer, Subject: subject, Expires: expires, Audience: audience, text: func() string { return text }}
}

// Text is the token as its bearer presents it.
func (t *Token) Text() string { return t.text() }

const shown = "(token)"

// String says nothing of the token.
func (Token) String() string { return shown }

// Format says nothing of the token, whatever the verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shown) }

// MarshalText says nothing of the token, in JSON too.
func (Token) MarshalText() ([]byte, error) { return []byte(shown), nil }
