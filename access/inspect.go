package access

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// inspector reads a policy for the attributes that it reads and the names that it mentions.
type inspector struct {
	p      *Policy
	named  []types.Value
	faults []error

	headers, headersByName int // how often the policy reads resource.headers, and how often only to look for names
}

// inspect records in p which attributes a policy reads and which names it looks for. It returns what the policy names:
// the services, operations and S3 control plane hosts that it compares with, and the fields that it looks for in query
// and headers.
func inspect(p *Policy, n ast.Node) (named []types.Value, err error) {
	in := inspector{p: p}
	ast.Inspect(n, in.visit)
	p.headersAsSet = p.headersAsSet || in.headers > in.headersByName
	return in.named, errors.Join(in.faults...)
}

func (in *inspector) fault(format string, args ...any) {
	in.faults = append(in.faults, fmt.Errorf(format, args...))
}

func (in *inspector) visit(n ast.IsNode) bool {
	in.countHeaders(n)
	switch n := n.(type) {
	case ast.NodeTypeAccess:
		switch variable, _ := n.Arg.(ast.NodeTypeVariable); variable.Name {
		case "principal":
			in.p.readsCaller = true
		case "context":
		default:
			in.p.reads[string(n.Value)] = true
		}
	case ast.NodeTypeHas:
		in.fault("use %s without has: if a request leaves the attribute undetermined, a policy that reads it denies", n.Value)
	case ast.NodeTypeHasTag:
		in.tag(n.Right, false)
	case ast.NodeTypeGetTag:
		in.tag(n.Right, true)
	case ast.NodeTypeEquals:
		in.comparison(n.BinaryNode)
	case ast.NodeTypeLike:
		if attribute, ok := n.Arg.(ast.NodeTypeAccess); ok && attribute.Value == "host" {
			in.host(strings.Trim(string(n.Value.MarshalCedar()), `"*`))
		}
	case ast.NodeTypeContains:
		in.comparison(n.BinaryNode)
	case ast.NodeTypeContainsAll:
		in.comparison(n.BinaryNode)
	case ast.NodeTypeContainsAny:
		in.comparison(n.BinaryNode)
	}
	return true
}

// countHeaders counts uses of resource.headers, and those of them that look for headers by name.
func (in *inspector) countHeaders(n ast.IsNode) {
	byName := false
	switch n := n.(type) {
	case ast.NodeTypeAccess:
		if isHeaders(n) {
			in.headers++
		}
	case ast.NodeTypeContains:
		byName = isHeaders(n.Left) && len(literals(n.Right)) > 0
	case ast.NodeTypeContainsAll:
		byName = isHeaders(n.Left) && len(literals(n.Right)) > 0
	case ast.NodeTypeContainsAny:
		byName = isHeaders(n.Left) && len(literals(n.Right)) > 0 || isHeaders(n.Right) && len(literals(n.Left)) > 0
	}
	if byName {
		in.headersByName++
	}
}

// comparison handles an operator with an attribute of the resource on one side and names on the other.
func (in *inspector) comparison(n ast.BinaryNode) {
	for _, side := range [][2]ast.IsNode{{n.Left, n.Right}, {n.Right, n.Left}} {
		access, ok := side[0].(ast.NodeTypeAccess)
		if !ok {
			continue
		}
		if variable, ok := access.Arg.(ast.NodeTypeVariable); !ok || variable.Name != "resource" {
			continue
		}
		for _, text := range literals(side[1]) {
			switch access.Value {
			case "service":
				in.named = append(in.named, types.String(text))
			case "query":
				in.field("query."+text, false)
			case "headers":
				in.field("header."+text, false)
			case "operation":
				in.p.asked.add("operation."+text, false)
				in.named = append(in.named, types.String("operation."+text))
			case "host":
				in.host(text)
			}
		}
	}
}

// host records the S3 control plane as named if the policy means it.
func (in *inspector) host(text string) {
	if control := controlHost(text); control != "" {
		in.named = append(in.named, types.String(control))
	}
}

// tag requires that the name of a tag is a literal, so that it is known which values the policies read.
func (in *inspector) tag(name ast.IsNode, value bool) {
	in.p.reads["tags"] = true
	texts := literals(name)
	if len(texts) != 1 || !strings.HasPrefix(texts[0], "query.") && !strings.HasPrefix(texts[0], "header.") {
		in.fault(`the name of a tag must be a literal string that begins with "query." or "header."`)
		return
	}
	in.field(texts[0], value)
}

func (in *inspector) field(name string, value bool) {
	if strings.HasPrefix(name, "header.") && name != strings.ToLower(name) {
		in.fault("header names must be in lower case: %q never matches", name)
	}
	in.p.asked.add(name, value)
	in.named = append(in.named, types.String(name))
}

// literals returns the strings in a literal: one string, or the elements of a set.
func literals(n ast.IsNode) []string {
	var texts []string
	switch n := n.(type) {
	case ast.NodeValue:
		switch v := n.Value.(type) {
		case types.String:
			texts = append(texts, string(v))
		case types.Set:
			for e := range v.All() {
				if s, ok := e.(types.String); ok {
					texts = append(texts, string(s))
				}
			}
		}
	case ast.NodeTypeSet:
		for _, e := range n.Elements {
			texts = append(texts, literals(e)...)
		}
	}
	return texts
}
