package endpoints

import (
	"slices"
	"strings"
)

// Region is an entry in the list of known regions.
type Region struct {
	Name  string // such as "eu-west-1"
	Title string // for people, such as "Europe (Ireland)"
}

// RegionGroup is a partition with its regions.
type RegionGroup struct {
	Partition string
	Regions   []Region
}

// Regions returns the known regions grouped by partition, both sorted by name. Regions that AWS
// opened later are missing, but [Infer] and [PartitionOf] recognize them by the form of their name.
func Regions() []RegionGroup {
	groups := slices.Clone(facts().groups)
	for i := range groups {
		groups[i].Regions = slices.Clone(groups[i].Regions)
	}
	slices.SortFunc(groups, func(a, b RegionGroup) int { return strings.Compare(a.Partition, b.Partition) })
	return groups
}

// PartitionOf returns a region's partition from the form of its name, as the AWS SDKs do, or "" if
// it is not the name of a region.
func PartitionOf(region string) string {
	if p := facts().partitionOf(region); p != nil {
		return p.name
	}
	return ""
}

// Service is an entry in the list of known services.
type Service struct {
	Name  string // signing name, in the case that AWS expects
	Title string // for people
}

// Services returns the known services, sorted by signing name. AWS has more, and [Infer] does not
// depend on this list.
func Services() []Service { return slices.Clone(facts().services) }

// IsService reports whether a signing name is known.
func IsService(name string) bool {
	return facts().names[name]
}

func (t *table) addRegion(partition string, r Region) {
	i := slices.IndexFunc(t.groups, func(g RegionGroup) bool { return g.Partition == partition })
	if i < 0 {
		i = len(t.groups)
		t.groups = append(t.groups, RegionGroup{Partition: partition})
	}
	t.groups[i].Regions = append(t.groups[i].Regions, r)
}

func (t *table) partitionOf(region string) *partition {
	for _, p := range t.partitions {
		if p.has(region) {
			return p
		}
	}
	return nil
}

// has reports whether a region's name has the form of the partition's names: a prefix, a word and a
// number, joined by hyphens.
func (p *partition) has(region string) bool {
	if region == "" || !isDigit(region[len(region)-1]) {
		return false
	}
	for _, begin := range p.begins {
		rest, ok := strings.CutPrefix(region, begin)
		if !ok || rest == "" || rest[0] != '-' {
			continue
		}
		word, number, ok := strings.Cut(rest[1:], "-")
		if ok && allBytes(word, isWord) && allBytes(number, isDigit) {
			return true
		}
	}
	return false
}

func allBytes(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isWord(c byte) bool  { return isDigit(c) || 'a' <= c && c <= 'z' || c == '_' }
