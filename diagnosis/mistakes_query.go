package diagnosis

import (
	"slices"
	"strings"
)

// otherQueries are rarer forms of a query: other orders, parameters of one name joined
// or lost, characters left as they are. The query comes sorted, and as it was sent.
func otherQueries(query, sent string) []mistake {
	var list []mistake
	add := func(detail, note, other string) {
		list = append(list, queryMistake(detail, note, other))
		list[len(list)-1].rare = true
	}
	pieces := strings.Split(sent, "&")
	byName := slices.Clone(pieces)
	slices.SortStableFunc(byName, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	add("unsorted", "The parameters were sorted by name, and those of one name left as they were sent.", strings.Join(byName, "&"))
	backward := strings.Split(query, "&")
	slices.Reverse(backward)
	add("unsorted", "The parameters were sorted backward.", strings.Join(backward, "&"))
	add("other", "An ampersand was signed at the end of the query.", query+"&")
	add("other", "An ampersand was signed before the query.", "&"+query)
	lower := slices.Clone(byName)
	for i, p := range lower {
		lower[i] = strings.ToLower(nameOf(p)) + strings.TrimPrefix(p, nameOf(p))
	}
	add("other", "The names of the parameters were signed in small letters.", strings.Join(lower, "&"))
	slices.Sort(lower)
	add("other", "The names of the parameters were signed in small letters.", strings.Join(lower, "&"))
	add("other", "The query was signed in small letters.", strings.ToLower(query))
	for _, together := range []struct{ detail, note, joint string }{
		{"other", "Parameters of one name were signed as one, joined by a comma.", "%2C"},
		{"other", "Parameters of one name were signed as one, joined by a comma.", ","},
		{"added", "Of the parameters of one name the last alone was signed.", "last"},
		{"added", "Of the parameters of one name the first alone was signed.", "first"},
	} {
		add(together.detail, together.note, joinNames(byName, together.joint))
	}
	for _, other := range looseForms(query) {
		add("not-encoded", "Characters of the query were not encoded.", other)
	}
	return list
}

// nameOf is the name of a parameter as it is written.
func nameOf(piece string) string {
	name, _, _ := strings.Cut(piece, "=")
	return name
}

// joinNames makes one parameter of those of each name: the first, the last, or all
// values joined.
func joinNames(sorted []string, joint string) string {
	var list []string
	for _, piece := range sorted {
		n := len(list)
		switch {
		case n == 0 || nameOf(list[n-1]) != nameOf(piece):
			list = append(list, piece)
		case joint == "last":
			list[n-1] = piece
		case joint != "first":
			list[n-1] += joint + strings.TrimPrefix(piece, nameOf(piece)+"=")
		}
	}
	return strings.Join(list, "&")
}
