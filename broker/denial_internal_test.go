package broker

import (
	"errors"
	"strings"
	"testing"

	"countersign/access"
	"countersign/problem"
)

// The author of a policy writes @reason("Only tests.") or @reason("only tests").
func TestDenial_EndsWithOneFullStop(t *testing.T) {
	for _, reason := range []string{"only tests", "Only tests.", "Only tests. ", "Why?"} {
		for _, malformed := range []string{"", "url"} {
			var p *problem.Error
			if !errors.As(denial(access.Decision{Reason: reason, Malformed: malformed}), &p) {
				t.Fatal("not a problem")
			}
			var texts []string
			if p.Detail != "" {
				texts = append(texts, p.Detail)
			}
			for _, field := range p.Fields {
				texts = append(texts, field.Detail)
			}
			for _, text := range texts {
				if strings.Contains(text, "..") || strings.Contains(text, "?.") || !strings.ContainsAny(text[len(text)-1:], ".?") {
					t.Errorf("%q becomes %q", reason, text)
				}
			}
		}
	}
}
