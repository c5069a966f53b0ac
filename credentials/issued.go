package credentials

import (
	"errors"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"countersign/signing"
)

// Bounds on the end of a session that STS may return.
const (
	leastLife = 2 * time.Minute
	lifeSlack = 5 * time.Minute // beyond what was requested
	// longestLife bounds keys whose lifetime the source decides: GetSessionToken's 36 hours are the longest that exist.
	longestLife = 36 * time.Hour
)

// issued is a set of keys as received from a source, not checked yet.
type issued struct {
	accessKeyID, secretAccessKey, sessionToken *string
	expires                                    *time.Time
	meta                                       middleware.Metadata
}

// session accepts the keys only if they can work: a key id in STS's format, a secret, a token, and an end that is at
// least the given time away and no later than requested. The SDK checks none of these.
func (i issued) session(r reading, least, asked time.Duration) (Session, error) {
	malformed := func() (Session, error) { return Session{}, fail(ErrUnavailable, "malformed answer") }
	if i.accessKeyID == nil || i.secretAccessKey == nil || i.sessionToken == nil || i.expires == nil {
		return malformed()
	}
	if !validKeyID(*i.accessKeyID) || !plain(*i.secretAccessKey) || !plain(*i.sessionToken) {
		return malformed()
	}
	if i.expires.Before(r.time.Add(least)) || i.expires.After(r.time.Add(asked+lifeSlack)) {
		return malformed()
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(i.meta)
	if !validRequestID(id) {
		id = ""
	}
	return Session{
		Credentials: signing.NewCredentials(*i.accessKeyID, *i.secretAccessKey, *i.sessionToken),
		Expires:     i.expires.UTC(),
		RequestID:   id,
	}, nil
}

func asType[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}
