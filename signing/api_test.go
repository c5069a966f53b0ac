package signing_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// api.txt is the API of the package. A change there affects every program that signs with it, so it
// must show up in review. To accept one:
//
//	go doc -all . > api.txt
func TestAPI_MatchesItsFile(t *testing.T) {
	want, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), "go", "doc", "-all", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "", ""
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Fatalf("go doc -all . differs from api.txt in line %d: %q, want %q", i+1, g, w)
		}
	}
}
