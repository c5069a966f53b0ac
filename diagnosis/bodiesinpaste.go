package diagnosis

import (
	"encoding/json"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
)

const (
	maxPastedBodies = 10       // bodies taken from a paste
	maxPastedBody   = 64 << 10 // bytes of each
)

var (
	dataOption = lazyregexp.New(`(?:\s-d|\s--data(?:-raw|-binary|-ascii)?|\s-Body)[ =](?:'([^']*)'|"((?:[^"\\]|\\.)*)")`)
	lineFrame  = lazyregexp.New(`(?m)^(?:[|│] ?|> ?)`)
)

// bodiesInPaste returns the texts of a paste that may have been the body when it was signed: the argument of a
// command as it is written, and JSON documents in the text. The signature shows whether one of them was.
func (m *mismatch) bodiesInPaste() [][]byte {
	if m.pasted != nil {
		return m.pasted
	}
	m.pasted = [][]byte{}
	paste := m.in.Paste[:min(len(m.in.Paste), maxResponse)]
	for _, found := range dataOption().FindAllStringSubmatch(paste, maxPastedBodies) {
		m.keepBody(found[1] + found[2])
	}
	for _, text := range slices.Compact([]string{paste, lineFrame().ReplaceAllString(paste, "")}) {
		for _, document := range documentsIn(text) {
			m.keepBody(document)
		}
	}
	return m.pasted
}

// keepBody keeps a body with each of the line endings that it may have had.
func (m *mismatch) keepBody(body string) {
	if body == "" || len(body) > maxPastedBody || len(m.pasted) >= 4*maxPastedBodies || strings.Contains(body, "signature we calculated") {
		return
	}
	unix := strings.ReplaceAll(body, "\r\n", "\n")
	for _, form := range []string{unix, unix + "\n", strings.ReplaceAll(unix, "\n", "\r\n")} {
		own := m.given != nil && m.given.bodyKnown && form == string(m.given.body)
		if !own && !slices.ContainsFunc(m.pasted, func(b []byte) bool { return string(b) == form }) {
			m.pasted = append(m.pasted, []byte(form))
		}
	}
}

// documentsIn returns the JSON documents that start a line.
func documentsIn(text string) []string {
	var list []string
	for at, tried := 0, 0; at < len(text) && len(list) < maxPastedBodies && tried < 4*maxPastedBodies; {
		line := text[at:]
		end := strings.IndexByte(line, '\n') + 1
		if end == 0 {
			end = len(line)
		}
		start := len(line[:end]) - len(strings.TrimLeft(line[:end], " \t"))
		if start < end && (line[start] == '{' || line[start] == '[') {
			tried++
			d := json.NewDecoder(strings.NewReader(line[start:min(len(line), start+maxPastedBody)]))
			var document json.RawMessage
			if d.Decode(&document) == nil {
				list = append(list, string(document))
				at += start + int(d.InputOffset())
				continue
			}
		}
		at += end
	}
	return list
}
