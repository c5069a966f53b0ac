package credentials

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"countersign/internal/bearer"
)

// callerPool logs each caller in to an identity pool with its own token (enhanced flow).
type callerPool struct {
	*cognito
	identities *identities
}

// keys returns the credentials of the pool's identity for the bearer of the token.
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

// identify asks the pool for the identity of the logins and remembers it: the pool accepts only 25 such calls a second.
func (c *callerPool) identify(ctx context.Context, who subject, logins map[string]string) (string, error) {
	id, err := c.getID(ctx, logins)
	if err == nil {
		c.identities.keep(who, id)
	}
	return id, err
}

// subject identifies the bearer of a token.
type subject struct{ issuer, subject string }

// identities maps callers to their identities in a pool. They are not secret: the pool checks the token with each call.
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

// keep remembers an identity. If the map is full, an arbitrary other entry is deleted.
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
