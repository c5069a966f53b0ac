package endpoints

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./gen -o facts.txt gen/models.tsv gen/names.tsv gen/rules.tsv gen/quirks.tsv gen/stores.tsv

// factsText is the table, one fact a line: kind, key and further columns,
// parted by tabs. It is written by the command gen and reviewed like code.
// The kinds are the cases of [table.add].
//
//go:embed facts.txt
var factsText string

// facts parses the table when it is first asked for, so that a program that
// never infers pays nothing.
var facts = sync.OnceValue(func() *table {
	t, err := parseTable(factsText)
	if err != nil {
		panic("endpoints: facts.txt: " + err.Error())
	}
	return t
})

type table struct {
	partitions  []*partition
	suffixes    map[string]suffix
	labels      map[string]labelFact
	afterRegion map[string]verdict // by the label that follows the region
	bare        map[string]string  // S3 hosts without a region
	anyRegion   map[string]string  // services signed for a set of regions
	globals     map[string]global
	hosts       map[string]fixedScope
	quirks      map[string]Quirks
	operations  map[string][]operation // by service
	fronts      map[string]bool        // words that are joined to a service's name, before it
	backs       map[string]bool        // and after it
	stores      map[string][]store     // by the last label
	services    []Service
	names       map[string]bool // of the services
	groups      []RegionGroup
}

type partition struct {
	name   string
	global string // where a service without regions signs
	begins []string
}

// suffix is what follows service and region in a host.
type suffix struct {
	partitions []*partition // the first is meant where the host does not tell
	known      bool         // only labels of the table are services here
	service    string       // the suffix names the service itself
	region     string       // and the region
	instead    string       // nothing under it takes a signature
}

// verdict is what a label stands for: a service, or what the host takes
// instead of a signature.
type verdict struct{ service, instead string }

func (v verdict) known() bool { return v != verdict{} }

// labelFact is what a label, or two with a dot between them, stands for at the
// right end of a host's name: in any case, alone, or with labels to its left.
type labelFact struct {
	any, alone, left verdict
	signsIn          fixedPartition
}

// fixedPartition is how a service signs for every region of a partition.
type fixedPartition struct{ service, partition, region string }

// global is a service without regions: where it signs, by partition.
type global struct {
	service string
	regions map[string]string
}

type fixedScope struct {
	service, region string
	partition       *partition
}

