package endpoints

import "strings"

// place is a host whose suffix was read.
type place struct {
	*table
	under   suffix
	path    string
	private bool // a VPC endpoint, which belongs to its region
}

// infer applies the rules in order, from the right of the host to the left.
func (t *table) infer(host, path string) (Scope, *Refusal) {
	name, fault := cleanHost(host)
	if fault != "" {
		return Scope{}, notAWS(fault)
	}
	under, left, ok := t.suffixOf(name)
	if !ok || left == "" || under.instead != "" {
		if f, ok := t.hosts[name]; ok {
			return t.scope(f.service, f.region, f.at, "the host belongs to "+f.service+", which signs in "+f.region+" for it"), nil
		}
	}
	if !ok {
		return t.inferStore(name)
	}
	at := under.partitions[0]
	switch {
	case under.instead != "":
		return Scope{}, noSigV4(verdict{instead: under.instead}, at)
	case left == "":
		return Scope{}, ask("service", "the host names no service", Refusal{Partition: at.name})
	case under.region != "":
		return t.scope(under.service, under.region, at, "hosts of this form belong to "+under.service+" in "+under.region), nil
	}
	p := &place{table: t, under: under, path: path}
	if under.service != "" {
		return p.ofService(left)
	}
	rest, last := cutLast(left)
	if rest == "" && (last == "vpce" || p.allRegions(last) != nil) {
		return Scope{}, ask("service", "the host names no service", Refusal{Partition: at.name})
	}
	if last == "vpce" {
		return p.endpoint(rest)
	}
	if at := p.home(last); at != nil {
		return p.regional(rest, last, at)
	}
	if other := t.partitionOf(last); other != nil {
		return Scope{}, notAWS("the region " + last + " belongs to the partition " + other.name + ", which has other hosts")
	}
	if at := p.allRegions(last); at != nil {
		if next, region := cutLast(rest); at.has(region) {
			return p.regional(next, region, at)
		}
		return p.global(rest, left, at)
	}
	return p.regionless(left)
}

// home tells which of the suffix's partitions a region belongs to.
func (p *place) home(region string) *partition {
	for _, at := range p.under.partitions {
		if at.has(region) {
			return at
		}
	}
	return nil
}

// allRegions tells the partition that a label means as a whole: "global" in
// most, "us-gov" in aws-us-gov, which shares its suffixes with aws.
func (p *place) allRegions(label string) *partition {
	switch label {
	case "global":
		return p.under.partitions[0]
	case "us-gov":
		for _, at := range p.under.partitions {
			if at.name == "aws-us-gov" {
				return at
			}
		}
	}
	return nil
}

// scope fills in what follows from service and partition.
func (t *table) scope(service, region string, at *partition, why string) Scope {
	return Scope{Service: service, Region: region, Algorithm: SigV4, Partition: at.name, Quirks: t.quirks[service], Why: why}
}

// scopeOfAll is the scope of a host that takes SigV4a alone, for all regions.
func (t *table) scopeOfAll(service string, at *partition) Scope {
	s := t.scope(service, "", at, "hosts of this form belong to "+service+", serve all regions and take Signature Version 4a only")
	s.RegionSet, s.Algorithm = []string{"*"}, SigV4a
	s.Quirks.SigV4aOnly, s.Quirks.SigV4aAllowed, s.Quirks.SigV4aPreferred = true, true, false
	return s
}

func notAWS(reason string) *Refusal {
	return &Refusal{Kind: NotAWS, Field: "service", Reason: reason}
}

func noSigV4(v verdict, at *partition) *Refusal {
	reason := "the host takes no Signature Version 4, but " + v.instead
	if strings.HasPrefix(v.instead, "no signature") {
		reason = "the host takes " + v.instead
	}
	return &Refusal{Kind: NoSigV4, Instead: v.instead, Service: v.service, Partition: at.name, Reason: reason}
}

func ask(field, reason string, known Refusal) *Refusal {
	known.Kind, known.Field = Ask, field
	known.Reason = reason + ", so the caller must give the " + field
	return &known
}
