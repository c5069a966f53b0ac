package reading

import (
	"regexp"
	"sync"
)

// expression is a regular expression that is compiled when it is first used:
// there are sixty, and most runs of the program read no paste.
type expression func() *regexp.Regexp

func lazy(text string) expression {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
