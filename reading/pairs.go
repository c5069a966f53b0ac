package reading

// headers reads headers given as a map, as a list of names and values, or as lines.
func (d *document) headers(n *node, form Form) []Header {
	if n == nil {
		return nil
	}
	if n.kind == kindString {
		headers, _ := d.r.readHeaders(n.text, 0)
		return headers
	}
	return d.pairs(n, form)
}

// pairs reads names with values in any notation.
func (d *document) pairs(n *node, form Form) []Header {
	if n == nil {
		return nil
	}
	if inner := n.get("parameters"); inner != nil { // n8n
		n = inner
	}
	if n.kind == kindCall && len(n.items) == 1 { // new Headers({…})
		n = n.items[0].value
	}
	var list []Header
	add := func(name Value, value *node) {
		if value == nil || value.isNull() {
			return
		}
		if value.kind == kindArray {
			for _, m := range value.items {
				list = append(list, newHeader(name, d.expression(d.scalar(m.value), form)))
			}
			return
		}
		list = append(list, newHeader(d.expression(name, form), d.expression(d.scalar(value), form)))
	}
	for _, m := range n.items {
		if n.kind == kindObject {
			add(m.key, m.value)
			continue
		}
		name, value := m.value.get("name", "key"), m.value.get("value")
		if m.value.kind == kindArray && len(m.value.items) == 2 {
			name, value = m.value.items[0].value, m.value.items[1].value
		}
		if name.str() != "" && m.value.get("disabled").str() != "true" && m.value.get("enabled").str() != "false" {
			add(name.text, value)
		}
	}
	return list
}

func (d *document) scalar(n *node) Value {
	if n.kind == kindString || n.kind == kindWord {
		return n.text
	}
	return n.raw
}
