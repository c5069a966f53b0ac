package diagnosis

import (
	"strings"

	"countersign/signing"
)

// canonical is a canonical request in parts.
type canonical struct {
	method, path, query string
	headers             []signing.Header // one per line
	signedHeaders       string
	payload             string
	whole               bool // all six parts were found
}

func (c *canonical) given() bool { return c.method != "" }

// parseCanonical reads a canonical request as a service or a signer wrote it. If the text was cut, it returns the
// parts that are there.
func parseCanonical(text string) canonical {
	var c canonical
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	if len(lines) < 4 || strings.ContainsAny(lines[0], " :/") || lines[0] == "" {
		return c
	}
	c.method, c.path, c.query = lines[0], lines[1], lines[2]
	i := 3
	for ; i < len(lines) && lines[i] != ""; i++ {
		name, value, ok := strings.Cut(lines[i], ":")
		if !ok { // a value that spans lines, or the list without the empty line before it
			break
		}
		c.headers = append(c.headers, signing.Header{Name: name, Value: value})
	}
	blank := 0
	for i < len(lines) && lines[i] == "" {
		i, blank = i+1, blank+1
	}
	if i < len(lines) {
		c.signedHeaders = lines[i]
		i++
	}
	if i < len(lines) {
		c.payload = lines[i]
		c.whole = i == len(lines)-1 && blank == 1
	}
	return c
}

// value returns the value of a header; the lines of a repeated header are joined.
func (c *canonical) value(name string) (value string, ok bool) {
	for _, h := range c.headers {
		switch {
		case h.Name != name:
		case ok:
			value += "," + h.Value
		default:
			value, ok = h.Value, true
		}
	}
	return value, ok
}

// lines writes each header with the given function, one per line.
func (c *canonical) lines(write func(h signing.Header) string) string {
	var b strings.Builder
	for _, h := range c.headers {
		b.WriteString(write(h))
		b.WriteByte('\n')
	}
	return b.String()
}

func canonicalLine(h signing.Header) string { return h.Name + ":" + h.Value }

// text returns the canonical request as it is hashed.
func (c *canonical) text() string {
	return signing.CanonicalRequest(c.method, c.path, c.query, c.lines(canonicalLine), c.signedHeaders, c.payload)
}
