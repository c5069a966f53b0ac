package converter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// breakingChanges lists what breaks flows that use an earlier connector: actions, parameters and fields that are gone
// or have another type, and what is newly required.
func breakingChanges(earlier, now []byte) []string {
	was, err := parse(earlier)
	if err != nil {
		return nil
	}
	is, err := parse(now)
	if err != nil {
		return nil
	}
	d := differences{was: node{value: was}, is: node{value: is}, seen: map[[2]string]bool{}}
	old, current := d.actions(d.was), d.actions(d.is)
	for _, id := range slices.Sorted(maps.Keys(old)) {
		if _, there := current[id]; !there {
			d.add("the action %s is gone", id)
			continue
		}
		d.parameters(id, old[id], current[id])
		d.schema(id+", response", d.response(d.was, old[id]), d.response(d.is, current[id]), false, 0)
	}
	return d.list
}

const maxChanges = 200

type differences struct {
	was, is node
	seen    map[[2]string]bool // schemas already compared, since many refer to the same one
	list    []string
}

func (d *differences) add(format string, args ...any) {
	if len(d.list) < maxChanges {
		d.list = append(d.list, prose(fmt.Sprintf(format, args...), maxPointer))
	}
}

func (d *differences) actions(root node) map[string]node {
	all := map[string]node{}
	paths := root.get("paths")
	for _, path := range paths.names() {
		for _, method := range methods {
			if op := paths.get(path).get(method); op.value != nil {
				all[op.get("operationId").text()] = op
			}
		}
	}
	return all
}

func (d *differences) parameters(id string, was, is node) {
	byName := func(op node) map[string]node {
		all := map[string]node{}
		for _, p := range op.get("parameters").items() {
			all[p.get("in").text()+" parameter "+p.get("name").text()] = p
		}
		return all
	}
	old, current := byName(was), byName(is)
	for _, name := range slices.Sorted(maps.Keys(old)) {
		p, there := current[name]
		switch {
		case !there:
			d.add("%s: the %s is gone", id, name)
			continue
		case p.get("type").text() != old[name].get("type").text():
			d.add("%s: the %s has another type", id, name)
		case p.get("required").isTrue() && !old[name].get("required").isTrue():
			d.add("%s: the %s is now required", id, name)
		}
		d.schema(id+", body", d.resolve(d.was, old[name].get("schema")), d.resolve(d.is, p.get("schema")), true, 0)
	}
	for _, name := range slices.Sorted(maps.Keys(current)) {
		if _, there := old[name]; !there && current[name].get("required").isTrue() {
			d.add("%s: the %s is new and required", id, name)
		}
	}
}

func (d *differences) response(root, op node) node {
	responses := op.get("responses")
	for _, status := range responses.names() {
		if schema := responses.get(status).get("schema"); schema.value != nil {
			return d.resolve(root, schema)
		}
	}
	return node{}
}

func (d *differences) resolve(root, n node) node {
	if ref, isRef := refOf(n); isRef {
		return root.get("definitions").get(strings.TrimPrefix(ref, "#/definitions/"))
	}
	return n
}

func (d *differences) schema(at string, was, is node, sent bool, depth int) {
	pair := [2]string{was.pointer, is.pointer}
	if was.value == nil || depth > maxNesting || len(d.list) >= maxChanges || d.seen[pair] {
		return
	}
	d.seen[pair] = true
	if was.get("type").text() != is.get("type").text() && was.get("type").text() != "" {
		d.add("%s has another type", at)
		return
	}
	if items := was.get("items"); items.value != nil {
		d.schema(at+"[]", d.resolve(d.was, items), d.resolve(d.is, is.get("items")), sent, depth+1)
	}
	old, current := was.get("properties"), is.get("properties")
	for _, name := range old.names() {
		if !current.has(name) {
			d.add("%s: %s is gone", at, name)
			continue
		}
		d.schema(at+", "+name, d.resolve(d.was, old.get(name)), d.resolve(d.is, current.get(name)), sent, depth+1)
	}
	if !sent {
		return
	}
	required := map[string]bool{}
	for _, name := range was.get("required").items() {
		required[name.text()] = true
	}
	for _, name := range is.get("required").items() {
		if !required[name.text()] {
			d.add("%s: %s is now required", at, name.text())
		}
	}
}
