package reading

import "strings"

// readJS reads a call of fetch or axios with literal arguments, as browsers copy it.
func (r *reader) readJS(v Value, _ int) int {
	s := v.Text()
	m := jsCall().FindStringSubmatchIndex(s[:lineLength(s)])
	if m == nil {
		return 0
	}
	name := v.Slice(m[2], m[3])
	p := &parser{r: r, v: v, s: s, pos: m[3]}
	call := p.call(name, 0)
	if call.kind != kindCall || len(call.items) == 0 {
		return 0
	}
	if p.end {
		r.out.Cut = true
	}
	form := FormAxios
	if name.Text() == "fetch" {
		form = FormFetch
	}
	if q := r.callRequest(call, form); q != nil {
		r.add(Exchange{Form: form, Request: q})
	}
	end := max(p.pos, m[3])
	end += len(s[end:]) - len(strings.TrimLeft(s[end:], "; \t"))
	r.part(form, "javascript", v.Slice(m[2], end))
	return end
}

// callRequest returns the request of fetch(url, options), axios(config), axios.get(url, config) or axios.post(url,
// data, config).
func (r *reader) callRequest(call *node, form Form) *Request {
	name := call.text.Text()
	config := r.callConfig(call)
	if _, verb, ok := strings.Cut(name, "."); ok && verb != "request" {
		at := call.text.from(len(name) - len(verb))
		method := &node{kind: kindString, text: derived(strings.ToUpper(verb), at)}
		config.items = append([]member{{literal("method"), method}}, config.items...)
	} else if config.get("method") == nil {
		config.items = append(config.items, member{literal("method"), &node{kind: kindString, text: literal("GET")}})
	}
	d := &document{r: r, claimed: map[*node]bool{}}
	q := d.request(config, form)
	if q == nil {
		r.note("url_missing", call.text.Span(), true)
	}
	return q
}

// callConfig merges the arguments of a call into one object.
func (r *reader) callConfig(call *node) *node {
	first, rest := call.items[0].value, call.items[1:]
	if first.kind == kindObject {
		return first
	}
	config := &node{kind: kindObject, items: []member{{literal("url"), first}}}
	_, verb, _ := strings.Cut(call.text.Text(), ".")
	if (verb == "post" || verb == "put" || verb == "patch") && len(rest) > 0 {
		config.items = append(config.items, member{literal("data"), rest[0].value})
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0].value.kind == kindObject {
		config.items = append(config.items, rest[0].value.items...)
	} else if len(rest) > 0 {
		r.note("variable", rest[0].value.raw.Span(), true)
	}
	return config
}
