package endpoints

import "strings"

// parsedHost is a host whose suffix has been read.
type parsedHost struct {
	*table
	suffix  suffix
	path    string
	private bool // a VPC endpoint, which signs in its own region
}

// infer applies the rules in order, reading the host from right to left.
func (t *table) infer(host, path string) (Scope, *InferError) {
	name, fault := cleanHost(host)
	if fault != "" {
		return Scope{}, notAWS(fault)
	}
	suffix, left, ok := t.suffixOf(name)
	if !ok || left == "" || suffix.instead != "" {
		if f, ok := t.hosts[name]; ok {
			return t.scope(f.service, f.region, f.partition, "the host belongs to "+f.service+", which signs in "+f.region+" for it"), nil
		}
	}
	if !ok {
		return t.inferStore(name)
	}
	partition := suffix.partitions[0]
	switch {
	case suffix.instead != "":
		return Scope{}, noSigV4(verdict{instead: suffix.instead}, partition)
	case left == "":
		return Scope{}, ambiguous("service", "the host names no service", InferError{Partition: partition.name})
	case suffix.region != "":
		return t.scope(suffix.service, suffix.region, partition, "hosts of this form belong to "+suffix.service+" in "+suffix.region), nil
	}
	p := &parsedHost{table: t, suffix: suffix, path: path}
	if suffix.service != "" {
		return p.ofService(left)
	}
	rest, last := cutLast(left)
	if rest == "" && (last == "vpce" || p.allRegions(last) != nil) {
		return Scope{}, ambiguous("service", "the host names no service", InferError{Partition: partition.name})
	}
	if last == "vpce" {
		return p.endpoint(rest)
	}
	if partition := p.partitionOfRegion(last); partition != nil {
		return p.regional(rest, last, partition)
	}
	if other := t.partitionOf(last); other != nil {
		return Scope{}, notAWS("the region " + last + " belongs to the partition " + other.name + ", which has other hosts")
	}
	if partition := p.allRegions(last); partition != nil {
		if next, region := cutLast(rest); partition.has(region) {
			return p.regional(next, region, partition)
		}
		return p.global(rest, left, partition)
	}
	return p.regionless(left)
}

// partitionOfRegion returns the suffix's partition that a region belongs to, or nil.
func (p *parsedHost) partitionOfRegion(region string) *partition {
	for _, partition := range p.suffix.partitions {
		if partition.has(region) {
			return partition
		}
	}
	return nil
}

// allRegions returns the partition that a label stands for as a whole, or nil: "global" in most
// partitions, "us-gov" in aws-us-gov, which shares its suffixes with aws.
func (p *parsedHost) allRegions(label string) *partition {
	switch label {
	case "global":
		return p.suffix.partitions[0]
	case "us-gov":
		for _, partition := range p.suffix.partitions {
			if partition.name == "aws-us-gov" {
				return partition
			}
		}
	}
	return nil
}

// scope returns a scope, with what follows from the service and partition.
func (t *table) scope(service, region string, partition *partition, why string) Scope {
	return Scope{Service: service, Region: region, Algorithm: SigV4, Partition: partition.name, Quirks: t.quirks[service], Why: why}
}

// scopeOfAll returns the scope of a host that accepts only SigV4a, for all regions.
func (t *table) scopeOfAll(service string, partition *partition) Scope {
	s := t.scope(service, "", partition, "hosts of this form belong to "+service+", serve all regions and accept only Signature Version 4a")
	s.RegionSet, s.Algorithm = []string{"*"}, SigV4a
	s.Quirks.SigV4aOnly, s.Quirks.SigV4aAllowed, s.Quirks.SigV4aPreferred = true, true, false
	return s
}

func notAWS(reason string) *InferError {
	return &InferError{Kind: NotAWS, Field: "service", Reason: reason}
}

func noSigV4(v verdict, partition *partition) *InferError {
	reason := "the host does not accept Signature Version 4; it takes " + v.instead
	if strings.HasPrefix(v.instead, "no signature") {
		reason = "the host takes " + v.instead
	}
	return &InferError{Kind: NoSigV4, UseInstead: v.instead, Service: v.service, Partition: partition.name, Reason: reason}
}

func ambiguous(field, reason string, known InferError) *InferError {
	known.Kind, known.Field = Ambiguous, field
	known.Reason = reason + ", so the caller must give the " + field
	return &known
}

func unknownLabel(label, region string, p *partition) *InferError {
	return ambiguous("service", "the service behind hosts named "+label+" is not known", InferError{Region: region, Partition: p.name})
}
