// Package lazyregexp provides regular expressions that are compiled on first use. The program has more than a hundred,
// a run uses only a few of them, and those that count repetitions take a megabyte.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Expression returns the compiled expression.
type Expression func() *regexp.Regexp

// New returns a lazily compiled expression. It must be valid: otherwise its first use panics.
func New(text string) Expression {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
