package access

import (
	"errors"
	"fmt"
	"slices"
)

// Admission says which identities of a directory become callers.
type Admission struct {
	// Roles are the app roles of which a caller needs one. At least one: any
	// application of a tenant can get a token for any audience in it.
	Roles []string
	// Users lets people in, beside applications: tokens that an application got in
	// a person's name.
	Users bool
	// Callers names callers, by the id of an application or of a person's object.
	// Who is not in it is called by that id.
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

// identity is who a token speaks of.
type identity struct {
	application, object string
	user                bool
	roles               []string
}

// admit makes an identity a caller, or says that it has no business here.
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
