package handlers

import (
	"errors"
	"strings"

	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// place finds the scope: what the caller says wins over what the operator's patterns say, and these over what the host says.
func (h *Handlers) place(in *toSend, p *prepared) error {
	found, err := h.Hosts[p.profile].Infer(p.request.URL.Host(), p.request.URL.Path())
	var refusal *endpoints.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	scope := signing.Scope{Service: in.Service, Region: in.Region}
	if scope.Service == "" || scope.Region == "" {
		if refusal != nil && !(refusal.Kind == endpoints.Ask && p.answered(refusal, in)) {
			return refusalFault(refusal, in)
		}
		p.inferred = true
	} else if refusal != nil && refusal.Kind == endpoints.NoSigV4 {
		p.warn("host_not_signed", "This host is known to take no AWS signature. It was signed because service and region were given.")
	}
	if refusal != nil {
		found.Service, found.Region = refusal.Service, refusal.Region
	}
	p.contradict(in, found)
	if scope.Service == "" {
		scope.Service = found.Service
		p.warnings = append(p.warnings, guesses(found)...)
	}
	sameService := scope.Service == found.Service
	if scope.Region == "" {
		scope.Region = found.Region
		if len(found.RegionSet) > 0 {
			scope.Region = strings.Join(found.RegionSet, ",")
		}
	}
	p.request.Scope = scope
	p.request.Algorithm = signing.HMAC
	switch {
	case in.Algorithm != nil:
		p.request.Algorithm = signing.Algorithm(*in.Algorithm)
	case strings.ContainsAny(scope.Region, "*,"), sameService && found.Algorithm == endpoints.SigV4a:
		p.request.Algorithm = signing.ECDSA
	}
	p.quirks = endpoints.QuirksOf(scope.Service)
	if sameService && refusal == nil {
		p.quirks = found.Quirks
	}
	return nil
}

// guesses warns of a service that stands in no table.
func guesses(found endpoints.Scope) []warning {
	if found.Service == "" || !found.Guessed && endpoints.IsService(found.Service) {
		return []warning{}
	}
	return []warning{{Code: "service_guessed", Message: "The service " + found.Service + " was read from the form of the host, and stands in no table here. " +
		"Where AWS refuses the signature, give the signing name in the field service."}}
}

// answered reports whether the caller gave the very field that the host leaves open.
func (p *prepared) answered(r *endpoints.Refusal, in *toSend) bool {
	service, region := in.Service, in.Region
	if service == "" {
		service = r.Service
	}
	if region == "" {
		region = r.Region
	}
	return service != "" && region != ""
}

// contradict warns where the caller's word and the host's differ: a wrong scope is the commonest reason for a refused signature.
func (p *prepared) contradict(in *toSend, found endpoints.Scope) {
	if in.Service != "" && found.Service != "" && in.Service != found.Service {
		p.warn("service_differs", "The host belongs to "+found.Service+", but the request was signed for "+in.Service+" as given.")
	}
	if in.Region != "" && found.Region != "" && in.Region != found.Region {
		p.warn("region_differs", "The host belongs to "+found.Region+", but the request was signed for "+in.Region+" as given.")
	}
}

// cleanPath brings the path into the form that the service reads and no client on the way changes.
func cleanPath(in *toSend, p *prepared) error {
	o := in.Options
	p.request.DoubleEncode = !p.quirks.S3Style
	if o != nil && o.DoubleEncode != nil {
		p.request.DoubleEncode = *o.DoubleEncode
	}
	p.normalized = !p.quirks.S3Style
	if o != nil && o.NormalizePath != nil {
		p.normalized = *o.NormalizePath
	} else if p.quirks.S3Style {
		p.warnOfPlus()
		url, err := p.request.URL.CleanS3Key()
		if err != nil {
			detail := "The S3 key has a . or .. segment, which clients take out of the URL on the way."
			return &problem.Error{Code: "url_invalid", Detail: detail, Fields: []problem.Field{{
				Pointer: "/url", Detail: "The S3 key has a . or .. segment. Set options.normalizePath to true to have it removed, " +
					"or to false to sign the key as it is, for a client that sends it so.",
			}}}
		}
		p.request.URL = url
		return nil
	}
	if p.quirks.S3Style {
		p.warnOfPlus()
		p.request.URL = p.request.URL.EscapeS3Key()
	}
	if p.normalized {
		before := p.request.URL.Path()
		p.request.URL = p.request.URL.NormalizePath()
		if p.request.URL.Path() != before {
			p.warn("path_normalized", "Dot segments or empty segments were removed from the path, as the service and most clients do. Send the URL of this answer.")
		}
	}
	return nil
}

// warnOfPlus: in a path, a plus sign is read as itself everywhere but at S3.
func (p *prepared) warnOfPlus() {
	if strings.Contains(p.request.URL.Path(), "+") {
		p.warn("plus_in_key", "A + in the S3 key was read as a plus sign and is sent as %2B; S3 itself would read it "+
			"as a space. Write %20 for a space and %2B for a plus sign.")
	}
}

// checkPartition refuses what no partition of AWS takes: keys of one are unknown in the others.
func (p *prepared) checkPartition() error {
	if ofOtherMaker(p.request.URL) {
		if strings.HasPrefix(p.session.RoleARN, "arn:aws") {
			p.warn("session_differs", "The host belongs to a store of another maker, which knows its own keys alone, and the session of the profile is one of AWS.")
		}
		return nil
	}
	of := endpoints.PartitionOf(p.session.Region)
	if parts := strings.SplitN(p.session.RoleARN, ":", 3); len(parts) == 3 {
		of = parts[1]
	}
	region, _, _ := strings.Cut(p.request.Scope.Region, ",")
	wanted := endpoints.PartitionOf(region)
	if of == "" || wanted == "" || of == wanted {
		return nil
	}
	return &problem.Error{Code: "partition_differs", Detail: "The request is for the partition " + wanted + ", the profile's session is of " + of + ".", Fields: []problem.Field{{Pointer: "/region", Detail: "The region is in the partition " + wanted + "."}}}
}

// ofOtherMaker tells whether a URL leads to an S3-compatible store, which is in no partition of AWS.
func ofOtherMaker(url signing.URL) bool {
	found, err := endpoints.Infer(url.Host(), url.Path())
	var refusal *endpoints.Refusal
	if errors.As(err, &refusal) {
		return refusal.Kind == endpoints.Ask && refusal.Partition == ""
	}
	return found.Partition == ""
}
