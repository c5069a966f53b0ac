package access

import (
	"errors"
	"fmt"
	"slices"
)

// Admission says which identities of a directory are accepted as callers.
type Admission struct {
	// Roles are the accepted app roles; a caller needs one of them. At least one is required, because any application
	// in a tenant can get a token for any audience in it.
	Roles []string
	// Users also admits people, not only applications: tokens that an application got on a user's behalf.
	Users bool
	// Callers maps the id of an application or of a user's object to a caller name. Identities that are not listed are
	// called by their id.
	Callers map[string]string
}

func (a *Admission) check(where string) error {
	var faults []error
	if len(a.Roles) == 0 {
		faults = append(faults, fmt.Errorf("%s.roles: name at least one app role", where))
	}
	for id, name := range a.Callers {
		if !isGUID(id) {
			faults = append(faults, fmt.Errorf("%s.callers: %q: want a GUID in lower case", where, id))
		}
		if reason := checkCallerID(name); reason != "" {
			faults = append(faults, fmt.Errorf("%s.callers.%s: %s", where, id, reason))
		}
	}
	return errors.Join(faults...)
}

// identity is the subject of a token.
type identity struct {
	application, object string
	user                bool
	roles               []string
}

// admit turns an identity into a caller, or fails if it is not allowed to call.
func (a *Admission) admit(who identity, method Method) (Caller, error) {
	id := who.application
	if who.user {
		id = who.object
	}
	switch {
	case !isGUID(who.application) || who.object != "" && !isGUID(who.object) || !isGUID(id):
		return Caller{}, bad("identity has no id")
	case who.user && !a.Users:
		return Caller{}, ErrPerson
	case !slices.ContainsFunc(who.roles, func(r string) bool { return slices.Contains(a.Roles, r) }):
		return Caller{}, fmt.Errorf("%w: %s", ErrNoRole, id)
	}
	c := Caller{ID: id, Method: method, Roles: who.roles, Application: who.application, Object: who.object}
	if name, named := a.Callers[id]; named {
		c.ID = name
	}
	return c, nil
}
