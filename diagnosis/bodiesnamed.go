package diagnosis

import (
	"encoding/json"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
)

const (
	maxNamed     = 10       // bodies that a paste may show
	maxNamedBody = 64 << 10 // bytes of each
)

var (
	dataOption = lazyregexp.New(`(?:\s-d|\s--data(?:-raw|-binary|-ascii)?|\s-Body)[ =](?:'([^']*)'|"((?:[^"\\]|\\.)*)")`)
	lineFrame  = lazyregexp.New(`(?m)^(?:[|│] ?|> ?)`)
)

// bodiesNamed are the texts of a paste that may have been the body when it was signed: the
// argument of a command as it is written, and documents that stand in it. The signature
// shows whether one was.
func (m *mismatch) bodiesNamed() [][]byte {
	if m.named != nil {
		return m.named
	}
	m.named = [][]byte{}
	paste := m.in.Paste[:min(len(m.in.Paste), maxResponse)]
	for _, found := range dataOption().FindAllStringSubmatch(paste, maxNamed) {
		m.name(found[1] + found[2])
	}
	for _, text := range slices.Compact([]string{paste, lineFrame().ReplaceAllString(paste, "")}) {
		for _, document := range documentsIn(text) {
			m.name(document)
		}
	}
	return m.named
}

// name keeps a body with the line ends that it may have had.
func (m *mismatch) name(body string) {
	if body == "" || len(body) > maxNamedBody || len(m.named) >= 4*maxNamed || strings.Contains(body, "signature we calculated") {
		return
	}
	unix := strings.ReplaceAll(body, "\r\n", "\n")
	for _, form := range []string{unix, unix + "\n", strings.ReplaceAll(unix, "\n", "\r\n")} {
		own := m.at != nil && m.at.known && form == string(m.at.body)
		if !own && !slices.ContainsFunc(m.named, func(b []byte) bool { return string(b) == form }) {
			m.named = append(m.named, []byte(form))
		}
	}
}

// documentsIn are the documents of JSON that begin a line.
func documentsIn(text string) []string {
	var list []string
	for at, tried := 0, 0; at < len(text) && len(list) < maxNamed && tried < 4*maxNamed; {
		line := text[at:]
		end := strings.IndexByte(line, '\n') + 1
		if end == 0 {
			end = len(line)
		}
		start := len(line[:end]) - len(strings.TrimLeft(line[:end], " \t"))
		if start < end && (line[start] == '{' || line[start] == '[') {
			tried++
			d := json.NewDecoder(strings.NewReader(line[start:min(len(line), start+maxNamedBody)]))
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
