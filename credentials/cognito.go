package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
)

// Sessions from the enhanced flow last an hour; the call has no parameter for it.
const cognitoLife = time.Hour

// cognito calls an identity pool for one identity, which it keeps: a pool never forgets an identity that it created,
// and each GetId for a guest creates one.
type cognito struct {
	Cognito
	client *cognitoidentity.Client
	clock  *clock
	env    func(string) string

	turn turn
	id   string
}

func newCognito(p *Profile, endpoint string, env func(string) string, base http.RoundTripper, k *clock) *cognito {
	region, _, _ := strings.Cut(p.Cognito.IdentityPoolID, ":")
	o := cognitoidentity.Options{
		Region: region, HTTPClient: newClient(base, k), AppID: "countersign",
		Retryer: retryer(maxAttempts), Credentials: aws.AnonymousCredentials{}, BaseEndpoint: optional(endpoint),
	}
	if p.FIPS {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if p.DualStack {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return &cognito{
		Cognito: *p.Cognito, client: cognitoidentity.New(o), clock: k, env: env,
		turn: newTurn(), id: p.Cognito.IdentityID,
	}
}

// keys runs the enhanced flow: GetId once, then GetCredentialsForIdentity.
func (c *cognito) keys(ctx context.Context) (Session, error) {
	var out *cognitoidentity.GetCredentialsForIdentityOutput
	err := c.as(ctx, func(ctx context.Context, id string, logins map[string]string) (returned *string, err error) {
		out, err = c.credentials(ctx, id, logins)
		if err != nil {
			return nil, err
		}
		return out.IdentityId, nil
	})
	if err != nil {
		return Session{}, err
	}
	return c.session(out)
}

func (c *cognito) credentials(
	ctx context.Context, id string, logins map[string]string,
) (*cognitoidentity.GetCredentialsForIdentityOutput, error) {
	return c.client.GetCredentialsForIdentity(ctx, &cognitoidentity.GetCredentialsForIdentityInput{
		IdentityId: aws.String(id), Logins: logins, CustomRoleArn: optional(c.CustomRoleARN),
	})
}

// session checks and converts the credentials that the pool issued to an identity.
func (c *cognito) session(out *cognitoidentity.GetCredentialsForIdentityOutput) (Session, error) {
	i := issued{meta: out.ResultMetadata}
	if k := out.Credentials; k != nil {
		i.accessKeyID, i.secretAccessKey, i.sessionToken, i.expires = k.AccessKeyId, k.SecretKey, k.SessionToken, k.Expiration
	}
	s, err := i.session(c.clock.read(), leastLife, cognitoLife)
	if id := aws.ToString(out.IdentityId); isIdentity(id) {
		s.IdentityID = id
	}
	return s, err
}

// token runs the first part of the basic flow: GetId once, then GetOpenIdToken, whose token is valid for ten minutes.
func (c *cognito) token(ctx context.Context, _ bool) (string, error) {
	var token string
	err := c.as(ctx, func(ctx context.Context, id string, logins map[string]string) (*string, error) {
		out, err := c.client.GetOpenIdToken(ctx, &cognitoidentity.GetOpenIdTokenInput{IdentityId: aws.String(id), Logins: logins})
		if err != nil {
			return nil, err
		}
		token = aws.ToString(out.Token)
		return out.IdentityId, nil
	})
	if err == nil && (!plain(token) || len(token) > tokenLimit) {
		return "", fail(ErrUnavailable, "malformed token")
	}
	return token, err
}

// as runs call for the identity. If the pool no longer has the kept identity, it is replaced once; the identity that
// the pool returns is kept.
func (c *cognito) as(ctx context.Context,
	call func(ctx context.Context, id string, logins map[string]string) (returned *string, err error),
) error {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	if err := c.turn.take(ctx); err != nil {
		return err
	}
	defer c.turn.give()
	logins, err := c.logins()
	if err != nil {
		return err
	}
	id, err := c.identity(ctx, logins)
	if err != nil {
		return err
	}
	returned, err := call(ctx, id, logins)
	if asType[*types.ResourceNotFoundException](err) && c.IdentityID == "" {
		c.id = ""
		if id, err = c.create(ctx, logins); err != nil {
			return err
		}
		returned, err = call(ctx, id, logins)
	}
	if err != nil {
		return classify(err)
	}
	if r := aws.ToString(returned); r != "" && r != id && c.IdentityID == "" { // the pool merged identities
		return c.keep(r)
	}
	return nil
}

func (c *cognito) logins() (map[string]string, error) {
	if c.LoginProvider == "" {
		return nil, nil
	}
	if c.TokenFile != "" {
		token, err := readToken(c.TokenFile)
		if err != nil {
			return nil, err
		}
		return map[string]string{c.LoginProvider: token}, nil
	}
	token := lookup(c.env, c.TokenVariable)
	if !plain(token) {
		f := fail(ErrConfiguration, "login token missing")
		f.Detail, f.local = "the variable "+c.TokenVariable+" is empty, or holds more than one token", true
		return nil, f
	}
	return map[string]string{c.LoginProvider: token}, nil
}

func (c *cognito) identity(ctx context.Context, logins map[string]string) (string, error) {
	if c.id != "" {
		return c.id, nil
	}
	if c.IdentityFile != "" {
		text, err := os.ReadFile(c.IdentityFile)
		if id := strings.TrimSpace(string(text)); err == nil && id != "" {
			if !isIdentity(id) {
				return "", badFile("identity file malformed", fmt.Errorf("%s: want the ID of one identity", c.IdentityFile))
			}
			c.id = id
			return id, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", badFile("identity file unreadable", err)
		}
	}
	return c.create(ctx, logins)
}

// create creates an identity, after checking that it can be saved.
func (c *cognito) create(ctx context.Context, logins map[string]string) (string, error) {
	if c.IdentityFile != "" {
		if err := c.write(""); err != nil {
			return "", badFile("identity file cannot be written", err)
		}
	}
	id, err := c.getID(ctx, logins)
	if err != nil {
		return "", err
	}
	return id, c.keep(id)
}

// getID returns the pool's identity for the logins. Without logins the pool creates a new one.
func (c *cognito) getID(ctx context.Context, logins map[string]string) (string, error) {
	out, err := c.client.GetId(ctx, &cognitoidentity.GetIdInput{IdentityPoolId: aws.String(c.IdentityPoolID), Logins: logins})
	if err != nil {
		return "", classify(err)
	}
	id := aws.ToString(out.IdentityId)
	if !isIdentity(id) {
		return "", fail(ErrUnavailable, "malformed answer")
	}
	return id, nil
}

func (c *cognito) keep(id string) error {
	c.id = id
	if c.IdentityFile == "" {
		return nil
	}
	if err := c.write(id + "\n"); err != nil {
		return badFile("identity file cannot be written", err)
	}
	return nil
}

// write replaces the file atomically, so that a crash leaves either the old or the new one. The file is flushed to disk
// before it gets its name, since otherwise a power failure could leave an empty one.
func (c *cognito) write(text string) error {
	f, err := os.CreateTemp(filepath.Dir(c.IdentityFile), ".identity-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.IdentityFile)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
