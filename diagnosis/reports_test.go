package diagnosis_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/signing"
)

// reported is a paste from testdata/reports: what people would copy, with the causes of which one must come first,
// the certainties it may have, and the facts that the report must state.
type reported struct {
	name, paste string
	causes      []string // cause, or cause/detail
	certainties []string
	facts       []string
	in          diagnosis.Input
}

// readReports reads files made of blocks: "=== name", lines with what is expected and known, "---", and the paste.
func readReports(t testing.TB) []reported {
	t.Helper()
	names, err := filepath.Glob("testdata/reports/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var all []reported
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split("\n"+string(text), "\n=== ")[1:] {
			head, paste, ok := strings.Cut(block, "\n---\n")
			if !ok {
				t.Fatalf("%s: no --- in %.60q", name, block)
			}
			lines := strings.Split(head, "\n")
			r := reported{name: lines[0], paste: strings.TrimRight(paste, "\n")}
			for _, line := range lines[1:] {
				r.take(t, line)
			}
			if len(r.causes) == 0 || len(r.certainties) == 0 {
				t.Fatalf("%s: no expected cause", r.name)
			}
			all = append(all, r)
		}
	}
	return all
}

func (r *reported) take(t testing.TB, line string) {
	t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "want":
		causes, certainties, _ := strings.Cut(rest, " ")
		r.causes, r.certainties = strings.Split(causes, ","), strings.Split(certainties, ",")
	case "fact":
		r.facts = append(r.facts, rest)
	case "is":
		r.in.RequestIs = diagnosis.RequestIs(rest)
	case "profile":
		parts := strings.Fields(rest + " - - -")
		r.in.Credentials = signing.NewCredentials(parts[0], strings.Trim(parts[1], "-"), strings.Trim(parts[2], "-"))
	case "sts":
		r.in.STSEndpoint = rest
	default:
		t.Fatalf("%s: unknown line %q", r.name, line)
	}
}

// A paste of each kind of refusal, from any tool, is diagnosed correctly and with no more certainty than is
// justified.
func TestDiagnose_Reports(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range readReports(t) {
		if seen[r.name] {
			t.Errorf("%s is listed twice", r.name)
		}
		seen[r.name] = true
		t.Run(r.name, func(t *testing.T) {
			in := r.in
			in.Paste = r.paste
			report := diagnosis.Diagnose(context.Background(), in)
			checkReport(t, &report)
			v := &report.Verdicts[0]
			id := string(v.Cause)
			if !slices.Contains(r.causes, id) && !slices.Contains(r.causes, id+"/"+v.Detail) {
				t.Errorf("%s/%s (%s), want %v: %s", v.Cause, v.Detail, v.Certainty, r.causes, report.Summary)
			}
			if !slices.Contains(r.certainties, string(v.Certainty)) {
				t.Errorf("%s: the certainty is %s, want %v: %s", v.Cause, v.Certainty, r.certainties, report.Summary)
			}
			text := strings.ToLower(reportJSON(t, &report))
			for _, fact := range r.facts {
				if !strings.Contains(text, strings.ToLower(fact)) {
					t.Errorf("%q is not in the report: %s", fact, report.Summary)
				}
			}
		})
	}
}
