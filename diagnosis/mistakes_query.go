package diagnosis

import (
	"slices"
	"strings"
)

// otherQueries are rarer forms of a query: other orders, parameters of one name joined or lost, characters left
// unencoded. It takes the query both sorted and as it was sent.
func otherQueries(query, sent string) []mistake {
	var list []mistake
	add := func(detail, note, other string) {
		list = append(list, queryMistake(detail, note, other))
		list[len(list)-1].rare = true
	}
	pieces := strings.Split(sent, "&")
	byName := slices.Clone(pieces)
	slices.SortStableFunc(byName, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	add("unsorted", "The parameters were sorted by name, and those with the same name were left in the order sent.", strings.Join(byName, "&"))
	backward := strings.Split(query, "&")
	slices.Reverse(backward)
	add("unsorted", "The parameters were sorted backward.", strings.Join(backward, "&"))
	add("other", "An ampersand was signed at the end of the query.", query+"&")
	add("other", "An ampersand was signed before the query.", "&"+query)
	lower := slices.Clone(byName)
	for i, p := range lower {
		lower[i] = strings.ToLower(nameOf(p)) + strings.TrimPrefix(p, nameOf(p))
	}
	add("other", "The names of the parameters were signed in lower case.", strings.Join(lower, "&"))
	slices.Sort(lower)
	add("other", "The names of the parameters were signed in lower case.", strings.Join(lower, "&"))
	add("other", "The query was signed in lower case.", strings.ToLower(query))
	for _, comma := range []string{"%2C", ","} {
		joined := func(before, piece string) string {
			return before + comma + strings.TrimPrefix(piece, nameOf(piece)+"=")
		}
		add("other", "Parameters with the same name were signed as one, joined by a comma.", mergeNames(byName, joined))
	}
	last, first := func(_, piece string) string { return piece }, func(before, _ string) string { return before }
	add("added", "Only the last of the parameters with the same name was signed.", mergeNames(byName, last))
	add("added", "Only the first of the parameters with the same name was signed.", mergeNames(byName, first))
	for _, other := range looseForms(query) {
		add("not-encoded", "Characters of the query were not encoded.", other)
	}
	return list
}

// nameOf returns the name of a parameter as it is written.
func nameOf(piece string) string {
	name, _, _ := strings.Cut(piece, "=")
	return name
}

// mergeNames merges parameters of the same name, two at a time.
func mergeNames(sorted []string, merge func(before, piece string) string) string {
	var list []string
	for _, piece := range sorted {
		if last := len(list) - 1; last >= 0 && nameOf(list[last]) == nameOf(piece) {
			list[last] = merge(list[last], piece)
		} else {
			list = append(list, piece)
		}
	}
	return strings.Join(list, "&")
}
