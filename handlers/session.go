package handlers

import (
	"context"
	"time"

	"countersign/credentials"
)

// How long a session must last where the request does not say, and the most that one can be asked to last.
const (
	defaultValidity = 60 * time.Second
	maxValidity     = 900 * time.Second
)

// addSession gets the credentials and the time of the signature.
func (h *Handlers) addSession(ctx context.Context, in *toSend, p *prepared) error {
	validity := defaultValidity
	if in.MinValiditySeconds != nil {
		validity = time.Duration(*in.MinValiditySeconds) * time.Second
	}
	validity = max(validity, min(p.request.Expires, maxValidity))
	event := EventOf(ctx)
	var err error
	if c := in.Credentials; c != nil {
		p.session, err = h.Sessions.SessionFrom(ctx, given(c, p.request.Scope.Region, event.Caller.ID, validity))
	} else {
		p.session, err = h.Sessions.Session(ctx, credentials.Ask{
			Profile: p.profile, Caller: event.Caller.ID, Host: p.request.URL.Host(), MinValidity: validity,
		})
	}
	if err != nil {
		return h.recordUnsigned(ctx, p, locate(err, in))
	}
	p.request.Credentials = p.session.Credentials
	p.request.Time = h.Now().Add(p.session.Skew).UTC().Truncate(time.Second)
	if in.SigningTime != nil {
		p.request.Time, _ = parseTime(*in.SigningTime) // checked when it was decoded
	}
	if err := p.checkPartition(); err != nil {
		return h.recordUnsigned(ctx, p, err)
	}
	return nil
}

func given(c *requestCredentials, region, caller string, validity time.Duration) credentials.Given {
	g := credentials.Given{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		RoleARN: c.RoleARN, RoleName: c.RoleName, ExternalID: c.ExternalID, SessionName: c.SessionName,
		Region: region, Caller: caller, MinValidity: validity,
	}
	if c.AccountID != nil {
		g.AccountID = *c.AccountID
	}
	if c.DurationSeconds != nil {
		g.Duration = time.Duration(*c.DurationSeconds) * time.Second
	}
	return g
}

// parseTime reads RFC 3339 to the second, in UTC.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC().Truncate(time.Second), err
}
