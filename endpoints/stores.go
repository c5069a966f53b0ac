package endpoints

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// store is a pattern for the hosts of a third-party S3-compatible store, or for neighboring hosts
// that are not S3.
type store struct {
	labels  []storeLabel // from the right
	region  string       // such as "auto"; "{region}" if it is in the host, "?" if the host does not name it
	vendor  string
	instead string // not S3: what the host accepts
}

// storeLabel is a label of a pattern: a name, or a name in which "{region}" or "*" stands for the
// whole or a part.
type storeLabel struct {
	before, after string
	open, region  bool
}

// regionMark stands for the region in a store's pattern.
const regionMark = "{region}"

// addStore adds a pattern. It is matched from the right; the labels further left are the bucket,
// whose name may contain dots.
func (t *table) addStore(pattern string, s store) error {
	labels := strings.Split(pattern, ".")
	slices.Reverse(labels)
	for _, label := range labels {
		l := storeLabel{before: label}
		for _, mark := range []string{regionMark, "*"} {
			if before, after, ok := strings.Cut(label, mark); ok {
				l = storeLabel{before, after, true, mark == regionMark}
			}
		}
		s.labels = append(s.labels, l)
	}
	if len(labels) < 2 || s.labels[0].open {
		return errors.New("the pattern of a store must end in a name of two labels or more")
	}
	if s.region == regionMark && !slices.ContainsFunc(s.labels, func(l storeLabel) bool { return l.region }) {
		return errors.New("the pattern of the store contains no region")
	}
	last := labels[0]
	t.stores[last] = append(t.stores[last], s)
	// The most specific pattern comes first.
	slices.SortStableFunc(t.stores[last], func(a, b store) int {
		return cmp.Or(cmp.Compare(len(b.labels), len(a.labels)), cmp.Compare(b.literals(), a.literals()))
	})
	return nil
}

// literals returns the number of characters in the pattern that must be in the host.
func (s *store) literals() (n int) {
	for _, l := range s.labels {
		n += len(l.before) + len(l.after)
	}
	return n
}

// inferStore reads a host that has none of AWS's suffixes.
func (t *table) inferStore(name string) (Scope, *InferError) {
	_, last := cutLast(name)
	for i := range t.stores[last] {
		s := &t.stores[last][i]
		region, ok := s.match(name)
		switch {
		case !ok:
		case s.instead != "":
			return Scope{}, noSigV4(verdict{instead: s.instead}, &partition{})
		case s.region == "?":
			return Scope{}, ambiguous("region", "the host belongs to "+s.vendor+" and does not name the region", InferError{Service: "s3"})
		default:
			if s.region != regionMark {
				region = s.region
			}
			return t.scope("s3", region, &partition{}, "the host belongs to "+s.vendor+", an S3-compatible store, in the region "+region), nil
		}
	}
	return Scope{}, notAWS("it is not a host of an AWS API; for a custom domain, give the service and region of the API behind it; " +
		"for an S3-compatible store, the service is s3 and the region is one of the store's")
}

// match compares the pattern with the right end of a host and returns the region.
func (s *store) match(name string) (region string, ok bool) {
	rest, label := name, ""
	for i, l := range s.labels {
		if rest == "" {
			return "", false
		}
		rest, label = cutLast(rest)
		if !l.open {
			if label != l.before {
				return "", false
			}
			continue
		}
		middle, ok := strings.CutPrefix(label, l.before)
		if ok {
			middle, ok = strings.CutSuffix(middle, l.after)
		}
		if !ok || middle == "" {
			return "", false
		}
		if !l.region {
			continue
		}
		// If the label consists of nothing but the region, reject words such as www.
		if region = middle; i == len(s.labels)-1 && label == middle && !strings.ContainsAny(region, "-0123456789") {
			return "", false
		}
	}
	return region, true
}
