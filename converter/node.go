package converter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// node is a value of the definition and its place. The zero node is a missing value.
type node struct {
	value   any    // object, []any, string, json.Number, bool or nil
	pointer string // RFC 6901
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func (n node) get(name string) node {
	o, _ := n.value.(object)
	return node{o[name], n.pointer + "/" + escaper.Replace(name)}
}

// typeError returns an error if the node is something other than an object or a list, whichever is expected.
func (n node) typeError(kind string) error {
	_, isObject := n.value.(object)
	_, isList := n.value.([]any)
	if n.value == nil || kind == kindObject && isObject || kind == kindArray && isList {
		return nil
	}
	return n.errorf("must be %s", map[string]string{kindObject: "an object", kindArray: "a list"}[kind])
}

func (n node) has(name string) bool {
	o, _ := n.value.(object)
	_, found := o[name]
	return found
}

func (n node) object() (object, bool) {
	o, ok := n.value.(object)
	return o, ok
}

// names returns the names of an object's members, sorted.
func (n node) names() []string {
	o, _ := n.value.(object)
	return slices.Sorted(maps.Keys(o))
}

func (n node) items() []node {
	list, isList := n.value.([]any)
	if !isList {
		return nil
	}
	nodes := make([]node, len(list))
	for i, v := range list {
		nodes[i] = node{v, n.pointer + "/" + strconv.Itoa(i)}
	}
	return nodes
}

// text returns a scalar as it is written: hand-written YAML has numbers and booleans where strings belong, and
// strings where booleans belong.
func (n node) text() string {
	switch v := n.value.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (n node) isTrue() bool { return n.value == true || n.value == "true" }

// Error says what is wrong with a definition, and where.
type Error struct {
	Pointer string // RFC 6901
	Detail  string
}

func (e *Error) Error() string {
	at := e.Pointer
	if at == "" {
		at = "/"
	}
	return clip(shownPointer(at), maxPointer) + ": " + e.Detail
}

// shownPointer returns a pointer without secrets, which its escapes must not hide.
func shownPointer(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		if name := unescaper.Replace(part); leaks(name) {
			parts[i] = escaper.Replace(withoutLeaks(name))
		}
	}
	return strings.Join(parts, "/")
}

func (n node) errorf(format string, args ...any) error {
	return &Error{n.pointer, fmt.Sprintf(format, args...)}
}

// maxPointer bounds the pointers that are shown.
const maxPointer = 300

// resolve follows a chain of references.
func (c *conversion) resolve(n node) (node, error) {
	seen := map[string]bool{}
	for {
		ref, isRef := refOf(n)
		if !isRef {
			return n, nil
		}
		if seen[n.pointer] {
			return node{}, n.errorf("the reference leads back to itself")
		}
		seen[n.pointer] = true
		target, err := c.lookUp(n, ref)
		if err != nil {
			return node{}, err
		}
		n = target
	}
}

func refOf(n node) (string, bool) {
	o, _ := n.value.(object)
	ref, isRef := o["$ref"].(string)
	return ref, isRef
}

var unescaper = strings.NewReplacer("~1", "/", "~0", "~")

// maxReference is longer than any reference that people write.
const maxReference = 2000

// lookUp returns the target of a reference within the document. Nothing is fetched.
func (c *conversion) lookUp(n node, ref string) (node, error) {
	at := node{n.value, n.pointer + "/$ref"}
	path, isLocal := strings.CutPrefix(ref, "#/")
	if !isLocal || len(ref) > maxReference {
		return node{}, at.errorf("the reference must begin with #/ (nothing is fetched): bundle the parts of the definition into one file first")
	}
	if found, there := c.root.follow(path); there {
		return found, nil
	}
	// A JSON Schema model may have definitions of its own.
	steps := strings.Split(n.pointer, "/")
	for end := len(steps); end > 1; end-- {
		model, there := c.root.follow(strings.Join(steps[1:end], "/"))
		if !there || !model.has("definitions") && !model.has("$defs") {
			continue
		}
		if found, there := model.follow(path); there {
			return found, nil
		}
	}
	return node{}, at.errorf("the reference has no target")
}

// follow returns what is at a path below a node.
func (n node) follow(path string) (node, bool) {
	for _, step := range strings.Split(path, "/") {
		name := unescaper.Replace(decodePercent(step))
		switch v := n.value.(type) {
		case object:
			if _, there := v[name]; !there {
				return node{}, false
			}
			n = n.get(name)
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return node{}, false
			}
			n = node{v[i], n.pointer + "/" + name}
		default:
			return node{}, false
		}
	}
	return n, true
}
