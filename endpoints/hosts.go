package endpoints

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// HostRule gives a scope to hosts that do not name it: a custom domain in front of API Gateway, an
// accelerated bucket, a server that speaks S3.
type HostRule struct {
	Pattern   string   // labels separated by dots; "*" stands for exactly one label
	Service   string   // signing name
	Region    string   // signing region
	RegionSet []string // instead of Region: signed with SigV4a for these regions, "*" for all
}

// Hosts is a set of host rules. The nil set is empty. It is safe for concurrent use.
type Hosts struct{ rules []hostRule }

type hostRule struct {
	labels []string // from the right
	HostRule
}

// NewHosts checks the rules and reports all their errors together, each with its pattern.
//
// A pattern is matched from the right, label by label, against the host in lower case without port
// and trailing dot; the number of labels must be the same. If two patterns match, they are compared
// at the rightmost label in which they differ: the one with a name there wins over the one with
// "*". Order does not matter. The last label must be a name.
func NewHosts(rules []HostRule) (*Hosts, error) {
	h := &Hosts{}
	var faults []error
	for _, r := range rules {
		checked, err := r.check()
		if err != nil {
			faults = append(faults, fmt.Errorf("host pattern %q: %w", r.Pattern, err))
			continue
		}
		h.rules = append(h.rules, checked)
	}
	slices.SortStableFunc(h.rules, func(a, b hostRule) int { return slices.CompareFunc(a.labels, b.labels, nameFirst) })
	for i := 1; i < len(h.rules); i++ {
		if slices.Equal(h.rules[i-1].labels, h.rules[i].labels) {
			faults = append(faults, fmt.Errorf("host pattern %q: given twice", h.rules[i].Pattern))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return h, nil
}

// nameFirst compares labels so that "*" sorts after every name.
func nameFirst(a, b string) int {
	if a == b || a != "*" && b != "*" {
		return strings.Compare(a, b)
	}
	if a == "*" {
		return 1
	}
	return -1
}

func (r HostRule) check() (hostRule, error) {
	_, fault := cleanHost(strings.ReplaceAll(r.Pattern, "*", "_"))
	switch {
	case strings.Contains(r.Pattern, ":"):
		return hostRule{}, errors.New("a pattern is a host without a port, and applies to every port")
	case fault != "":
		return hostRule{}, errors.New(fault)
	case !allBytes(strings.ToLower(r.Service), isName):
		return hostRule{}, fmt.Errorf("service %q is not a signing name", r.Service)
	case (r.Region == "") == (len(r.RegionSet) == 0):
		return hostRule{}, errors.New("give either a region or a region set")
	case r.Region != "" && !allBytes(r.Region, isName):
		return hostRule{}, fmt.Errorf("region %q is not the name of a region", r.Region)
	}
	for _, region := range r.RegionSet {
		if region != "*" && !allBytes(strings.TrimSuffix(region, "*"), isName) {
			return hostRule{}, fmt.Errorf("region %q in the set is not the name of a region", region)
		}
	}
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(r.Pattern, ".")), ".")
	for _, label := range labels {
		if strings.Contains(label, "*") && label != "*" {
			return hostRule{}, errors.New(`"*" stands for a whole label, not part of one`)
		}
	}
	slices.Reverse(labels)
	if labels[0] == "*" {
		return hostRule{}, errors.New("the last label must be a name")
	}
	r.RegionSet = slices.Clone(r.RegionSet)
	return hostRule{labels, r}, nil
}

func isName(c byte) bool { return isWord(c) || c == '-' }

// Infer is like the function [Infer], but applies the rules first: the operator's rules override
// what the host's name says.
func (h *Hosts) Infer(host, path string) (Scope, error) {
	if h == nil || len(h.rules) == 0 {
		return Infer(host, path)
	}
	name, fault := cleanHost(host)
	if fault != "" {
		return Infer(host, path)
	}
	for i := range h.rules {
		if r := &h.rules[i]; r.match(name) {
			return r.scope(), nil
		}
	}
	return Infer(host, path)
}

func (r *hostRule) match(name string) bool {
	rest, label := name, ""
	for i, want := range r.labels {
		if i > 0 && rest == "" {
			return false
		}
		rest, label = cutLast(rest)
		if want != "*" && want != label {
			return false
		}
	}
	return rest == ""
}

func (r *hostRule) scope() Scope {
	t := facts()
	s := Scope{
		Service: r.Service, Region: r.Region, Algorithm: SigV4, Quirks: t.quirks[r.Service],
		Partition: PartitionOf(r.Region), Pattern: true,
		Why: "the host pattern " + r.Pattern + " in the configuration says so",
	}
	if len(r.RegionSet) > 0 {
		s.RegionSet, s.Algorithm = slices.Clone(r.RegionSet), SigV4a
		s.Partition = PartitionOf(r.RegionSet[0])
	}
	return s
}
