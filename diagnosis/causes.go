package diagnosis

import "slices"

// Cause is the id of a cause. The ids are part of the API contract.
type Cause string

// Family is a group of causes and a chapter of the documentation.
type Family string

// The families.
const (
	FamilyChanged     Family = "Changed after signing"
	FamilySigner      Family = "Signed in another way than AWS does"
	FamilyForm        Family = "Form of the signature"
	FamilyScope       Family = "Credential scope"
	FamilyTime        Family = "Time"
	FamilyCredentials Family = "Credentials"
	FamilyPermission  Family = "Permission"
	FamilyElsewhere   Family = "Elsewhere"
)

// Families lists the families in the order of the documentation.
func Families() []Family {
	return []Family{
		FamilyChanged, FamilySigner, FamilyForm, FamilyScope, FamilyTime, FamilyCredentials, FamilyPermission, FamilyElsewhere,
	}
}

// CauseInfo describes a cause independently of any request.
type CauseInfo struct {
	ID     Cause
	Family Family
	Title  string // a full sentence
	Side   Side   // the usual side
	Most   Certainty
	// Means says what happened; Decides says what distinguishes it from other causes.
	Means, Decides           string
	FixInWorkflow, FixInCode string
	Details                  []Detail
}

// Detail is a variety of a cause.
type Detail struct{ ID, Title string }

// Causes lists every cause, family by family.
func Causes() []CauseInfo { return slices.Clone(causes) }

// IsCause reports whether id is the id of a cause.
func IsCause(id Cause) bool { return infoOf(id) != nil }

var causes = slices.Concat(
	changedCauses, signerCauses, formCauses, scopeCauses, timeCauses, credentialCauses, permissionCauses, elsewhereCauses)

func infoOf(id Cause) *CauseInfo {
	for i := range causes {
		if causes[i].ID == id {
			return &causes[i]
		}
	}
	return nil
}

// hasDetail reports whether a cause has a detail with this id.
func (c *CauseInfo) hasDetail(id string) bool {
	return slices.ContainsFunc(c.Details, func(d Detail) bool { return d.ID == id })
}

var certainties = []Certainty{Open, Likely, Stated, Proved}

// weaker returns the lesser of two certainties.
func weaker(a, b Certainty) Certainty {
	return certainties[min(slices.Index(certainties, a), slices.Index(certainties, b))]
}

// documentation returns the link to the section that explains a cause.
func documentation(id Cause) string { return "docs/troubleshooting.md#" + string(id) }

// detailTitle returns the title of a detail, or "" if there is none.
func (c *CauseInfo) detailTitle(id string) string {
	for _, d := range c.Details {
		if d.ID == id {
			return d.Title
		}
	}
	return ""
}
