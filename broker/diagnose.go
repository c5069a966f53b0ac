package broker

import (
	"context"
	"errors"
	"time"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// Held is what is known about the credentials that should have signed a refused request. The zero value means nothing.
type Held struct {
	Credentials signing.Credentials
	// Others says that other sessions may have signed: Credentials are those of one of several.
	Others  bool
	Expires time.Time
	// STSEndpoint is the host of the STS that issued them, or "" if they are not from STS.
	STSEndpoint string
	Hosts       *endpoints.Hosts
}

// Diagnose calls explain to say why a request was refused, with the credentials that should have signed it. Using them
// is a form of verification, so it is decided and recorded like [Broker.Verify]: the result of explain reveals whether
// a signature is right, and must not reveal the right one. If no policy could decide the request, explain gets no
// credentials. Since none are used, there is no record then.
func Diagnose[T any](ctx context.Context, b *Broker, call *Call, in *VerifyInput, explain func(Held) T) (T, error) {
	var nothing T
	if err := b.checkAllowed(&in.Input, b.newOperation(access.ActionVerify, &in.Input)); err != nil {
		return nothing, err
	}
	op, readings, err := b.readReceived(in)
	if err != nil {
		return explain(Held{}), nil //nolint:nilerr //nolint:nilerr // what makes the request invalid may be the question
	}
	record, err := b.authorize(call, op)
	if denied := new(problem.Error); errors.As(err, &denied) && denied.Code != "forbidden" {
		call.Profile, call.Service, call.Region = "", "", ""
		return explain(Held{}), nil
	}
	return carryOut(ctx, b, call, op, record, err, func() (T, signature, error) {
		s := &op.session
		info, _ := signing.ReadSignatureInfo(readings[0]) // its faults are the subject of the explanation
		held := Held{
			Credentials: s.Credentials, Others: op.sessionMayDiffer(), Expires: s.Expires, STSEndpoint: s.STSEndpoint, Hosts: b.Hosts[op.profile],
		}
		return explain(held), signature{value: info.Signature, signedHeaders: info.SignedHeaders}, nil
	})
}
