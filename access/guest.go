package access

import (
	"errors"
	"slices"
)

// Guest admits callers without credentials, all of them as one caller, on routes that allow guests.
type Guest struct {
	// Profiles are the profiles that guests may use, whatever the policies say. At least one is required.
	Profiles []string
}

// GuestID is the caller id of every guest. No other caller can have it.
const GuestID = "(guest)"

func (g *Guest) check() error {
	if len(g.Profiles) == 0 {
		return errors.New("callers.guest.profiles: name at least one profile that guests may use")
	}
	return nil
}

// Guest returns the caller that represents guests, and whether guests are allowed.
func (a *Authenticator) Guest() (Caller, bool) {
	if a.guest == nil {
		return Caller{}, false
	}
	return Caller{ID: GuestID, Method: MethodGuest, Profiles: a.guest.Profiles}, true
}

// limit returns why a caller who is limited to some profiles may not use this one, or "". The caller's own keys are not
// a profile, so such a caller may not use them.
func (c *Caller) limit(profile string, ownKeys bool) string {
	if c.Profiles != nil && (ownKeys || !slices.Contains(c.Profiles, profile)) {
		return "guests may not use this profile"
	}
	return ""
}
