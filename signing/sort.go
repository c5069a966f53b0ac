package signing

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// rank is an item to sort: its index, and the first bytes of its name, which settle most
// comparisons.
type rank struct {
	first  uint64
	number int
}

// firstBytes returns the first eight bytes of a name as a number of the same sort order.
func firstBytes(name []byte) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64(name)
	}
	var padded [8]byte
	copy(padded[:], name)
	return binary.BigEndian.Uint64(padded[:])
}

// sortRanks sorts ranks, calling compare only for items with the same first bytes.
func sortRanks(ranks []rank, compare func(i, j int) int) {
	slices.SortFunc(ranks, func(a, b rank) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		return compare(a.number, b.number)
	})
}
