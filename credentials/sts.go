package credentials

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"countersign/signing"
)

// Limits for one call to STS, including all tries and regions.
const (
	callTime    = 10 * time.Second
	maxAttempts = 3
	maxBackoff  = time.Second
	regionRest  = time.Minute // how long a region that failed is tried last
)

// stsClient calls STS in one region, or in others when that one fails.
type stsClient struct {
	regions []region
	host    string // of the endpoint, or of the first region if each has its own
	clock   *clock
	called  func(context.Context, STSCall)

	mu     sync.Mutex
	failed []time.Duration // when each region last failed; zero: not since its last success
}

type region struct {
	name, host string
	client     *sts.Client
}

// regionKey is everything that determines a region's client.
type regionKey struct {
	name, endpoint  string
	fips, dualStack bool
}

// newSTS returns a client for the profile's regions, or for its own endpoint. It takes the clients for regions from
// others if they are there, and adds the new ones. Nil: clients are not shared.
func newSTS(p *Profile, c *http.Client, k *clock, called func(context.Context, STSCall), others map[regionKey]region) *stsClient {
	names := append([]string{stsRegion(p)}, p.FallbackRegions...)
	s := &stsClient{clock: k, called: called, failed: make([]time.Duration, len(names))}
	for _, name := range names {
		key := regionKey{name, p.STSEndpoint, p.FIPS, p.DualStack}
		r, found := others[key]
		if !found {
			r = newRegion(p, name, c, k)
			if others != nil {
				others[key] = r
			}
		}
		s.regions = append(s.regions, r)
	}
	s.host = s.regions[0].host
	return s
}

func newRegion(p *Profile, name string, c *http.Client, k *clock) region {
	o := sts.Options{
		Region:       name,
		HTTPClient:   c,
		AppID:        "countersign",
		Retryer:      retryer(maxAttempts),
		HTTPSignerV4: clockSigner{v4.NewSigner(), k},
	}
	if p.STSEndpoint != "" {
		o.BaseEndpoint = aws.String(p.STSEndpoint)
	}
	if p.FIPS {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if p.DualStack {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return region{name, stsHost(p, name), sts.New(o)}
}

// stsHost returns the host of STS in a region, or of the profile's own endpoint.
func stsHost(p *Profile, region string) string {
	if u, err := url.Parse(p.STSEndpoint); err == nil && u.Host != "" {
		return u.Host
	}
	at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), sts.EndpointParameters{
		Region: aws.String(region), UseFIPS: aws.Bool(p.FIPS), UseDualStack: aws.Bool(p.DualStack),
	})
	if err != nil {
		return ""
	}
	return at.URI.Host
}

// stsRegion is the region in which the profile's sessions are issued. Requests to a custom endpoint are signed for
// us-east-1 if no region is configured, as services that imitate STS expect.
func stsRegion(p *Profile) string {
	switch {
	case p.STSRegion != "":
		return p.STSRegion
	case p.Region != "":
		return p.Region
	case p.RolesAnywhere.Region() != "":
		return p.RolesAnywhere.Region()
	}
	return "us-east-1"
}

// retryer is the SDK's standard mode with explicit values for everything that it would take from the environment, and
// without its token bucket, which a day of failures empties for weeks: the cache already spaces out calls.
func retryer(attempts int) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = maxBackoff
		o.Backoff = retry.NewExponentialJitterBackoff(maxBackoff)
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables,
			retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusTooManyRequests: {}}},
			retry.RetryableErrorCode{Codes: map[string]struct{}{"IDPCommunicationError": {}}},
			retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
				if asType[*smithy.DeserializationError](err) {
					return aws.TrueTernary // half a response, or an HTML page from a proxy
				}
				return aws.UnknownTernary
			}))
	})
}

// clockSigner signs with the corrected time, so that the skew measured from one response's Date corrects the next call
// of any client.
type clockSigner struct {
	signer *v4.Signer
	clock  *clock
}

func (s clockSigner) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string,
	_ time.Time, optFns ...func(*v4.SignerOptions),
) error {
	return s.signer.SignHTTP(ctx, c, r, payloadHash, service, region, s.clock.read().time, optFns...)
}

// callSTS runs op in one region after the other until one succeeds, or refuses for a reason that holds everywhere.
func callSTS[T any](ctx context.Context, s *stsClient, operation string, keys signing.Credentials,
	op func(context.Context, *sts.Client, func(*sts.Options)) (T, error),
) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var out T
	var err error
	order := s.order()
	for i, at := range order {
		r := s.regions[at]
		attempts := (maxAttempts + len(order) - 1 - i) / len(order)
		options := func(o *sts.Options) {
			o.Retryer = retryer(attempts)
			o.Credentials = provide(keys)
		}
		skew, begun := s.clock.read().skew, s.clock.now().elapsed
		out, err = op(ctx, r.client, options)
		if err != nil && aboutTime[classify(err).Code] && abs(s.clock.read().skew-skew) > skewApplied {
			out, err = op(ctx, r.client, options) // with the time corrected by the refusal's Date header
		}
		call := STSCall{Operation: operation, Region: r.name, Took: s.clock.now().elapsed - begun}
		if err == nil {
			call.RequestID = stsRequestID(out)
			s.called(ctx, call)
			s.mark(at, 0)
			return out, nil
		}
		f := classify(err, keys.SecretAccessKey(), keys.SessionToken())
		call.RequestID, call.Err, err = f.RequestID, f, f
		s.called(ctx, call)
		if !f.class.elsewhere || ctx.Err() != nil {
			break
		}
		s.mark(at, s.clock.now().elapsed)
	}
	return out, err
}

// stsRequestID returns STS's request id from the output of a call.
func stsRequestID(out any) string {
	var meta middleware.Metadata
	switch o := out.(type) {
	case *sts.AssumeRoleOutput:
		meta = o.ResultMetadata
	case *sts.AssumeRoleWithWebIdentityOutput:
		meta = o.ResultMetadata
	case *sts.GetSessionTokenOutput:
		meta = o.ResultMetadata
	case *sts.GetCallerIdentityOutput:
		meta = o.ResultMetadata
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(meta)
	return id
}

// aboutTime are the codes with which STS refuses a request signed with the wrong time.
var aboutTime = map[string]bool{
	"SignatureDoesNotMatch": true, "InvalidSignatureException": true, "RequestTimeTooSkewed": true, "RequestExpired": true,
}

// order puts the regions that failed within the last minute behind the others.
func (s *stsClient) order() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var well, ill []int
	now := s.clock.now().elapsed
	for i, failed := range s.failed {
		if failed != 0 && abs(now-failed) < regionRest {
			ill = append(ill, i)
		} else {
			well = append(well, i)
		}
	}
	return append(well, ill...)
}

func (s *stsClient) mark(region int, failed time.Duration) {
	s.mu.Lock()
	s.failed[region] = failed
	s.mu.Unlock()
}

func provide(c signing.Credentials) aws.CredentialsProvider {
	if c.AccessKeyID == "" {
		return aws.AnonymousCredentials{}
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey(), SessionToken: c.SessionToken(),
		}, nil
	})
}
