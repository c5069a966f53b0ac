package credentials

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/config"
)

// ErrNoSharedProfile means that the files in ~/.aws have no profile with that name.
var ErrNoSharedProfile = errors.New("no such profile in ~/.aws/config and ~/.aws/credentials")

// ErrNeedsMFA means that the profile in ~/.aws assumes its role with a code from an MFA device.
var ErrNeedsMFA = errors.New("the profile has mfa_serial, and no code can be entered here; use aws configure export-credentials, " +
	"or a profile of IAM Identity Center")

// SharedRegion returns the region of a profile in ~/.aws, or "" if it names none. An empty name means AWS_PROFILE,
// otherwise default. It reads the environment of the process, as the AWS CLI does.
func SharedRegion(ctx context.Context, profile string) (string, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(profile))
	if missing := (config.SharedConfigProfileNotExistError{}); errors.As(err, &missing) {
		return "", ErrNoSharedProfile
	}
	if mfa := (config.AssumeRoleTokenProviderNotSetError{}); errors.As(err, &mfa) {
		return "", ErrNeedsMFA
	}
	if err != nil {
		return "", err
	}
	return c.Region, nil
}
