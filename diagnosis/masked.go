package diagnosis

import (
	"slices"
	"strings"
)

// plainMasks are what people and tools put in place of a value.
var plainMasks = []string{"***", "redacted", "[...", "…", "{{", "@{", "${", "xxxx", "<your", "masked"}

// masked reports whether something was removed from a request.
func (m *message) masked() bool {
	if m == nil {
		return false
	}
	texts := []string{m.url}
	for _, h := range m.headers {
		if !strings.EqualFold(h.Name, "authorization") {
			texts = append(texts, h.Value)
		}
	}
	for _, t := range texts {
		t = strings.ToLower(t)
		for _, mask := range plainMasks {
			if strings.Contains(t, mask) {
				return true
			}
		}
	}
	return false
}

// unmasked drops the differences that come from masking before the paste: they are not causes. If AWS's text is
// whole, nothing was masked.
func (m *mismatch) unmasked(found []difference) []difference {
	if !m.edited {
		return found
	}
	return slices.DeleteFunc(found, func(d difference) bool {
		return d.place == "header:x-amz-security-token" || d.place == "header:host" && d.detail == "name" ||
			looksMasked(d.arrived) || looksMasked(d.signed)
	})
}

var masks = []string{
	"***", "xxx", "XXX", "redacted", "removed", "masked", "hidden", "[...", "…", "...", "<", ">",
	"your-", "your_", "MY_", "my-", "example", "EXAMPLE", "snip", "####",
}

func looksMasked(s string) bool {
	return slices.ContainsFunc(masks, func(mask string) bool { return strings.Contains(s, mask) })
}
