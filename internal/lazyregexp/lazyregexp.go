// Package lazyregexp has regular expressions that are compiled when they are first used. There are more than a hundred in the
// program, of which a run uses a few, and those that count repetitions take a megabyte.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Expression returns the compiled expression.
type Expression func() *regexp.Regexp

// New takes an expression, which must be right: it panics when it is first used, else.
func New(text string) Expression {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
