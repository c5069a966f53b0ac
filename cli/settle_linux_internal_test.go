package cli

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Of the mappings of a file only those are taken that are as the file is.
func TestUnchangedMappings_AreThoseOfTheFile(t *testing.T) {
	const smaps = `00400000-01131000 r-xp 00000000 fe:00 1                           /app/countersign
Size:              13508 kB
Rss:               11140 kB
Anonymous:             0 kB
01131000-01ee1000 r--p 00d31000 fe:00 1                           /app/countersign
Rss:               10112 kB
Anonymous:             4 kB
01ee1000-01fd1000 rw-p 01ae1000 fe:00 1                           /app/countersign
Anonymous:             0 kB
02000000-02001000 r--p 00000000 fe:00 2                           /app/other
Anonymous:             0 kB
03000000-03001000 r--p 00000000 00:00 0 
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 1                   /app/countersign
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x1131000}, {0x7f0000000000, 0x7f0000001000}}
	if got := unchangedMappings([]byte(smaps), "/app/countersign"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// The program goes on where its pages are gone from memory, and has fewer of them.
func TestUnmapProgram_ThePagesComeBack(t *testing.T) {
	before := residentOfFiles(t)
	unmapProgram()
	if after := residentOfFiles(t); after >= before {
		t.Errorf("%d kB of files are in memory, before it were %d", after, before)
	}
}

func residentOfFiles(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "RssFile:")
	if !found {
		t.Skip("this system does not count them")
	}
	for _, c := range strings.TrimSpace(rest[:strings.Index(rest, "kB")]) {
		kB = 10*kB + int(c-'0')
	}
	return kB
}
