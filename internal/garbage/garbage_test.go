package garbage

import "testing"

func TestPercentOf_BoundsGarbage(t *testing.T) {
	for used, want := range map[uint64]int{
		0: 400, 2 << 20: 400, 6 << 20: 400, 8 << 20: 300, 12 << 20: 200, 24 << 20: 100, 40 << 20: 100, 1 << 40: 100,
	} {
		if got := percentOf(used); got != want {
			t.Errorf("with %d MiB in use: %d %%, want %d", used>>20, got, want)
		}
	}
}
