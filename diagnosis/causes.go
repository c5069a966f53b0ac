package diagnosis

import "slices"

// Cause is the id of a cause. The ids are part of the contract.
type Cause string

// Family is a group of causes, a chapter of the documentation.
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

// Families lists them in their order.
func Families() []Family {
	return []Family{
		FamilyChanged, FamilySigner, FamilyForm, FamilyScope, FamilyTime, FamilyCredentials, FamilyPermission, FamilyElsewhere,
	}
}

// CauseInfo is what holds for a cause wherever it occurs.
type CauseInfo struct {
	ID     Cause
	Family Family
	Title  string // a sentence
	Side   Side   // usually
	Most   Certainty
	// Means says what happened, Decides what tells it from others.
	Means, Decides           string
	FixInWorkflow, FixInCode string
	Details                  []Detail
}

// Detail is a kind of a cause.
type Detail struct{ ID, Title string }

// Causes lists every cause, family by family.
func Causes() []CauseInfo { return slices.Clone(causes) }

// IsCause says whether an id is one of a cause.
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

// hasDetail says whether a cause has a kind of this name.
func (c *CauseInfo) hasDetail(id string) bool {
	return slices.ContainsFunc(c.Details, func(d Detail) bool { return d.ID == id })
}

var certainties = []Certainty{Open, Likely, Stated, Proved}

// weaker is the lesser of two certainties.
func weaker(a, b Certainty) Certainty {
	return certainties[min(slices.Index(certainties, a), slices.Index(certainties, b))]
}

// documentation is where a cause is explained.
func documentation(id Cause) string { return "docs/troubleshooting.md#" + string(id) }

// detailTitle is the title of a kind, or empty.
func (c *CauseInfo) detailTitle(id string) string {
	for _, d := range c.Details {
		if d.ID == id {
			return d.Title
		}
	}
	return ""
}
