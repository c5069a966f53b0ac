package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"countersign/signing"
)

// A profile is based on one of three: a source of keys, a source of a token for AssumeRoleWithWebIdentity, or another
// profile.
type (
	keySource func(context.Context) (Session, error)
	// tokenSource returns a token; forceRefresh bypasses all caches.
	tokenSource func(ctx context.Context, forceRefresh bool) (string, error)
)

var (
	errNoContainer   = errors.New("is required, or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI")
	errContainerURL  = errors.New("must be a URL such as http://169.254.170.23/v1/credentials")
	errContainerHost = errors.New("must be https, or http on loopback or on the addresses of ECS and EKS")
)

const (
	tokenLimit = 20000 // API reference, AssumeRoleWithWebIdentity: 4 to 20000 characters
	fileLimit  = 64 << 10
)

func environmentKeys(env func(string) string) signing.Credentials {
	return signing.NewCredentials(lookup(env, "AWS_ACCESS_KEY_ID"), lookup(env, "AWS_SECRET_ACCESS_KEY"), lookup(env, "AWS_SESSION_TOKEN"))
}

// fixed is a source of keys that do not change while the process runs.
func fixed(c signing.Credentials) keySource {
	return func(context.Context) (Session, error) { return Session{Credentials: c}, nil }
}

// tokenFile is a source that reads the token from a file each time: the platform replaces it well before its end.
func tokenFile(path string) tokenSource {
	return func(context.Context, bool) (string, error) { return readToken(path) }
}

func readToken(path string) (string, error) {
	token, err := readLine(path)
	if err == nil && (!plain(token) || len(token) > tokenLimit) {
		return "", badFile("token file malformed", fmt.Errorf("%s: want one token of at most %d characters", path, tokenLimit))
	}
	return token, err
}

// readLine returns the contents of a one-line file, without white space around it.
func readLine(path string) (string, error) {
	text, err := readFile(path)
	if err != nil {
		return "", badFile("token file unreadable", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// badFile is the error for a file that the configuration or the platform names. Detail contains its name and nothing of
// its contents.
func badFile(code string, err error) *Error {
	f := fail(ErrConfiguration, code)
	f.Detail, f.local = err.Error(), true
	return f
}

// readFile returns the contents of a file, up to a limit.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	return io.ReadAll(io.LimitReader(f, fileLimit))
}

// source builds the source of the checked profile p.
func (p *profile) source() (err error) {
	env, base := p.store.options.Getenv, p.store.base
	switch p.Source {
	case SourceEnvironment:
		p.keys, p.fixed = fixed(environmentKeys(env)), true
	case SourceStatic:
		p.keys, p.fixed = fixed(trimmed(p.Keys)), true
	case SourceSessionToken:
		keys := trimmed(p.Keys)
		if noKeys(keys) {
			keys = environmentKeys(env)
		}
		p.keys = sessionTokenKeys(p.SessionToken, keys, p.sts)
	case SourceAWSDefault:
		p.keys = defaultKeys(stsRegion(&p.Profile), p.SharedProfile, env, p.store, p.clock)
	case SourceContainer:
		p.keys, err = containerKeys(p.Container, env, base, p.clock)
	case SourceRolesAnywhere:
		p.certificate = newRolesAnywhere(&p.Profile, p.store)
		p.keys = p.certificate.keys
	case SourceAzureIdentity:
		p.token, err = azureToken(p.Azure, env, base)
	case SourceWebIdentityFile:
		path := lookup(env, "AWS_WEB_IDENTITY_TOKEN_FILE")
		if p.WebIdentity != nil && p.WebIdentity.TokenFile != "" {
			path = p.WebIdentity.TokenFile
		}
		p.token = tokenFile(path)
	case SourceCognito:
		c := newCognito(&p.Profile, p.store.options.cognitoEndpoint, env, base, p.store.clock(p.store.options.cognitoEndpoint))
		switch {
		case p.Cognito.CallerToken:
			p.pool = &callerPool{cognito: c, identities: newIdentities()}
		case p.Cognito.Basic:
			p.token = c.token
		default:
			p.keys = c.keys
		}
	}
	if err != nil {
		return &ConfigError{Profile: p.Name, Field: "source", Reason: err.Error()}
	}
	return nil
}
