package endpoints

import (
	"strings"
	"testing"
)

// TestGuessOfWhatTheTableHolds takes each label and each service out of the
// table and reads it by its form alone: what the forms say of the hosts that are
// known is what they may be trusted with for those that are not.
func TestGuessOfWhatTheTableHolds(t *testing.T) {
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
			t.Errorf("without its fact, %s would sign as %s and not as %s", label, got.service, fact.any.service)
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
		t.Errorf("the forms explain %d labels of the table, want 20 or more", explained)
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
