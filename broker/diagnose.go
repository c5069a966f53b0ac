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

// Held is what is known of the credentials that should have signed a refused request. The zero value knows nothing.
type Held struct {
	Credentials signing.Credentials
	// Others says that they are those of one session of several that may have signed.
	Others  bool
	Expires time.Time
	// STSEndpoint is the host of the STS that issued them, empty where none did.
	STSEndpoint string
	Hosts       *endpoints.Hosts
}

// Diagnose has explain say why a request was refused, with the credentials that should have signed it. To use them is to
// verify, so it is decided and recorded as [Broker.Verify] is: what explain returns tells whether a signature is right, and must
// not tell the right one. A request that no policy could decide on is explained without them: they are not used, so that there
// is no record.
func Diagnose[T any](ctx context.Context, b *Broker, call *Call, in *VerifyInput, explain func(Held) T) (T, error) {
	var nothing T
	if err := b.checkAllowed(&in.Input, b.newOperation(access.ActionVerify, &in.Input)); err != nil {
		return nothing, err
	}
	op, readings, err := b.readReceived(in)
	if err != nil {
		return explain(Held{}), nil //nolint:nilerr // why a request is none may be what is asked
	}
	record, err := b.authorize(call, op)
	if denied := new(problem.Error); errors.As(err, &denied) && denied.Code != "forbidden" {
		call.Profile, call.Service, call.Region = "", "", ""
		return explain(Held{}), nil
	}
	return carryOut(ctx, b, call, op, record, err, func() (T, signature, error) {
		s := &op.session
		info, _ := signing.ReadSignatureInfo(readings[0]) // what is wrong with it is what the explanation is about
		held := Held{
			Credentials: s.Credentials, Others: op.sessionMayDiffer(), Expires: s.Expires, STSEndpoint: s.STSEndpoint, Hosts: b.Hosts[op.profile],
		}
		return explain(held), signature{value: info.Signature, signedHeaders: info.SignedHeaders}, nil
	})
}
