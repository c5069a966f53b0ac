package credentials_test

import (
	"regexp"
	"strings"
	"testing"

	"countersign/credentials"
)

func TestSessionNames(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"countersign-crm", "countersign-crm"},
		{"crm sync", "crm-sync-"},
		{"ü", "--"},
		{"", "-"},
		{"x", "x-"},
		{strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{strings.Repeat("a", 65), strings.Repeat("a", 55) + "-"},
	}
	for _, test := range tests {
		got := credentials.LegalName(test.raw)
		changed := strings.HasSuffix(test.want, "-")
		if changed && (!strings.HasPrefix(got, test.want) || len(got) != len(test.want)+8) || !changed && got != test.want {
			t.Errorf("LegalName(%q) = %q, want %q, with a hash if it was changed", test.raw, got, test.want)
		}
	}
}

func FuzzSessionNames(f *testing.F) {
	f.Add("crm sync", "crm-sync")
	f.Add(strings.Repeat("a", 80), strings.Repeat("a", 81))
	shape := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := credentials.LegalName(a), credentials.LegalName(b)
		if !shape.MatchString(x) {
			t.Errorf("LegalName(%q) = %q, which STS refuses", a, x)
		}
		if a != b && x == y && x != a && y != b { // only a caller whose name equals the result can collide with it
			t.Errorf("LegalName(%q) = LegalName(%q) = %q", a, b, x)
		}
	})
}
