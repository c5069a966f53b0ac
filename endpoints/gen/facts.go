package main

import (
	"fmt"
	"strings"
)

// add adds a row: a fact of one of the kinds that package endpoints reads. The cases of the parser
// there explain the columns of each kind.
func (t table) add(row []string) error {
	fact, key, value, extra := row[0], row[1], row[2], row[3]
	switch fact {
	case "label", "bare", "any-region", "bearer", "service", "no-sigv4", "no-sigv4-suffix", "front", "back", "no-store":
		if extra != "" {
			return fmt.Errorf("%s %q has an extra column: %q", fact, key, extra)
		}
		return t.put(fact, key, value)
	case "service-suffix", "host", "fixed-suffix", "region", "partition", "store":
		return t.put(fact, key, value, extra)
	case "suffix", "known-suffix", "quirk": // collected from several rows
		return t.extend(fact, key, value)
	case "global":
		return t.extend(fact, key, extra, value)
	case "cross", "operation":
		first, second, ok := strings.Cut(extra, " ")
		if !ok {
			return fmt.Errorf("%s %q: %q is not two words", fact, key, extra)
		}
		return t.put(fact, key, value, first, second)
	}
	return fmt.Errorf("unknown fact %q", fact)
}
