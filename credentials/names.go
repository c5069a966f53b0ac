package credentials

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Session names and source identities: 2…64 of [\w+=,.@-], STS API reference, AssumeRole.
const nameLimit = 64

// template is a name that may contain {caller}, {profile} and {host}.
type template string

func (t template) uses(placeholder string) bool {
	return strings.Contains(string(t), "{"+placeholder+"}")
}

// check fails if there are braces that are not part of a placeholder.
func (t template) check() error {
	if !strings.ContainsAny(string(t), "{}") {
		return nil
	}
	rest := strings.NewReplacer("{caller}", "", "{profile}", "", "{host}", "").Replace(string(t))
	if strings.ContainsAny(rest, "{}") {
		return fmt.Errorf("%q contains a brace that is not part of {caller}, {profile} or {host}", string(t))
	}
	return nil
}

func (t template) render(profile string, a SessionRequest) string {
	if t == "" {
		return ""
	}
	return legalName(strings.NewReplacer("{caller}", a.Caller, "{profile}", profile, "{host}", a.Host).Replace(string(t)))
}

// legalName turns raw into a name that STS accepts. A name that had to be changed or shortened ends in a hash of the
// original, so that two callers never get the same name.
func legalName(raw string) string {
	legal := strings.Map(func(r rune) rune {
		if isNameRune(r) {
			return r
		}
		return '-'
	}, raw)
	if legal == raw && len(raw) >= 2 && len(raw) <= nameLimit {
		return raw
	}
	sum := sha256.Sum256([]byte(raw))
	tail := "-" + hex.EncodeToString(sum[:4])
	return legal[:min(len(legal), nameLimit-len(tail))] + tail
}

func isNameRune(r rune) bool { return allBytes(string(r), isNameByte) }
