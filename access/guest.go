package access

import (
	"errors"
	"slices"
)

// Guest lets in who brings no credentials, all of them as one caller, where whoever asks for authentication lets guests in.
type Guest struct {
	// Profiles are those that guests may use, whatever policies say. At least one.
	Profiles []string
}

// GuestID is the id of the caller that all guests are. No other caller can be called so.
const GuestID = "(guest)"

func (g *Guest) check() error {
	if len(g.Profiles) == 0 {
		return errors.New("callers.guest.profiles: name at least one profile that guests may use")
	}
	return nil
}

// Guest is the caller that guests are, where there are any.
func (a *Authenticator) Guest() (Caller, bool) {
	if a.guest == nil {
		return Caller{}, false
	}
	return Caller{ID: GuestID, Method: MethodGuest, Profiles: a.guest.Profiles}, true
}

// limit says why a caller who is limited to some profiles may not use this one, or "". Keys of the own are no profile.
func (c *Caller) limit(profile string, ownKeys bool) string {
	if c.Profiles != nil && (ownKeys || !slices.Contains(c.Profiles, profile)) {
		return "guests may not use this profile"
	}
	return ""
}
