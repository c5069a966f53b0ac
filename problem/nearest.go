package problem

// Nearest returns the name that a misspelt one was most likely meant to be, or "": the one with the fewest letters to
// change, at most a third of them but at least one.
func Nearest(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	best, least := "", max(1, len(name)/3)+1
	for _, known := range names {
		if d := Distance(name, known); d < least && d < len(name) {
			best, least = known, d
		}
	}
	return best
}

// Distance returns how many letters must be inserted, deleted, replaced or swapped with a neighbour to turn a into b.
func Distance(a, b string) int {
	var before, last, row []int
	for j := range len(b) + 1 {
		last = append(last, j)
	}
	for i := 1; i <= len(a); i++ {
		row = append(make([]int, 0, len(b)+1), i)
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			row = append(row, d)
		}
		before, last = last, row
	}
	return last[len(b)]
}
