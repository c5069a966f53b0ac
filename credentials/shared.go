package credentials

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/config"
)

// ErrNoSharedProfile means that the files of ~/.aws have no profile of the name.
var ErrNoSharedProfile = errors.New("no such profile in ~/.aws/config and ~/.aws/credentials")

// ErrNeedsMFA means that the profile of ~/.aws assumes its role with a code of a device.
var ErrNeedsMFA = errors.New("the profile has mfa_serial, and no code can be entered here; use aws configure export-credentials, " +
	"or a profile of IAM Identity Center")

// SharedRegion is the region of a profile of ~/.aws, "" where it names none. An empty name means AWS_PROFILE, else default.
// It reads the environment of the process, as the AWS CLI does.
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
