package converter

import (
	"fmt"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
)

// action is an operation of the connector.
type action struct {
	op            node // the operation
	method, path  string
	route         string // the path at Countersign
	givenID       string
	id            string
	summary       string
	description   string
	parameters    []object
	media         string // of the body; empty for JSON or no body
	produces      string // of the response; empty for JSON
	responses     object
	typedBody     bool
	typedResponse bool
	guessed       []string
	declared      []parameter // in the definition
	agentic       bool        // its requests are MCP messages
}

func (a *action) name() string { return a.method + " " + a.path }

// methods are the methods that a connector may have, in display order.
var methods = []string{"get", "post", "put", "patch", "delete"}

var otherMethods = []string{"options", "head", "trace"}

// inPathItem are the fields of a path that have a meaning, apart from texts.
var inPathItem = slices.Concat(methods, otherMethods, []string{"parameters", "servers"})

const noSuchAction = "connectors do not support this method"

// Reasons for leaving out routes that the raw action can replace.
const (
	leftAny     = "is for every method; choose methods with --any get,post"
	leftDefault = "is the route for requests that match no other"
	leftGreedy  = "is greedy: one parameter matches many segments; keep it with --greedy"
)

const anyMethod = "x-amazon-apigateway-any-method"

// readPaths makes the actions.
func (c *conversion) readPaths() {
	paths := c.root.get("paths")
	seen := map[string]string{} // paths in lower case
	for _, path := range paths.names() {
		item := paths.get(path)
		if strings.HasPrefix(path, "x-") || !c.selectsAny(path) {
			continue
		}
		if isPlaceholder(path) || strings.HasPrefix(path, "Fn::") {
			c.addFault(placeholderError(item))
			continue
		}
		item, err := c.pathItem(item)
		if err != nil {
			c.addFault(err)
			continue
		}
		if _, isObject := item.object(); !isObject {
			if item.value != nil {
				c.addFault(item.errorf("a path must be an object of operations"))
			}
			continue
		}
		c.readPath(path, item, seen)
	}
	if len(c.actions) == 0 && len(c.faults) == 0 {
		if len(c.report.LeftOut) == 0 {
			c.addFault(paths.errorf("has no operations%s", c.chosen()))
		}
		c.report.raw = true
	}
}

// pathItem follows the reference of a path. OpenAPI does not define what fields beside a reference mean.
func (c *conversion) pathItem(n node) (node, error) {
	if _, isRef := refOf(n); isRef {
		for _, name := range n.names() {
			if name != "$ref" && slices.Contains(inPathItem, strings.ToLower(name)) {
				return node{}, n.get(name).errorf("is beside a reference, and tools read one or the other; move it to the target of the reference")
			}
		}
	}
	return c.resolve(n)
}

func (c *conversion) readPath(path string, item node, seen map[string]string) {
	clean, reason := c.cleanPath(path)
	for _, op := range c.operations(path, item) {
		if !c.selects(op.method, path) {
			continue
		}
		if left := first(op.reason, reason); left != "" {
			c.leaveOut(op.at, op.method+" "+path, left)
			c.report.raw = c.report.raw || left == leftAny || left == leftDefault || left == leftGreedy
			continue
		}
		lower := strings.ToLower(parameterInPath().ReplaceAllString(clean, "{}"))
		if other, there := seen[lower]; there && other != path {
			c.leaveOut(op.at, op.method+" "+path, "differs from another path only in case or in the names of its parameters")
			continue
		}
		seen[lower] = path
		a := &action{op: op.at, method: op.method, path: clean}
		made, err := c.readAction(a, item)
		if err != nil {
			c.addFault(err)
			continue
		}
		if made {
			c.actions = append(c.actions, a)
		}
	}
}

// operation is an operation of a path as the definition has it.
type operation struct {
	method string // in capitals
	at     node
	reason string // why it is not part of the connector
}

