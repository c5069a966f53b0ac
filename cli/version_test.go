package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersion_SaysCommitAndDate(t *testing.T) {
	for _, test := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, "v1.2.3"},
		{[]debug.BuildSetting{{Key: "GOOS", Value: "linux"}}, "v1.2.3"},
		{
			[]debug.BuildSetting{
				{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}, {Key: "vcs.time", Value: "2026-11-29T10:00:00Z"},
			},
			"v1.2.3, commit 0123456789ab of 2026-11-29T10:00:00Z",
		},
	} {
		if got := describe("v1.2.3", test.settings); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
