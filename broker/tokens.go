package broker

import (
	"context"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/signing"
)

// ConnectInput says what a token must give access to. Of its Input, only Region, Profile, Credentials, MinValidity,
// SigningTime and Expires are used.
type ConnectInput struct {
	Input
	Kind           signing.ConnectKind
	Endpoint, User string
}

// ConnectToken is a token that a service accepts instead of a password.
type ConnectToken struct {
	Token       string
	SignedAt    time.Time
	ExpiresAt   time.Time
	AccessKeyID string
	Profile     string
	Warnings    []signing.Warning
}

// ConnectToken makes a token that a service accepts instead of a password. It is a login, so only a policy that names
// the service allows it, or the operation for Bedrock.
func (b *Broker) ConnectToken(ctx context.Context, call *Call, in *ConnectInput) (*ConnectToken, error) {
	in.Method = "GET"
	op := b.newOperation(access.ActionPresign, &in.Input)
	in.Region = op.respellRegion(in.Region)
	connect := &signing.Connect{Kind: in.Kind, Endpoint: in.Endpoint, User: in.User, Region: in.Region, Expires: in.Expires}
	if err := b.readConnect(connect, op); err != nil {
		return nil, op.problem(err)
	}
	return perform(ctx, b, call, op, func() (*ConnectToken, signature, error) {
		op.capExpiry()
		connect.Time, connect.Credentials = op.request.Time, op.session.Credentials
		if in.Kind != signing.ConnectEKS {
			connect.Expires = op.request.Expires
		}
		token, expires, err := b.Signer.ConnectToken(connect)
		if err != nil {
			return nil, signature{}, err
		}
		if end := op.session.Expires; !end.IsZero() && end.Before(expires) {
			if op.session.AsCaller && in.Kind == signing.ConnectEKS { // the cluster accepts it until then, whatever it says
				return nil, signature{}, credentials.ErrLoginExpired
			}
			expires = end
		}
		return &ConnectToken{
			Token: token, SignedAt: op.request.Time, ExpiresAt: expires, AccessKeyID: op.session.Credentials.AccessKeyID,
			Profile: op.session.Profile, Warnings: op.warnings,
		}, signature{value: token}, nil
	})
}

func (b *Broker) readConnect(connect *signing.Connect, op *operation) error {
	if err := b.checkAllowed(op.in, op); err != nil {
		return err
	}
	if err := checkBounds(op.in, op); err != nil {
		return err
	}
	made, err := connect.Request()
	if err != nil {
		return err
	}
	op.request = *made
	if err := b.checkSignable(op); err != nil {
		return err
	}
	op.policy = op.policyRequest()
	return nil
}
