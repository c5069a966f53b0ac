package signing

import (
	"strings"
	"sync/atomic"
)

// Credentials are the keys to sign with. The secret access key and the session token are behind a
// function, so that no printer, encoder or logger shows them, wherever the credentials are held:
// fmt looks through a pointer for some verbs. Copies share a cache of derived keys, so it pays to
// keep credentials for as long as they are valid.
type Credentials struct {
	// AccessKeyID is not secret.
	AccessKeyID string
	secret      func() *secret // nil for the zero value
}

// secret holds the secret values and what is derived from them for every signature.
type secret struct {
	key, token string
	parameter  atomic.Pointer[string] // token, encoded for a query, once it was needed
	fault      *InputError
	keys       derivedKeys
}

// tokenParameter returns the session token encoded for a query. It is kept, because encoding it
// takes longer than everything else in a signature except the hashing.
func (s *secret) tokenParameter() string {
	if kept := s.parameter.Load(); kept != nil {
		return *kept
	}
	encoded := string(appendEncoded(nil, s.token, &unreserved))
	s.parameter.Store(&encoded)
	return encoded
}

// NewCredentials returns credentials. The session token is empty for long-lived credentials.
func NewCredentials(accessKeyID, secretAccessKey, sessionToken string) Credentials {
	s := &secret{key: secretAccessKey, token: sessionToken}
	switch {
	case secretAccessKey == "":
		s.fault = inputError(InputCredentials, "have no secret access key")
	case !visibleChars.all(secretAccessKey):
		s.fault = inputError(InputCredentials, "have a secret access key with white space or other characters that no key contains")
	case !visibleChars.all(sessionToken):
		s.fault = inputError(InputCredentials, "have a session token with white space or other characters that no token contains")
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

// SessionToken returns the session token, empty if there is none.
func (c Credentials) SessionToken() string {
	if c.secret == nil {
		return ""
	}
	return c.secret().token
}

// Check fails for credentials that cannot sign: a key is missing, or contains white space or other
// characters that no AWS key contains, as pasted keys often do. The error is an [*InputError].
func (c Credentials) Check() error {
	switch {
	case c.AccessKeyID == "":
		return inputError(InputCredentials, "have no access key id")
	case !idChars.all(c.AccessKeyID):
		return inputError(InputCredentials, "have an access key id with white space or other characters that no id contains")
	case c.secret == nil:
		return inputError(InputCredentials, "have no secret access key")
	}
	if fault := c.secret().fault; fault != nil {
		return fault
	}
	return nil
}

// Redact replaces the secret access key and the session token in a text, both as they are and
// encoded for a query.
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
