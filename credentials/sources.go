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

// What a profile is made from is one of three: a source of keys, a source of a
// token for AssumeRoleWithWebIdentity, or another profile.
type (
	keySource func(context.Context) (Session, error)
	// tokenSource returns a token; anew asks for one that no cache has held.
	tokenSource func(ctx context.Context, anew bool) (string, error)
)

var (
	errNoContainer   = errors.New("is required, or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI")
	errContainerURL  = errors.New("is to be a URL such as http://169.254.170.23/v1/credentials")
	errContainerHost = errors.New("is to be https, or http on loopback or on the addresses of ECS and EKS")
)

// Web identity tokens: 4…20000 characters, API reference, AssumeRoleWithWebIdentity.
const tokenLimit = 20000

func environmentKeys(env func(string) string) signing.Credentials {
	return signing.NewCredentials(lookup(env, "AWS_ACCESS_KEY_ID"), lookup(env, "AWS_SECRET_ACCESS_KEY"), lookup(env, "AWS_SESSION_TOKEN"))
}

// fixed yields keys that do not change while the process runs.
func fixed(c signing.Credentials) keySource {
	return func(context.Context) (Session, error) { return Session{Credentials: c}, nil }
}

// tokenFile reads the token anew each time: the platform replaces it well before its end.
func tokenFile(path string) tokenSource {
	return func(context.Context, bool) (string, error) { return readToken(path) }
}

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fail(ErrConfiguration, "token file unreadable")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, tokenLimit+16))
	token := strings.TrimSpace(string(text))
	if err != nil || !plain(token) || len(token) > tokenLimit {
		return "", fail(ErrConfiguration, "token file malformed")
	}
	return token, nil
}

// source builds what the checked profile p is made from.
func (s *Store) source(p *profile) error {
	env := s.options.Getenv
	switch p.Source {
	case SourceEnvironment:
		p.keys = fixed(environmentKeys(env))
		p.fixed = true
	case SourceStatic:
		p.keys = fixed(trimmed(p.Keys))
		p.fixed = true
	default:
		return fmt.Errorf("source %s is not there yet", p.Source)
	}
	return nil
}
