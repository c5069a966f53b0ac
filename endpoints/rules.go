package endpoints

import "strings"

// ofService reads a host whose suffix names the service: the region is the
// label before it.
func (p *place) ofService(left string) (Scope, *Refusal) {
	service := p.under.service
	_, region := cutLast(left)
	at := p.home(region)
	if at == nil {
		return Scope{}, ask(
			"region",
			"the host names no region of its partition",
			Refusal{Service: service, Partition: p.under.partitions[0].name},
		)
	}
	return p.scope(service, region, at, regionalWhy(service, service, region)), nil
}

// regional reads labels.region.suffix.
func (p *place) regional(left, region string, at *partition) (Scope, *Refusal) {
	if left == "" {
		return Scope{}, ask("service", "the host names no service", Refusal{Region: region, Partition: at.name})
	}
	l := p.read(left)
	switch {
	case l.instead != "":
		return Scope{}, noSigV4(l.verdict, at)
	case p.under.known && !l.listed:
		return Scope{}, ask("service", "the service behind hosts named "+l.label+" is not known", Refusal{Region: region, Partition: at.name})
	case l.signsIn.partition == at.name && !p.private:
		service, region := l.signsIn.service, l.signsIn.region
		return p.scope(service, region, at, service+" signs in "+region+" whatever region its host names"), nil
	}
	return guessing(p.scope(l.service, region, at, regionalWhy(l.label, l.service, region)), l), nil
}

// guessing marks a scope whose service is not known for sure.
func guessing(s Scope, l reading) Scope {
	if s.Guessed = l.guessed; s.Guessed {
		s.Why += "; no table holds " + l.label + ", so the service is a guess"
	}
	return s
}

func regionalWhy(label, service, region string) string {
	if label == service {
		return "the host names the service " + service + " and the region " + region
	}
	return "hosts named " + label + " sign as " + service + ", and this one names the region " + region
}

// endpoint reads an interface endpoint of AWS PrivateLink:
// vpce-id.labels.region.vpce.suffix, with a bucket perhaps before it.
func (p *place) endpoint(name string) (Scope, *Refusal) {
	p.private = true
	if service := p.servesAll(name); service != "" {
		return p.scopeOfAll(service, p.under.partitions[0]), nil
	}
	left, region := cutLast(name)
	at := p.home(region)
	if at == nil {
		return Scope{}, ask("region", "the host names no region of its partition", Refusal{Partition: p.under.partitions[0].name})
	}
	for rest := left; rest != ""; {
		var label string
		label, rest, _ = strings.Cut(rest, ".")
		if strings.HasPrefix(label, "vpce-") && rest != "" && !strings.HasPrefix(rest, "vpce-svc-") {
			return p.regional(rest, region, at)
		}
	}
	return Scope{}, ask(
		"service",
		"the VPC endpoint leads to a service that its host does not name",
		Refusal{Region: region, Partition: at.name},
	)
}

// global reads labels.global.suffix and labels.us-gov.suffix: name is the
// whole before the suffix, left what comes before that label.
func (p *place) global(left, name string, at *partition) (Scope, *Refusal) {
	if service := p.servesAll(left); service != "" {
		return p.scopeOfAll(service, at), nil
	}
	l := p.read(left)
	if l.instead != "" {
		return Scope{}, noSigV4(l.verdict, at)
	}
	region := at.global
	if g, ok := p.globals[trimFIPS(left)+name[len(left):]]; ok && g.regions[at.name] != "" {
		l.service, l.guessed, region = g.service, false, g.regions[at.name]
	}
	return guessing(p.scope(l.service, region, at, globalWhy(l.service, region, at)), l), nil
}

func globalWhy(service, region string, at *partition) string {
	return "the host names the service " + service + " and no region: it signs in " + region + " throughout " + at.name
}

// servesAll tells the service of a host that serves all regions at once, which
// has an id before the labels that name it.
func (p *place) servesAll(name string) string {
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

// regionless reads labels.suffix: the few hosts without a region, the S3
// family's older forms, and hosts with the region before the service.
func (p *place) regionless(name string) (Scope, *Refusal) {
	if service := p.servesAll(name); service != "" {
		return p.scopeOfAll(service, p.under.partitions[0]), nil
	}
	if g, ok := p.globals[trimFIPS(name)]; ok {
		for _, at := range p.under.partitions {
			if region := g.regions[at.name]; region != "" {
				return p.scope(g.service, region, at, globalWhy(g.service, region, at)), nil
			}
		}
	}
	left, label := cutLast(name)
	if label == "dualstack" && left != "" {
		left, label = cutLast(left)
	}
	if strings.HasPrefix(label, "s3") {
		if s, refusal, ok := p.s3(label); ok {
			return s, refusal
		}
	}
	_, region := cutLast(left)
	if at := p.home(region); at != nil {
		return p.regionFirst(label, region, at)
	}
	return p.unplaced(name, label)
}

// regionFirst reads labels.region.service.suffix.
func (p *place) regionFirst(label, region string, at *partition) (Scope, *Refusal) {
	label = trimFIPS(label)
	switch v := p.before[label]; {
	case v.instead != "":
		return Scope{}, noSigV4(v, at)
	case v.service != "":
		return p.scope(v.service, region, at, regionalWhy(label, v.service, region)), nil
	}
	return Scope{}, ask("service", "the service behind hosts named "+label+" is not known", Refusal{Region: region, Partition: at.name})
}

// s3 reads the S3 hosts that do not have their region as a label of its own:
// s3 alone, which signs in the partition's global region (Amazon S3 user guide,
// "Virtual hosting of general purpose buckets"), s3-region, and the accelerated
// hosts, which do not tell the region at all. A bucket may stand before each.
func (p *place) s3(label string) (Scope, *Refusal, bool) {
	at := p.under.partitions[0]
	if service := p.bare[label]; service != "" {
		return p.scope(service, at.global, at, "S3 hosts without a region sign in "+at.global+", if the bucket lives nowhere else"), nil, true
	}
	if label == "s3-accelerate" {
		return Scope{}, ask("region", "accelerated S3 hosts do not name the bucket's region", Refusal{Service: "s3", Partition: at.name}), true
	}
	rest, ok := strings.CutPrefix(label, "s3-")
	if !ok {
		return Scope{}, nil, false
	}
	rest, website := strings.CutPrefix(rest, "website-")
	region := strings.TrimPrefix(rest, "fips-")
	if at = p.home(region); at == nil {
		return Scope{}, nil, false
	}
	if website {
		return Scope{}, noSigV4(p.labels["s3-website"].any, at), true
	}
	return p.scope("s3", region, at, regionalWhy(label, "s3", region)), nil, true
}

// unplaced is the answer for an AWS host that no rule reads.
func (p *place) unplaced(name, label string) (Scope, *Refusal) {
	known := Refusal{Partition: p.under.partitions[0].name}
	l := p.read(name)
	switch {
	case l.instead != "":
		return Scope{}, noSigV4(l.verdict, p.under.partitions[0])
	case l.listed || name == label && !p.under.known:
		known.Service = l.service
		return Scope{}, ask("region", "the host names no region", known)
	}
	return Scope{}, ask("service", "the host has a form that is not known", known)
}
