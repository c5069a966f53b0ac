package endpoints

import "strings"

// ofService reads a host whose suffix names the service; the region is the label before the suffix.
func (p *parsedHost) ofService(left string) (Scope, *InferError) {
	service := p.suffix.service
	_, region := cutLast(left)
	partition := p.partitionOfRegion(region)
	if partition == nil {
		return Scope{}, ambiguous(
			"region",
			"the host names no region of its partition",
			InferError{Service: service, Partition: p.suffix.partitions[0].name},
		)
	}
	return p.scope(service, region, partition, regionalWhy(service, service, region)), nil
}

// regional reads labels.region.suffix.
func (p *parsedHost) regional(left, region string, partition *partition) (Scope, *InferError) {
	if left == "" {
		return Scope{}, ambiguous("service", "the host names no service", InferError{Region: region, Partition: partition.name})
	}
	l := p.read(left)
	switch {
	case l.instead != "":
		return Scope{}, noSigV4(l.verdict, partition)
	case p.suffix.known && !l.listed:
		return Scope{}, unknownLabel(l.label, region, partition)
	case l.signsIn.partition == partition.name && !p.private:
		service, region := l.signsIn.service, l.signsIn.region
		return p.scope(service, region, partition, service+" signs in "+region+" whatever region its host names"), nil
	}
	return guessing(p.scope(l.service, region, partition, regionalWhy(l.label, l.service, region)), l), nil
}

// guessing marks a scope whose service is a guess.
func guessing(s Scope, l reading) Scope {
	if s.Guessed = l.guessed; s.Guessed {
		s.Why += "; " + l.label + " is not a known name, so the service is a guess"
	}
	return s
}

func regionalWhy(label, service, region string) string {
	if label == service {
		return "the host names the service " + service + " and the region " + region
	}
	return "hosts named " + label + " sign as " + service + ", and this one names the region " + region
}

// endpoint reads an interface endpoint of AWS PrivateLink: vpce-id.labels.region.vpce.suffix,
// possibly with a bucket before it.
func (p *parsedHost) endpoint(name string) (Scope, *InferError) {
	p.private = true
	if service := p.servesAll(name); service != "" {
		return p.scopeOfAll(service, p.suffix.partitions[0]), nil
	}
	left, region := cutLast(name)
	partition := p.partitionOfRegion(region)
	if partition == nil {
		return Scope{}, ambiguous("region", "the host names no region of its partition", InferError{Partition: p.suffix.partitions[0].name})
	}
	for rest := left; rest != ""; {
		var label string
		label, rest, _ = strings.Cut(rest, ".")
		if strings.HasPrefix(label, "vpce-") && rest != "" && !strings.HasPrefix(rest, "vpce-svc-") {
			return p.regional(rest, region, partition)
		}
	}
	return Scope{}, ambiguous(
		"service",
		"the host of the VPC endpoint does not name the service behind it",
		InferError{Region: region, Partition: partition.name},
	)
}

// global reads labels.global.suffix and labels.us-gov.suffix: name is everything before the suffix,
// left the part before "global" or "us-gov".
func (p *parsedHost) global(left, name string, partition *partition) (Scope, *InferError) {
	if service := p.servesAll(left); service != "" {
		return p.scopeOfAll(service, partition), nil
	}
	l := p.read(left)
	if l.instead != "" {
		return Scope{}, noSigV4(l.verdict, partition)
	}
	region := partition.global
	if g, ok := p.globals[trimFIPS(left)+name[len(left):]]; ok && g.regions[partition.name] != "" {
		l.service, l.guessed, region = g.service, false, g.regions[partition.name]
	}
	return guessing(p.scope(l.service, region, partition, globalWhy(l.service, region, partition)), l), nil
}

func globalWhy(service, region string, partition *partition) string {
	return "the host names the service " + service + " and no region: it signs in " + region + " throughout " + partition.name
}

