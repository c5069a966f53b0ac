package credentials

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"countersign/signing"
)

// identity asks STS who the keys belong to. GetCallerIdentity needs no permission.
func identity(ctx context.Context, s *stsClient, keys signing.Credentials) (Identity, error) {
	out, err := callSTS(ctx, s, "GetCallerIdentity", keys, func(
		ctx context.Context, c *sts.Client, o func(*sts.Options),
	) (*sts.GetCallerIdentityOutput, error) {
		return c.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, o)
	})
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn), UserID: aws.ToString(out.UserId)}
	if !plain(id.Account) || !plain(id.ARN) || !plain(id.UserID) {
		return Identity{}, fail(ErrUnavailable, "malformed answer")
	}
	return id, nil
}
