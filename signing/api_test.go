package signing_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// api.txt is the surface of the package: what moves there moves for everyone who
// signs with it, so it is read in every change. To accept one:
//
//	go doc -all . > api.txt
func TestSurface(t *testing.T) {
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
