package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// pages are the documents that people read in the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "connector/workflows/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no page is named %s: %v", pattern, err)
		}
		all = append(all, found...)
	}
	return all
}

func content(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocs_EveryPageIsInTheIndex(t *testing.T) {
	index := content(t, "docs/README.md")
	found, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range found {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(index, "]("+name+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
	}
}

// TestOperations_DefaultsAreThoseOfTheConfiguration: docs/configuration.md is generated, the short list for operators is not.
func TestOperations_DefaultsAreThoseOfTheConfiguration(t *testing.T) {
	_, section, _ := strings.Cut(content(t, "docs/operations.md"), "\n## Settings\n")
	section, _, _ = strings.Cut(section, "\n## ")
	reference := content(t, "docs/configuration.md")
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (.*?) \\|").FindAllStringSubmatch(section, -1)
	if len(rows) < 10 {
		t.Errorf("%d settings", len(rows))
	}
	for _, row := range rows {
		of := regexp.MustCompile("(?m)^\\| `" + row[1] + "` \\| .*? \\| " + regexp.QuoteMeta(row[2]) + " \\|")
		if !of.MatchString(reference) {
			t.Errorf("docs/configuration.md has no %s with the default %s", row[1], row[2])
		}
	}
}

var (
	fences = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	links  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

func TestDocs_RelativeLinksResolve(t *testing.T) {
	checked := 0
	for _, page := range pages(t) {
		for _, link := range links.FindAllStringSubmatch(fences.ReplaceAllString(content(t, page), ""), -1) {
			if regexp.MustCompile(`^[a-z]+:`).MatchString(link[1]) {
				continue // another host's page
			}
			checked++
			target, heading, _ := strings.Cut(link[1], "#")
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), filepath.FromSlash(target))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, link[1])
				continue
			}
			if heading != "" && !slices.Contains(anchors(content(t, file)), heading) {
				t.Errorf("%s links to %s, a heading that %s does not have", page, link[1], file)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

// anchors are the ids that GitHub gives to the headings of a page.
func anchors(page string) []string {
	var all []string
	for _, line := range strings.Split(fences.ReplaceAllString(page, ""), "\n") {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(strings.TrimLeft(line, "#")))
		all = append(all, anchor)
	}
	return all
}

// Rows of tables cannot be wrapped; everything else can.
func TestDocs_LinesWrap(t *testing.T) {
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "docs/README.md", "examples/README.md"} {
		for i, line := range strings.Split(content(t, page), "\n") {
			if n := utf8.RuneCountInString(line); n > 120 && !strings.HasPrefix(line, "|") {
				t.Errorf("%s:%d has %d characters, want at most 120", page, i+1, n)
			}
		}
	}
}

// docs/security.md names the test for each threat, and the Makefile runs some tests alone: a test that was renamed would no longer
// run there. Patterns for -run may name only the beginning of a test.
func TestDocs_NamedTestsExist(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			tests.WriteString(content(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages(t), "Makefile", ".ci/run") {
		for _, name := range testNames(content(t, page)) {
			if checked++; !strings.Contains(tests.String(), "func "+name) {
				t.Errorf("%s names %s, but there is no such test", page, name)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d names of tests were found", checked)
	}
}

// testNames returns the tests that a text names, also in groups such as Test(HostileCaller|SlowClients).
func testNames(text string) []string {
	names := regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`).FindAllString(text, -1)
	for _, group := range regexp.MustCompile(`\b(Test|Fuzz|Benchmark)\(([\w|]+)\)`).FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(group[2], "|") {
			names = append(names, group[1]+name)
		}
	}
	return names
}
