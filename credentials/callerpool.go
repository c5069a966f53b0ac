package credentials

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"countersign/internal/bearer"
)

// callerPool logs callers in to an identity pool, each as itself (enhanced flow).
type callerPool struct {
	*cognito
	identities *identities
}

// keys are those of the identity that the token's bearer has in the pool.
func (c *callerPool) keys(ctx context.Context, login *bearer.Token) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	who, logins := subject{login.Issuer, login.Subject}, map[string]string{c.LoginProvider: login.Text()}
	s, err := c.login(ctx, who, logins)
	if err != nil {
		f := classify(err)
		f.Detail = without(f.Detail, login.Text())
		return Session{}, f
	}
	return s, nil
}

func (c *callerPool) login(ctx context.Context, who subject, logins map[string]string) (Session, error) {
	id, known := c.identities.of(who)
	var err error
	if !known {
		if id, err = c.identify(ctx, who, logins); err != nil {
			return Session{}, err
		}
	}
	out, err := c.credentials(ctx, id, logins)
	if known && asType[*types.ResourceNotFoundException](err) { // the identity was deleted
		if id, err = c.identify(ctx, who, logins); err == nil {
			out, err = c.credentials(ctx, id, logins)
		}
	}
	if err != nil {
		return Session{}, err
	}
	s, err := c.session(out)
	if s.IdentityID == "" {
		s.IdentityID = id
	}
	if err == nil && s.IdentityID != id { // the pool merged identities
		c.identities.keep(who, s.IdentityID)
	}
	return s, err
}

// identify asks the pool which identity the logins have, and remembers it: the pool takes 25 such calls a second.
func (c *callerPool) identify(ctx context.Context, who subject, logins map[string]string) (string, error) {
	id, err := c.getID(ctx, logins)
	if err == nil {
		c.identities.keep(who, id)
	}
	return id, err
}

// subject is whom a token speaks of.
type subject struct{ issuer, subject string }

// identities are those of the callers of a pool. They are no secrets: the pool checks the token with each call.
type identities struct {
	mu sync.Mutex
	by map[subject]string
}

func newIdentities() *identities { return &identities{by: map[subject]string{}} }

func (i *identities) of(who subject) (id string, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, known = i.by[who]
	return id, known
}

// keep remembers an identity, in any other's place where there are as many as may be.
func (i *identities) keep(who subject, id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for other := range i.by {
		if _, known := i.by[who]; known || len(i.by) < loginSize {
			break
		}
		delete(i.by, other)
	}
	i.by[who] = id
}
