package reading

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	tagName = lazy(`^[A-Za-z_][\w:.-]*`)
	// markers matches what browsers put at the beginning of the lines of a copied document.
	markers = lazy(`^[ \t\r\n▼▶▸▾]*(?:[+\-–][ \t\r\n]*)?`)
)

// readXML reads an XML or HTML document.
func (r *reader) readXML(v Value, depth int) int {
	start := strings.IndexByte(v.Text(), '<')
	n, html := r.loose.xml(v.from(start), depth)
	if n == 0 {
		return 0
	}
	if depth == 0 {
		form := FormXML
		if html {
			form = FormHTML
		}
		r.part(form, "", v.Slice(start, start+n))
	}
	return start + n
}

// xmlReader reads elements without checking that they are well nested, because copied text rarely is. Elements that
// hold text become fields.
type xmlReader struct {
	g     *gatherer
	v     Value
	s     string
	pos   int
	open  []element
	html  bool
	depth int
}

type element struct {
	name  Value
	start int // of its content
	leaf  bool
}

// xml reads the document at the start of v, and returns its length.
func (g *gatherer) xml(v Value, depth int) (int, bool) {
	x := &xmlReader{g: g, v: v, s: v.Text(), depth: depth}
	read := false
	for x.pos < len(x.s) {
		next := strings.IndexByte(x.s[x.pos:], '<')
		if next < 0 {
			if len(x.open) > 0 {
				x.pos = len(x.s)
			}
			break
		}
		if len(x.open) == 0 && read && strings.TrimSpace(markers().ReplaceAllString(x.s[x.pos:x.pos+next], "")) != "" {
			return x.pos, x.html
		}
		x.pos += next
		if !x.tag() {
			x.pos++
			continue
		}
		read = true
	}
	if len(x.open) > 0 && !x.html {
		g.r.out.Cut = true
		last := x.open[len(x.open)-1]
		if last.leaf {
			g.leaf(last.name, g.r.xmlText(v.Slice(last.start, len(x.s))), depth)
		}
	}
	if !read {
		return 0, false
	}
	return x.pos, x.html
}

// tag reads what begins with < at the position. It returns false if that is only text.
func (x *xmlReader) tag() bool {
	rest := x.s[x.pos:]
	for _, skipped := range [][2]string{{"<?", "?>"}, {"<!--", "-->"}, {"<![CDATA[", "]]>"}} {
		if strings.HasPrefix(rest, skipped[0]) {
			x.skip(skipped[1])
			return true
		}
	}
	if strings.HasPrefix(rest, "<!") { // a document type: never read, especially not its entities
		x.html = x.html || len(rest) > 14 && strings.EqualFold(rest[:14], "<!DOCTYPE html")
		x.skip(">")
		return true
	}
	closing := strings.HasPrefix(rest, "</")
	at := x.pos + 1
	if closing {
		at++
	}
	name := tagName().FindString(x.s[at:min(len(x.s), at+200)])
	if name == "" {
		return false
	}
	begin := x.pos
	x.skip(">")
	if closing {
		x.close(name, begin)
		return true
	}
	if strings.EqualFold(name, "html") {
		x.html = true
	}
	if strings.HasSuffix(x.s[begin:x.pos], "/>") {
		if strings.HasSuffix(name, "Exception") { // <UnknownOperationException/>
			x.g.code(x.v.Slice(at, at+len(name)))
		}
		return true
	}
	if n := len(x.open); n > 0 {
		x.open[n-1].leaf = false
	}
	if len(x.open) < maxDepth {
		x.open = append(x.open, element{x.v.Slice(at, at+len(name)), x.pos, true})
	}
	return true
}

func (x *xmlReader) skip(stop string) {
	end := strings.Index(x.s[x.pos:], stop)
	if end < 0 {
		x.pos = len(x.s)
		return
	}
	x.pos += end + len(stop)
}

// close ends the innermost element with this name, and the elements inside it.
func (x *xmlReader) close(name string, end int) {
	for i := len(x.open) - 1; i >= 0; i-- {
		e := x.open[i]
		if !strings.EqualFold(e.name.Text(), name) {
			continue
		}
		if e.leaf {
			x.g.leaf(e.name, x.g.r.xmlText(x.v.Slice(e.start, end)), x.depth)
		} else if code := e.name.Text(); strings.HasSuffix(code, "Exception") {
			x.g.code(e.name)
		}
		x.open = x.open[:i]
		return
	}
}

// xmlText decodes the predefined entities, numeric characters and CDATA.
func (r *reader) xmlText(v Value) Value {
	s := v.Text()
	if trimmed := v.trim(); strings.HasPrefix(trimmed.Text(), "<![CDATA[") && strings.HasSuffix(trimmed.Text(), "]]>") {
		return trimmed.Slice(len("<![CDATA["), trimmed.Len()-len("]]>"))
	}
	if !strings.ContainsAny(s, "&\r") || !r.spend(len(s), v) {
		return v
	}
	var b builder
	for pos := 0; pos < len(s); {
		next := strings.IndexAny(s[pos:], "&\r")
		if next < 0 {
			b.copy(v.from(pos))
			break
		}
		if next > 0 {
			b.copy(v.Slice(pos, pos+next))
		}
		pos += next
		text, size := entity(s[pos:])
		if size == 1 && text != "\n" {
			b.copy(v.Slice(pos, pos+1))
		} else {
			b.decode(text, v.Slice(pos, pos+size))
		}
		pos += size
	}
	return b.value()
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'", "nbsp": "\u00a0"}

// entity decodes the entity at the start of s and returns its length.
func entity(s string) (string, int) {
	if strings.HasPrefix(s, "\r\n") {
		return "\n", 2
	}
	if s[0] == '\r' {
		return "\n", 1
	}
	end := strings.IndexByte(s[:min(len(s), 12)], ';')
	if end < 2 {
		return s[:1], 1
	}
	name := s[1:end]
	if text, ok := entities[name]; ok {
		return text, end + 1
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if digits != name && (digits[:min(1, len(digits))] == "x" || digits[:min(1, len(digits))] == "X") {
		digits, base = digits[1:], 16
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if digits == name || err != nil || code > utf8.MaxRune {
		return s[:1], 1
	}
	return string(rune(code)), end + 1
}