// servesAll returns the service of a host that serves all regions at once, or "". Such a host has
// an id before the labels of the service.
func (p *parsedHost) servesAll(name string) string {
	left, label := cutLast(name)
	if left == "" {
		return ""
	}
	if service := p.anyRegion[label]; service != "" {
		return service
	}
	rest, next := cutLast(left)
	if rest == "" {
		return ""
	}
	return p.anyRegion[name[len(left)-len(next):]]
}

// regionless reads labels.suffix: the few hosts without a region, the older forms of the S3 family,
// and hosts that name the region before the service.
func (p *parsedHost) regionless(name string) (Scope, *InferError) {
	if service := p.servesAll(name); service != "" {
		return p.scopeOfAll(service, p.suffix.partitions[0]), nil
	}
	if g, ok := p.globals[trimFIPS(name)]; ok {
		for _, partition := range p.suffix.partitions {
			if region := g.regions[partition.name]; region != "" {
				return p.scope(g.service, region, partition, globalWhy(g.service, region, partition)), nil
			}
		}
	}
	left, label := cutLast(name)
	if label == "dualstack" && left != "" {
		left, label = cutLast(left)
	}
	if strings.HasPrefix(label, "s3") {
		if s, err, ok := p.s3(label); ok {
			return s, err
		}
	}
	_, region := cutLast(left)
	if partition := p.partitionOfRegion(region); partition != nil {
		return p.regionFirst(label, region, partition)
	}
	return p.unplaced(name, label)
}

// regionFirst reads labels.region.service.suffix.
func (p *parsedHost) regionFirst(label, region string, partition *partition) (Scope, *InferError) {
	label = trimFIPS(label)
	switch v := p.afterRegion[label]; {
	case v.instead != "":
		return Scope{}, noSigV4(v, partition)
	case v.service != "":
		return p.scope(v.service, region, partition, regionalWhy(label, v.service, region)), nil
	}
	return Scope{}, unknownLabel(label, region, partition)
}

// s3 reads the S3 hosts in which the region is not a label of its own: s3 alone, which signs in the
// partition's global region (Amazon S3 user guide, "Virtual hosting of general purpose buckets"),
// s3-region, and the accelerated hosts, which do not name the region. Each may be preceded by a
// bucket.
func (p *parsedHost) s3(label string) (Scope, *InferError, bool) {
	partition := p.suffix.partitions[0]
	if service := p.bare[label]; service != "" {
		why := "S3 hosts without a region sign in " + partition.global + ", unless the bucket is in another region"
		return p.scope(service, partition.global, partition, why), nil, true
	}
	if label == "s3-accelerate" {
		known := InferError{Service: "s3", Partition: partition.name}
		return Scope{}, ambiguous("region", "accelerated S3 hosts do not name the bucket's region", known), true
	}
	rest, ok := strings.CutPrefix(label, "s3-")
	if !ok {
		return Scope{}, nil, false
	}
	rest, website := strings.CutPrefix(rest, "website-")
	region := strings.TrimPrefix(rest, "fips-")
	if partition = p.partitionOfRegion(region); partition == nil {
		return Scope{}, nil, false
	}
	if website {
		return Scope{}, noSigV4(p.labels["s3-website"].any, partition), true
	}
	return p.scope("s3", region, partition, regionalWhy(label, "s3", region)), nil, true
}

// unplaced returns the error for an AWS host that no other rule recognizes.
func (p *parsedHost) unplaced(name, label string) (Scope, *InferError) {
	known := InferError{Partition: p.suffix.partitions[0].name}
	l := p.read(name)
	switch {
	case l.instead != "":
		return Scope{}, noSigV4(l.verdict, p.suffix.partitions[0])
	case l.listed || name == label && !p.suffix.known:
		known.Service = l.service
		return Scope{}, ambiguous("region", "the host names no region", known)
	}
	return Scope{}, ambiguous("service", "the host has a form that is not known", known)
}