func parseTable(text string) (*table, error) {
	t := &table{
		suffixes: map[string]suffix{},
		labels:   map[string]labelFact{}, afterRegion: map[string]verdict{},
		bare: map[string]string{}, anyRegion: map[string]string{},
		globals: map[string]global{},
		hosts:   map[string]fixedScope{}, quirks: map[string]Quirks{},
		operations: map[string][]operation{},
		fronts:     map[string]bool{}, backs: map[string]bool{}, names: map[string]bool{},
		stores: map[string][]store{},
	}
	// The file is sorted by kind, and some kinds before "partition" refer to
	// partitions, so these are read first.
	for _, partitions := range []bool{true, false} {
		for line := range strings.Lines(text) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if strings.HasPrefix(line, "#") || partitions != (f[0] == "partition") {
				continue
			}
			if err := t.add(f[0], f[1:]); err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	return t, nil
}

// columns is the number of columns after the kind, or 0 for no kind of fact.
func columns(kind string) int {
	switch kind {
	case "suffix", "known-suffix", "no-sigv4-suffix", "label", "no-sigv4", "bearer", "bare", "any-region", "quirk", "service",
		"front", "back", "no-store":
		return 2
	case "partition", "region", "service-suffix", "fixed-suffix", "global", "host", "store":
		return 3
	case "cross", "operation":
		return 4
	}
	return 0
}

func (t *table) add(kind string, f []string) error {
	switch n := columns(kind); {
	case n == 0:
		return errors.New("unknown kind of fact")
	case n != len(f):
		return errors.New("wrong number of columns")
	}
	switch kind {
	case "partition": // where global services sign, and how its regions' names begin
		t.partitions = append(t.partitions, &partition{name: f[0], global: f[1], begins: strings.Fields(f[2])})
	case "region": // its partition, and its name for people
		t.addRegion(f[1], Region{f[0], f[2]})
	case "suffix", "known-suffix", "service-suffix", "fixed-suffix", "no-sigv4-suffix":
		return t.addSuffix(kind, f)
	case "label": // the service that it stands for
		t.addLabel(f[0], verdict{service: f[1]})
	case "no-sigv4": // what the host takes instead
		t.addLabel(f[0], verdict{instead: f[1]})
	case "bearer":
		t.addLabel(f[0], verdict{service: f[0], instead: f[1]})
	case "bare":
		t.bare[f[0]] = f[1]
	case "any-region":
		t.anyRegion[f[0]] = f[1]
	case "global": // partition=region, where it differs by partition
		g := global{f[1], map[string]string{}}
		for _, word := range strings.Fields(f[2]) {
			p, region, _ := strings.Cut(word, "=")
			g.regions[p] = region
		}
		t.globals[f[0]] = g
	case "cross": // signs elsewhere than its host says
		l := t.labels[f[0]]
		l.signsIn = fixedPartition{f[1], f[2], f[3]}
		t.labels[f[0]] = l
	case "host":
		partition := t.partitionOf(f[2])
		if partition == nil {
			return fmt.Errorf("unknown region %q", f[2])
		}
		t.hosts[f[0]] = fixedScope{f[1], f[2], partition}
	case "quirk":
		return t.addQuirks(f[0], strings.Fields(f[1]))
	case "operation":
		return t.addOperation(f)
	case "service":
		t.services = append(t.services, Service{f[0], f[1]})
		t.names[f[0]] = true
	case "store": // its region, and whose it is
		return t.addStore(f[0], store{region: f[1], maker: f[2]})
	case "no-store": // what the host takes instead
		return t.addStore(f[0], store{instead: f[1]})
	case "front":
		t.fronts[f[0]] = true
	case "back":
		t.backs[f[0]] = true
	}
	return nil
}

func (t *table) addSuffix(kind string, f []string) error {
	if dots := strings.Count(f[0], "."); dots < 1 || dots >= suffixLabels {
		return fmt.Errorf("a suffix has two to %d labels", suffixLabels)
	}
	s := suffix{known: kind == "known-suffix"}
	partitions := f[1]
	switch kind {
	case "service-suffix":
		s.service, partitions = f[1], f[2]
	case "fixed-suffix":
		partition := t.partitionOf(f[2])
		if partition == nil {
			return fmt.Errorf("unknown region %q", f[2])
		}
		s.service, s.region, partitions = f[1], f[2], partition.name
	case "no-sigv4-suffix":
		s.instead, partitions = f[1], "aws"
	}
	for _, name := range strings.Fields(partitions) {
		i := slices.IndexFunc(t.partitions, func(p *partition) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("unknown partition %q", name)
		}
		s.partitions = append(s.partitions, t.partitions[i])
	}
	t.suffixes[f[0]] = s
	return nil
}

// addLabel adds a label fact. The key's shape says where it holds: "=x" alone,
// "*.x" with labels to its left, "{region}.x" after the region.
func (t *table) addLabel(key string, v verdict) {
	if label, ok := strings.CutPrefix(key, "{region}."); ok {
		t.afterRegion[label] = v
		return
	}
	if label, ok := strings.CutPrefix(key, "="); ok {
		l := t.labels[label]
		l.alone = v
		t.labels[label] = l
		return
	}
	if label, ok := strings.CutPrefix(key, "*."); ok {
		l := t.labels[label]
		l.left = v
		t.labels[label] = l
		return
	}
	l := t.labels[key]
	l.any = v
	t.labels[key] = l
}
