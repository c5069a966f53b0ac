package converter

import (
	"slices"
	"strings"
)

// selects applies --include and --exclude.
func (c *conversion) selects(method, path string) bool {
	matches := func(pattern string) bool { return matchesOperation(pattern, method, path) }
	return (len(c.Include) == 0 || slices.ContainsFunc(c.Include, matches)) && !slices.ContainsFunc(c.Exclude, matches)
}

// selectsAny reports whether an operation of a path may be selected. Paths of which none is may hold what cannot be
// read, such as a reference to another file.
func (c *conversion) selectsAny(path string) bool {
	return slices.ContainsFunc(slices.Concat(methods, otherMethods, []string{"any"}), func(method string) bool {
		return c.selects(strings.ToUpper(method), path)
	})
}

func matchesOperation(pattern, method, path string) bool {
	wanted, rest, both := strings.Cut(strings.TrimSpace(pattern), " ")
	if !both {
		wanted, rest = "*", pattern
	}
	return glob(strings.ToUpper(wanted), method) && glob(strings.TrimSpace(rest), path)
}

// glob matches a pattern in which * stands for any text.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

func (c *conversion) chosen() string {
	if len(c.Include)+len(c.Exclude) > 0 {
		return " that --include and --exclude select"
	}
	return ""
}
