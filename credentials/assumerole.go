package credentials

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"countersign/endpoints"
	"countersign/signing"
)

const (
	defaultDuration    = time.Hour
	defaultSessionName = "countersign-{profile}"
)

// role holds the parameters of an AssumeRole call.
type role struct {
	arn            string
	externalID     string
	name, source   template
	duration       time.Duration
	policy         string
	policyARNs     []types.PolicyDescriptorType
	tags           []types.Tag
	transitiveTags []string
}

// names are the parameters that depend on the caller and the request.
type names struct{ session, source string }

func newRole(a *AssumeRole, region string) *role {
	r := &role{
		arn:            roleARN(a, region),
		externalID:     a.ExternalID,
		name:           template(a.SessionName),
		source:         template(a.SourceIdentity),
		duration:       a.Duration,
		policy:         a.Policy,
		transitiveTags: slices.Clone(a.TransitiveTags),
	}
	if r.name == "" {
		r.name = defaultSessionName
	}
	if r.duration == 0 {
		r.duration = defaultDuration
	}
	for _, arn := range a.PolicyARNs {
		r.policyARNs = append(r.policyARNs, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	for k, v := range a.Tags {
		r.tags = append(r.tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	slices.SortFunc(r.tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return r
}

// roleARN returns the role's full ARN. The partition follows from the region: a role in China is arn:aws-cn, in
// GovCloud arn:aws-us-gov.
func roleARN(a *AssumeRole, region string) string {
	if a.RoleARN != "" {
		return a.RoleARN
	}
	path := a.Path
	if path == "" {
		path = "/"
	}
	partition := endpoints.PartitionOf(region)
	if partition == "" {
		partition = "aws"
	}
	return "arn:" + partition + ":iam::" + a.AccountID + ":role" + path + a.RoleName
}

func (r *role) names(profile string, a SessionRequest) names {
	return names{session: r.name.render(profile, a), source: r.source.render(profile, a)}
}

// assume calls AssumeRole with keys.
func (r *role) assume(ctx context.Context, s *stsClient, keys signing.Credentials, n names) (Session, error) {
	out, err := callSTS(ctx, s, "AssumeRole", keys, func(
		ctx context.Context, c *sts.Client, o func(*sts.Options),
	) (*sts.AssumeRoleOutput, error) {
		return c.AssumeRole(ctx, &sts.AssumeRoleInput{
			RoleArn:           aws.String(r.arn),
			RoleSessionName:   aws.String(n.session),
			SourceIdentity:    optional(n.source),
			ExternalId:        optional(r.externalID),
			DurationSeconds:   seconds(r.duration),
			Policy:            optional(r.policy),
			PolicyArns:        r.policyARNs,
			Tags:              r.tags,
			TransitiveTagKeys: r.transitiveTags,
		}, o)
	})
	if err != nil {
		return Session{}, err
	}
	return r.session(s, n, out.Credentials, issued{meta: out.ResultMetadata})
}

// assumeWithToken calls AssumeRoleWithWebIdentity, which is not signed.
func (r *role) assumeWithToken(ctx context.Context, s *stsClient, token string, n names) (Session, error) {
	out, err := callSTS(ctx, s, "AssumeRoleWithWebIdentity", signing.Credentials{},
		func(ctx context.Context, c *sts.Client, o func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
			return c.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
				RoleArn:          aws.String(r.arn),
				RoleSessionName:  aws.String(n.session),
				WebIdentityToken: aws.String(token),
				DurationSeconds:  seconds(r.duration),
				Policy:           optional(r.policy),
				PolicyArns:       r.policyARNs,
			}, o)
		})
	if err != nil {
		f := classify(err)
		f.Detail = without(f.Detail, token)
		return Session{}, f
	}
	return r.session(s, n, out.Credentials, issued{meta: out.ResultMetadata})
}

func (r *role) session(s *stsClient, n names, c *types.Credentials, i issued) (Session, error) {
	out, err := i.of(c).session(s.clock.read(), leastLife, r.duration)
	out.RoleARN, out.SessionName, out.SourceIdentity, out.STSEndpoint = r.arn, n.session, n.source, s.host
	return out, err
}

func (i issued) of(c *types.Credentials) issued {
	if c != nil {
		i.accessKeyID, i.secretAccessKey, i.sessionToken, i.expires = c.AccessKeyId, c.SecretAccessKey, c.SessionToken, c.Expiration
	}
	return i
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}

// seconds converts a duration that was checked already: the longest is 36 hours.
func seconds(d time.Duration) *int32 {
	return aws.Int32(int32(d / time.Second)) //nolint:gosec // G115: see above
}

// uses reports whether the session's name or source identity contains the placeholder.
func (r *role) uses(placeholder string) bool {
	return r.name.uses(placeholder) || r.source.uses(placeholder)
}
