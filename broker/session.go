package broker

import (
	"context"
	"time"

	"countersign/credentials"
	"countersign/problem"
)

// How long a session must last if the request does not say, and the most that is ever required.
const (
	defaultValidity = 60 * time.Second
	maxValidity     = 900 * time.Second
)

// getSession sets the credentials and the signing time.
func (b *Broker) getSession(ctx context.Context, call *Call, op *operation) error {
	in, validity := op.in, defaultValidity
	if in.MinValidity != nil {
		validity = *in.MinValidity
	}
	validity = max(validity, min(op.request.Expires, maxValidity))
	begun := b.Now()
	var err error
	if in.Credentials != nil {
		given := *in.Credentials
		given.Region, given.Caller, given.MinValidity = op.request.Scope.Region, call.Caller.ID, validity
		op.session, err = b.Sessions.SessionFromRequest(ctx, given)
	} else {
		op.session, err = b.Sessions.Session(ctx, credentials.SessionRequest{
			Profile: op.profile, Caller: call.Caller.ID, Login: call.Caller.Login, Host: op.request.URL.Host(),
			MinValidity: validity, Strict: in.MinValidity != nil,
		})
	}
	now := b.Now()
	call.SessionWait += now.Sub(begun)
	if err != nil {
		return err
	}
	op.request.Credentials = op.session.Credentials
	op.request.Time = now.Add(op.session.Skew).UTC().Truncate(time.Second)
	if in.SigningTime != nil {
		op.request.Time = *in.SigningTime
	}
	if err := op.checkSigningTime(op.request.Time); err != nil {
		return err
	}
	return op.checkPartition()
}

// checkSigningTime refuses a time after the end of a session that ends with the caller's token. AWS would accept the
// signature, because for AWS the session continues.
func (op *operation) checkSigningTime(at time.Time) error {
	if op.session.AsCaller && op.session.Expires.Sub(at) < time.Second {
		return problem.InvalidPart("signingTime", "", "It must be before the end of the token that the session was obtained with.")
	}
	return nil
}
