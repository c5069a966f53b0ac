package endpoints

import (
	"strings"
	"testing"
)

// This test removes each label and each service from the table and infers it from its form alone.
// How well that works for known hosts shows how far the guesses can be trusted for unknown ones.
func TestGuess_KnownHosts(t *testing.T) {
	table := *facts()
	p := &parsedHost{table: &table}
	explained := 0
	for label, fact := range facts().labels {
		if strings.Contains(label, ".") || fact.any.service == "" || table.names[label] {
			continue
		}
		table.labels = without(facts().labels, label)
		switch got := p.guess(label); {
		case got.service == fact.any.service:
			explained++
		case got.service != label:
			t.Errorf("without its fact, %s would sign as %s, not as %s", label, got.service, fact.any.service)
		}
	}
	table.labels = facts().labels
	for _, s := range facts().services {
		if facts().labels[s.Name].any.known() {
			continue
		}
		table.names = without(facts().names, s.Name)
		if got := p.guess(s.Name); got.service != s.Name {
			t.Errorf("without its fact, %s would sign as %s", s.Name, got.service)
		}
	}
	if explained < 20 {
		t.Errorf("the forms explain %d labels in the table, want at least 20", explained)
	}
}

func without[V any](m map[string]V, key string) map[string]V {
	out := make(map[string]V, len(m))
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}
