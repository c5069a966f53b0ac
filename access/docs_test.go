package access_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every threat in the table names tests, and those tests exist.
func TestThreatsNameTheirTests(t *testing.T) {
	text := string(must(os.ReadFile("../docs/security.md")))
	name := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9_]*)`")
	folderName := regexp.MustCompile(`(?:^|; )([a-z/]+) `)
	threats := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !regexp.MustCompile(`^\| \d+$`).MatchString(cells[0]) {
			continue
		}
		threats++
		if !name.MatchString(cells[3]) {
			t.Errorf("no test: %s", cells[1])
		}
		folders := folderName.FindAllStringSubmatchIndex(cells[3], -1)
		for i, at := range folders {
			end := len(cells[3])
			if i+1 < len(folders) {
				end = folders[i+1][0]
			}
			folder := cells[3][at[2]:at[3]]
			tests := testNames(t, folder)
			for _, found := range name.FindAllStringSubmatch(cells[3][at[0]:end], -1) {
				if !tests[found[1]] {
					t.Errorf("%s has no %s", folder, found[1])
				}
			}
		}
	}
	if threats < 25 {
		t.Errorf("%d threats, want 25 or more", threats)
	}
}

func testNames(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files := must(filepath.Glob(filepath.Join("..", folder, "*_test.go")))
	if len(files) == 0 {
		t.Fatalf("no tests in %s", folder)
	}
	names := map[string]bool{}
	for _, file := range files {
		for _, found := range regexp.MustCompile(`(?m)^func (\w+)\(`).FindAllStringSubmatch(string(must(os.ReadFile(file))), -1) {
			names[found[1]] = true
		}
	}
	return names
}
