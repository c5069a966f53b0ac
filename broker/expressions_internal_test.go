package broker

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// The check of the beginning saves most searches and must not change the result.
func TestIsExpression_AgreesWithTheSearch(t *testing.T) {
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
