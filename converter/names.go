package converter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"countersign/internal/lazyregexp"
)

// identifier makes an operation id from a text: PascalCase, letters and digits.
func identifier(text string) string {
	var id strings.Builder
	for _, word := range words(withoutLeaks(clip(text, 10*maxLabel))) {
		word = strings.Map(func(r rune) rune {
			if r > unicode.MaxASCII {
				return -1
			}
			return r
		}, word)
		if word != "" && id.Len()+len(word) <= maxLabel {
			id.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	made := id.String()
	if made != "" && (made[0] < 'A' || made[0] > 'Z') {
		made = "Op" + made
	}
	return made
}

var (
	isVersion = lazyregexp.New(`^(?i:v[0-9]+([._][0-9]+)*|api|rest)$`)
	isParam   = lazyregexp.New(`^\{[^{}]*\}$`)
)

// idFromPath makes an id from method and path: GetOrder, ListOrders, CreateOrder.
func idFromPath(method, path string) string {
	var literals []string
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, segment := range segments {
		switch {
		case segment == "" || isParam().MatchString(segment) || isVersion().MatchString(segment):
		case i+1 < len(segments) && isParam().MatchString(segments[i+1]):
			literals = append(literals, singular(decodePercent(segment)))
		default:
			literals = append(literals, decodePercent(segment))
		}
	}
	last := segments[len(segments)-1]
	ofMany := !isParam().MatchString(last) && len(literals) > 0 && singular(literals[len(literals)-1]) != literals[len(literals)-1]
	verb := map[string]string{"GET": "Get", "POST": "Create", "PUT": "Update", "PATCH": "Update", "DELETE": "Delete"}[method]
	switch {
	case method == "GET" && ofMany:
		verb = "List"
	case method == "POST" && ofMany:
		literals[len(literals)-1] = singular(literals[len(literals)-1])
	case method == "POST" && !isParam().MatchString(last):
		verb = "Post"
	}
	return verb + first(identifier(strings.Join(literals, " ")), identifier(strings.Join(pathNames(path), " ")), "Root")
}

func singular(word string) string {
	lower := strings.ToLower(word)
	switch {
	case strings.HasSuffix(lower, "ies") && len(word) > len("ties"):
		return word[:len(word)-3] + "y"
	case strings.HasSuffix(lower, "sses"), strings.HasSuffix(lower, "xes"), strings.HasSuffix(lower, "ches"), strings.HasSuffix(lower, "shes"):
		return word[:len(word)-2]
	case strings.HasSuffix(lower, "ss"), strings.HasSuffix(lower, "us"), strings.HasSuffix(lower, "is"):
	case strings.HasSuffix(lower, "s") && len(word) > 2:
		return word[:len(word)-1]
	}
	return word
}

// nameActions gives every action its id, summary and description. Ids from an earlier run are kept, so that the flows
// that use them keep working.
func (c *conversion) nameActions() {
	taken := map[string]bool{}
	take := func(a *action, id string) bool {
		if id == "" || taken[strings.ToLower(id)] {
			return false
		}
		taken[strings.ToLower(id)] = true
		a.id = id
		return true
	}
	if c.report.raw {
		c.actions = append(c.actions, c.rawAction())
	}
	earlier := earlierIDs(c.Earlier)
	for _, a := range c.actions {
		take(a, earlier[a.method+" "+withoutRoute(a.route)])
	}
	for _, a := range c.actions {
		if a.id == "" {
			take(a, a.givenID)
		}
	}
	for _, a := range c.actions {
		if a.id != "" {
			continue
		}
		base := first(a.givenID, idFromPath(a.method, a.path))
		if take(a, base) || a.method == "PATCH" && take(a, "Patch"+strings.TrimPrefix(base, "Update")) {
			continue
		}
		for i := 2; !take(a, base+strconv.Itoa(i)); i++ {
		}
	}
	for _, a := range c.actions {
		c.describe(a)
	}
}

var restricted = lazyregexp.New(`[/\\<>*%&?;]`)

// describe sets summary and description, which must differ.
func (c *conversion) describe(a *action) {
	a.summary = first(summaryOf(a.summary), summaryOf(a.op.get("summary").text()), labelOf(a.id))
	if a.description == "" {
		a.description = sentence(prose(a.op.get("description").text(), maxDescription))
	}
	if a.description == "" || strings.EqualFold(strings.TrimSuffix(a.description, "."), a.summary) {
		a.description = fmt.Sprintf("%s: %s %s of %s.", a.summary, a.method, a.path, c.title)
	}
}

// summaryOf makes a summary from a text: without restricted characters, ending in an ASCII letter or digit. It is
// empty if more than punctuation would have to be removed.
func summaryOf(text string) string {
	// Secrets are removed first, since the characters removed next may be what identifies them.
	given := strings.Join(strings.Fields(restricted().ReplaceAllString(prose(text, maxLabel), " ")), " ")
	cut := strings.TrimRightFunc(given, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if open := strings.LastIndexByte(cut, '('); open > strings.LastIndexByte(cut, ')') { // the closing parenthesis was cut off
		cut = cut[:open] + cut[open+1:]
	}
	if len(cut)+len("(…") < len(given) {
		return ""
	}
	return cut
}

// rawAction returns one action for all routes that have none: any request to the API.
func (c *conversion) rawAction() *action {
	field := func(kind, label, description string) object {
		return object{"type": kind, "x-ms-summary": label, "description": description}
	}
	profile := field(kindString, "Profile", "Name of the AWS session to sign with.")
	profile["default"], profile["x-ms-visibility"] = c.Profile, "internal"
	method := field(kindString, "Method", "HTTP method of the request.")
	method["enum"] = []any{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
	address := field(kindString, "URL", "Address of the request, with its query. It begins with "+c.upstream.String()+"/.")
	address["default"] = c.upstream.String() + "/"
	headers := field(kindObject, "Headers", "Headers of the request, by name.")
	headers["additionalProperties"] = field(kindString, "Value", "Value of the header.")
	body := object{"x-ms-summary": "Body", "description": "Body of the request: text or JSON."}
	responseHeaders := field(kindObject, "Headers", "Headers of the response, names in lower case.")
	responseHeaders["additionalProperties"] = field(kindString, "Value", "Value of the header.")
	response := field(kindObject, "Response", "What the API returned.")
	response["properties"] = object{
		"status": field(kindInteger, "Status", "HTTP status of the response."), "headers": responseHeaders,
		"body": object{"x-ms-summary": "Body", "description": "Body of the response: JSON, text or binary content."},
	}
	request := field(kindObject, "Request", "The request to send.")
	request["properties"] = object{"method": method, "url": address, "headers": headers, "body": body, "profile": profile}
	request["required"] = []string{"method", "url", "profile"}
	c.definitions[c.definitionName("CallRequest")] = request
	return &action{
		method: "POST", path: "/v1/send", route: "/v1/send", givenID: "Call" + identifier(c.title),
		summary:     first(summaryOf("Call "+c.title), "Call any operation"),
		description: "Sends any request to " + c.title + ", signed, and returns its response.",
		parameters: []object{{
			"name": "body", "in": "body", "required": true, "x-ms-summary": "Request", "description": "The request to send.", "schema": request,
		}},
		responses: object{
			"200": object{"description": "What the API returned.", "schema": response}, "default": object{"description": failure},
		},
		typedBody: true, typedResponse: true,
	}
}

// withoutRoute returns a path without the prefix that leads to the API and without the names of its parameters, so
// that an id survives a change of profile, host or names.
func withoutRoute(path string) string {
	path = parameterInPath().ReplaceAllString(path, "{}")
	parts := strings.SplitN(path, "/", 5)
	if len(parts) == 5 && parts[1] == "call" {
		return "/" + parts[4]
	}
	return path
}

var pascal = lazyregexp.New(`^[A-Z][A-Za-z0-9]*$`)

// earlierIDs returns the operation ids of an earlier run, by method and path.
func earlierIDs(definition []byte) map[string]string {
	ids := map[string]string{}
	value, err := parse(definition)
	if err != nil {
		return ids
	}
	paths := node{value: value}.get("paths")
	for _, path := range paths.names() {
		for _, method := range methods {
			if id := paths.get(path).get(method).get("operationId").text(); pascal().MatchString(id) {
				ids[strings.ToUpper(method)+" "+withoutRoute(path)] = id
			}
		}
	}
	return ids
}
