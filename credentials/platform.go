package credentials

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"countersign/signing"
)

// defaultSessionTokenLife is STS's own default: GetSessionToken, DurationSeconds.
const defaultSessionTokenLife = 12 * time.Hour

// containerKeys requests keys from the endpoint that ECS and EKS provide to a container.
func containerKeys(c *Container, env func(string) string, base http.RoundTripper, k *clock) (keySource, error) {
	endpoint, err := containerEndpoint(c, env)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (Session, error) {
		token, err := containerToken(c, env)
		if err != nil {
			return Session{}, err
		}
		return retrieve(ctx, endpointcreds.New(endpoint, func(o *endpointcreds.Options) {
			o.HTTPClient = newClient(base, nil)
			o.Retryer = retryer(maxAttempts)
			o.AuthorizationToken = token
		}), k)
	}, nil
}

// containerToken returns the Authorization header, read each time since EKS replaces it. The provider refuses one with
// a line break.
func containerToken(c *Container, env func(string) string) (string, error) {
	path := lookup(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	if c != nil && c.TokenFile != "" {
		path = c.TokenFile
	}
	if path != "" {
		return readLine(path)
	}
	return lookup(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN"), nil
}

// defaultKeys loads the SDK's default chain again for each session. A long-lived chain caches the instance metadata
// provider's last keys and, if they cannot be renewed, declares them valid for longer than AWS does.
func defaultKeys(region, shared string, env func(string) string, s *Store, k *clock) keySource {
	return func(ctx context.Context) (Session, error) {
		var client config.HTTPClient = newClient(s.base, nil)
		if lookup(env, "AWS_CA_BUNDLE") != "" { // the chain applies it only to the SDK's own kind of client, and fails with any other
			client = awshttp.NewBuildableClient().WithTimeout(attemptTime).
				WithTransportOptions(func(t *http.Transport) { t.Proxy = s.proxy })
		}
		c, err := config.LoadDefaultConfig(ctx,
			config.WithRegion(region), config.WithSharedConfigProfile(shared),
			config.WithHTTPClient(client),
			config.WithRetryer(func() aws.Retryer { return retryer(maxAttempts) }),
			config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 0 }),
		)
		if err != nil || c.Credentials == nil {
			e := fail(ErrConfiguration, "default chain unreadable")
			if err != nil {
				e.Detail = detail(err)
			}
			return Session{}, e
		}
		return retrieve(ctx, c.Credentials, k)
	}
}

// retrieve gets keys from one of the SDK's providers and checks them.
func retrieve(ctx context.Context, p aws.CredentialsProvider, k *clock) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	c, err := p.Retrieve(ctx)
	if err != nil {
		f := classify(err)
		if f.Code == unrecognisedRefusal { // the platform refused: STS and the role's trust policy are not involved
			status, _ := httpStatus(err)
			f.Kind, f.Detail = ErrConfiguration, fmt.Sprintf("status %d: %s", status, f.Detail)
		}
		return Session{}, f
	}
	if !c.CanExpire {
		if !plain(c.AccessKeyID) || !plain(c.SecretAccessKey) {
			return Session{}, fail(ErrUnavailable, "malformed answer")
		}
		return Session{Credentials: signing.NewCredentials(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)}, nil
	}
	// The platform decides the lifetime, and may return the same keys until shortly before their end.
	return issued{
		accessKeyID: &c.AccessKeyID, secretAccessKey: &c.SecretAccessKey, sessionToken: &c.SessionToken, expires: &c.Expires,
	}.session(k.read(), margin, longestLife)
}

// sessionTokenKeys calls GetSessionToken with an IAM user's keys.
func sessionTokenKeys(o *SessionToken, keys signing.Credentials, s *stsClient) keySource {
	life := defaultSessionTokenLife
	if o != nil && o.Duration != 0 {
		life = o.Duration
	}
	return func(ctx context.Context) (Session, error) {
		in := &sts.GetSessionTokenInput{DurationSeconds: seconds(life)}
		out, err := callSTS(ctx, s, "GetSessionToken", keys,
			func(ctx context.Context, c *sts.Client, o func(*sts.Options)) (*sts.GetSessionTokenOutput, error) {
				return c.GetSessionToken(ctx, in, o)
			})
		if err != nil {
			return Session{}, err
		}
		return issued{meta: out.ResultMetadata}.of(out.Credentials).session(s.clock.read(), leastLife, life)
	}
}
