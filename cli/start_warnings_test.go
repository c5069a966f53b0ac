package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestLogWarnings_AreBounded(t *testing.T) {
	var out bytes.Buffer
	g := &generation{logs: newLogs(&out, time.Now, zerolog.InfoLevel, "")}
	var all []string
	for i := range mostWarnings + 2 {
		all = append(all, fmt.Sprintf("warning %d", i))
	}
	g.logWarnings(all[:mostWarnings])
	if n := strings.Count(out.String(), "\n"); n != mostWarnings {
		t.Errorf("%d lines, want %d", n, mostWarnings)
	}
	out.Reset()
	g.logWarnings(all)
	if n := strings.Count(out.String(), "\n"); n != mostWarnings+1 || !strings.Contains(out.String(), "2 more warnings; ") {
		t.Errorf("%d lines, the last ones %s", n, out.String()[max(0, out.Len()-300):])
	}
}
