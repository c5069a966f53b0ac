package endpoints

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// store is a form of hosts of an S3-compatible store of another maker, or of
// what stands beside it and is no S3.
type store struct {
	labels  []storeLabel // from the right
	region  string       // as "auto", "{region}" for the one in the host, "?" for one that the host does not tell
	maker   string
	instead string // not S3: what the host takes
}

// storeLabel is one label of a pattern: a name, or a name with a region or with
// anything in its place or in its middle.
type storeLabel struct {
	before, after string
	open, region  bool
}

// regionMark stands for the region in the pattern of a store.
const regionMark = "{region}"

// addStore adds a pattern. It is matched from the right; what stands further
// left is the bucket, whose name may hold dots.
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
		return errors.New("the pattern of a store ends in a name of two labels or more")
	}
	if s.region == regionMark && !slices.ContainsFunc(s.labels, func(l storeLabel) bool { return l.region }) {
		return errors.New("the pattern of the store holds no region")
	}
	last := labels[0]
	t.stores[last] = append(t.stores[last], s)
	// The pattern that says most of the host comes first.
	slices.SortStableFunc(t.stores[last], func(a, b store) int {
		return cmp.Or(cmp.Compare(len(b.labels), len(a.labels)), cmp.Compare(b.literals(), a.literals()))
	})
	return nil
}

// literals counts what of a pattern has to stand in the host as it is.
func (s *store) literals() (n int) {
	for _, l := range s.labels {
		n += len(l.before) + len(l.after)
	}
	return n
}

// inferStore reads a host under none of AWS's suffixes.
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
			return Scope{}, ambiguous("region", "the host belongs to "+s.maker+" and does not tell the region", InferError{Service: "s3"})
		default:
			if s.region != regionMark {
				region = s.region
			}
			return t.scope("s3", region, &partition{}, "the host belongs to "+s.maker+", an S3-compatible store, in the region "+region), nil
		}
	}
	return Scope{}, notAWS("it is not a host of an AWS API; for a custom domain, give service and region of the API behind it; " +
		"for an S3-compatible store, the service is s3 and the region is one of the store's own")
}

// match compares the pattern with the right end of a host and finds the region.
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
		// Where nothing but the region's place in the host speaks for it, a
		// word like www is none.
		if region = middle; i == len(s.labels)-1 && label == middle && !strings.ContainsAny(region, "-0123456789") {
			return "", false
		}
	}
	return region, true
}
