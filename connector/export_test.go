package connector

// RuleIDs returns the ids of the rules.
func RuleIDs() []string {
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.id)
	}
	return ids
}
