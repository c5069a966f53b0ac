// Package bearer carries the token with which a caller has authenticated, from where it is verified to where it logs
// the caller in to AWS.
//
// It verifies nothing: whoever creates a [Token] has done that. It promises that no printer, encoder or logger reveals
// any of it.
package bearer

import (
	"fmt"
	"io"
	"time"
)

// Token is a verified token.
type Token struct {
	// Issuer and Subject are its iss and sub, and Expires is its exp.
	Issuer, Subject string
	Expires         time.Time
	// Audience reports whether it has an aud. AWS accepts no token without one.
	Audience bool

	text func() string // a function, since fmt follows pointers for some verbs
}

// New returns a token with the given text, which must have been verified.
func New(text, issuer, subject string, expires time.Time, audience bool) *Token {
	return &Token{Issuer: issuer, Subject: subject, Expires: expires, Audience: audience, text: func() string { return text }}
}

// Text returns the token as its bearer presents it.
func (t *Token) Text() string { return t.text() }

const shown = "(token)"

// String reveals nothing about the token.
func (Token) String() string { return shown }

// Format reveals nothing about the token, whatever the verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shown) }

// MarshalText reveals nothing about the token, in JSON either.
func (Token) MarshalText() ([]byte, error) { return []byte(shown), nil }
