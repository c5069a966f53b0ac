package broker

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// How a text begins spares most of them the search, and must change nothing else.
func TestIsExpression_SaysWhatTheSearchSays(t *testing.T) {
	pieces := []string{"@{", "{{", "${", "{%", "<%", "$(", "}", "}}", "%}", "%>", ")", "a", " ", "\n", "@", "{", "$", "<", "%", "name"}
	random := rand.New(rand.NewPCG(1, 2))
	whole := 0
	for range 200_000 {
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		text := b.String()
		want := text != "" && expression().FindString(text) == text
		if got := isExpression(text); got != want {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
		if want {
			whole++
		}
	}
	if whole < 1000 {
		t.Errorf("only %d texts were expressions", whole)
	}
}