// operations returns the operations of a path. ANY becomes the methods that replace it.
func (c *conversion) operations(path string, item node) []operation {
	var list []operation
	for _, method := range slices.Concat(methods, otherMethods) {
		at := item.get(method)
		if at.value == nil {
			continue
		}
		op := operation{method: strings.ToUpper(method), at: at}
		switch _, isObject := at.object(); {
		case !isObject:
			c.addFault(at.errorf("an operation must be an object"))
			continue
		case !slices.Contains(methods, method):
			op.reason = noSuchAction
		}
		list = append(list, op)
	}
	for _, name := range item.names() {
		at, lower := item.get(name), strings.ToLower(name)
		switch _, isObject := at.object(); {
		case lower != name && slices.Contains(methods, lower):
			c.addFault(at.errorf("a method must be in lower case: %s", lower))
		case isObject && !slices.Contains(inPathItem, name) && !strings.HasPrefix(name, "x-"):
			list = append(list, operation{strings.ToUpper(name), at, noSuchAction})
		}
	}
	given := item.get(anyMethod)
	if given.value == nil {
		return list
	}
	if len(c.Any) == 0 || isDefaultRoute(path) {
		op := operation{method: "ANY", at: given, reason: leftAny}
		if isDefaultRoute(path) {
			op.reason = leftDefault
		}
		return append(list, op)
	}
	for _, method := range methods {
		if slices.Contains(c.Any, method) && !item.has(method) {
			list = append(list, operation{method: strings.ToUpper(method), at: given})
		}
	}
	return list
}

var (
	parameterInPath = lazyregexp.New(`\{[^{}]*\}`)
	greedy          = lazyregexp.New(`(\{[^{}\[\]()*+]+)\+\}`)
	// inPath matches a path without its parameters (RFC 3986, section 3.3).
	inPath = lazyregexp.New(`^/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$`)
)

func isDefaultRoute(path string) bool { return strings.TrimPrefix(path, "/") == "$default" }

// cleanPath returns a path as a connector can have it, or why it cannot.
func (c *conversion) cleanPath(path string) (clean, reason string) {
	switch {
	case isDefaultRoute(path):
		return "", leftDefault
	case !strings.HasPrefix(path, "/"):
		return "", "a path must begin with /"
	case greedy().MatchString(path):
		if !c.Greedy {
			return "", leftGreedy
		}
		path = greedy().ReplaceAllString(path, "$1}")
	}
	literal := parameterInPath().ReplaceAllString(path, "")
	names := pathNames(path)
	switch {
	case !inPath().MatchString(literal):
		return "", "the path contains a query, a fragment or characters that are not allowed in a path"
	case slices.Contains(names, "") || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names):
		return "", "a path parameter has no name, or a name that occurs twice"
	case slices.ContainsFunc(names, func(name string) bool {
		return strings.ContainsAny(name, `/?#%\[]()*+^=`) || prose(name, maxLabel) != name
	}):
		return "", "the name of a path parameter has characters that are not allowed"
	case slices.ContainsFunc(strings.Split(path, "/"), leaks):
		return "", "the path contains an ARN, an account id or a key"
	case hasDotSegment(parameterInPath().ReplaceAllString(path, "x")):
		return "", "the path has segments that clients remove"
	}
	return path, ""
}

func hasDotSegment(path string) bool {
	return strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../")
}

func pathNames(path string) []string {
	var names []string
	for _, found := range parameterInPath().FindAllString(path, -1) {
		names = append(names, found[1:len(found)-1])
	}
	return names
}

// readAction reads one operation. It returns false if the operation is left out.
func (c *conversion) readAction(a *action, item node) (bool, error) {
	up := c.upstream
	if c.Upstream == "" {
		for _, n := range []node{a.op, item} {
			if len(n.get("servers").items()) == 0 {
				continue
			}
			own, err := c.server(n)
			if err != nil {
				return false, err
			}
			up = own
			break
		}
	}
	a.route = c.route(up, a.path)
	if id := a.op.get("operationId"); isPlaceholder(id.value) {
		return false, placeholderError(id)
	} else if id.value != nil {
		a.givenID = identifier(id.text())
	}
	reason, err := c.readParameters(a, item)
	if err == nil && reason == "" {
		reason, err = c.readBody(a)
	}
	if err == nil && reason == "" {
		err = c.readResponses(a)
	}
	if err == nil && reason != "" {
		c.leaveOut(a.op, a.name(), reason)
	}
	return reason == "", err
}

// route returns the path at Countersign for a path of the API.
func (c *conversion) route(u upstream, path string) string {
	return fmt.Sprintf("/call/%s/%s%s%s", escapeSegment(c.Profile), u.host, u.base, path)
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

func escapeSegment(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if strings.IndexByte(unreserved, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}
