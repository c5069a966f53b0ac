package converter

import (
	"slices"
	"strconv"
	"strings"
)

// renameDuplicates renames path parameters whose name another parameter has, ignoring case: the platform identifies
// parameters by name and not by location. The name of a path parameter is never sent. All operations of a path get
// the same names.
func (c *conversion) renameDuplicates() {
	byRoute := map[string][]*action{}
	for _, a := range c.actions {
		byRoute[a.route] = append(byRoute[a.route], a)
	}
	for route, group := range byRoute {
		inPath := pathNames(route)
		taken := map[string]bool{}
		for _, a := range group {
			for _, p := range a.parameters {
				if name, _ := p["name"].(string); p["in"] != "path" {
					taken[strings.ToLower(name)] = true
				}
			}
		}
		free := func(name string) bool {
			return !taken[strings.ToLower(name)] && !slices.ContainsFunc(inPath, func(s string) bool { return strings.EqualFold(s, name) })
		}
		for _, name := range inPath {
			if taken[strings.ToLower(name)] {
				other := name + "InPath"
				for i := 2; !free(other); i++ {
					other = name + "InPath" + strconv.Itoa(i)
				}
				for _, a := range group {
					a.renameInPath(name, other)
				}
				name = other
			}
			taken[strings.ToLower(name)] = true
		}
	}
}

func (a *action) renameInPath(name, other string) {
	a.route = strings.Replace(a.route, "{"+name+"}", "{"+other+"}", 1)
	for _, p := range a.parameters {
		if p["in"] == "path" && p["name"] == name {
			p["name"] = other
			if p["x-ms-summary"] == labelOf(name) {
				p["x-ms-summary"] = labelOf(other)
			}
		}
	}
}
