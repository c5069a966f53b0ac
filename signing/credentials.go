package signing

import (
	"strings"
	"sync/atomic"
)

// Credentials are the keys that sign. The secret access key and the session
// token sit behind a function, so that no printer, encoder or logger shows them,
// wherever the credentials are held: fmt looks through a pointer for some verbs.
// Copies share the keys that were derived of them, so they are best kept as long
// as they hold.
type Credentials struct {
	// AccessKeyID is no secret.
	AccessKeyID string
	secret      func() *secret // nil for the zero value
}

// secret also holds what every signature needs of it.
type secret struct {
	key, token string
	parameter  atomic.Pointer[string] // token, encoded for a query, once asked for
	fault      *InputError
	keys       derivedKeys
}

// tokenParameter returns the session token encoded for a query. It is kept, since
// to encode it takes longer than all the rest of a signature but the hashing.
func (s *secret) tokenParameter() string {
	if kept := s.parameter.Load(); kept != nil {
		return *kept
	}
	encoded := string(appendEncoded(nil, s.token, &unreserved))
	s.parameter.Store(&encoded)
	return encoded
}

// NewCredentials returns credentials. The session token is empty for
// credentials that do not expire.
func NewCredentials(accessKeyID, secretAccessKey, sessionToken string) Credentials {
	s := &secret{key: secretAccessKey, token: sessionToken}
	switch {
	case secretAccessKey == "":
		s.fault = inputError(InputCredentials, "have no secret access key")
	case !visibleChars.all(secretAccessKey):
		s.fault = inputError(InputCredentials, "have a secret access key with white space or other characters that no key holds")
	case !visibleChars.all(sessionToken):
		s.fault = inputError(InputCredentials, "have a session token with white space or other characters that no token holds")
	}
	return Credentials{AccessKeyID: accessKeyID, secret: func() *secret { return s }}
}

// SecretAccessKey returns the secret access key.
func (c Credentials) SecretAccessKey() string {
	if c.secret == nil {
		return ""
	}
	return c.secret().key
}

// SessionToken returns the session token, empty when there is none.
func (c Credentials) SessionToken() string {
	if c.secret == nil {
		return ""
	}
	return c.secret().token
}

// Check says what is wrong with credentials that cannot sign: a missing key, or
// one with white space or other characters that no AWS key holds, as pasted
// keys often have. The error is an [*InputError].
func (c Credentials) Check() error {
	switch {
	case c.AccessKeyID == "":
		return inputError(InputCredentials, "have no access key id")
	case !idChars.all(c.AccessKeyID):
		return inputError(InputCredentials, "have an access key id with white space or other characters that no id holds")
	case c.secret == nil:
		return inputError(InputCredentials, "have no secret access key")
	}
	if fault := c.secret().fault; fault != nil {
		return fault
	}
	return nil
}

// Redact returns text with the secret access key and the session token, plain
// and as a query parameter, left out.
func (c Credentials) Redact(text string) string {
	if c.secret == nil {
		return text
	}
	s := c.secret()
	for _, shown := range []string{s.key, s.token, s.tokenParameter()} {
		if shown != "" {
			text = strings.ReplaceAll(text, shown, "[redacted]")
		}
	}
	return text
}
