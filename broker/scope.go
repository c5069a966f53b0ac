package broker

import (
	"errors"
	"strings"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// resolveScope finds the scope: what the caller says wins over what the operator's patterns say, and these over what the host says.
func (b *Broker) resolveScope(in *Input, op *operation) error {
	found, err := b.infer(op)
	inferErr, isInferErr := errors.AsType[*endpoints.InferError](err)
	if err != nil && !isInferErr {
		return err
	}
	scope := signing.Scope{Service: in.Service, Region: in.Region}
	if scope.Service == "" || scope.Region == "" {
		if inferErr != nil && !(inferErr.Kind == endpoints.Ambiguous && op.callerSupplied(inferErr, in)) {
			return inferProblem(inferErr, in)
		}
		op.inferred = true
	} else if inferErr != nil && inferErr.Kind == endpoints.NoSigV4 {
		op.warn("host_not_signed", "This host is known to take no AWS signature. It was signed because service and region were given.")
	}
	op.scopeWhy, op.pattern = found.Why, found.Pattern
	if inferErr != nil {
		found.Service, found.Region, op.scopeWhy = inferErr.Service, inferErr.Region, inferErr.Reason
	}
	op.warnScopeMismatch(in, found)
	if scope.Service == "" {
		scope.Service = found.Service
		for _, w := range WarnGuessed(found) {
			op.warn(w.Code, w.Message)
		}
	}
	sameService := scope.Service == found.Service
	if scope.Region == "" {
		scope.Region = found.Region
		if len(found.RegionSet) > 0 {
			scope.Region = strings.Join(found.RegionSet, ",")
		}
	}
	op.request.Scope = scope
	op.request.Algorithm = signing.HMAC
	switch {
	case in.Algorithm != "":
		op.request.Algorithm = in.Algorithm
	case strings.ContainsAny(scope.Region, "*,"), sameService && found.Algorithm == endpoints.SigV4a:
		op.request.Algorithm = signing.ECDSA
	}
	op.quirks = endpoints.QuirksOf(scope.Service)
	if sameService && inferErr == nil {
		op.quirks = found.Quirks
	}
	op.request.SingleEncode = op.quirks.S3Style
	return nil
}

// infer finds what the host of the URL tells, once.
func (b *Broker) infer(op *operation) (endpoints.Scope, error) {
	if !op.placed {
		op.place, op.placeErr = b.Hosts[op.profile].Infer(op.request.URL.Host(), op.request.URL.Path())
		op.placed = true
	}
	return op.place, op.placeErr
}

// WarnGuessed warns of a service that stands in no table.
func WarnGuessed(found endpoints.Scope) []signing.Warning {
	if found.Service == "" || !found.Guessed && endpoints.IsService(found.Service) {
		return []signing.Warning{}
	}
	return []signing.Warning{{Code: "service_guessed", Message: "The service " + found.Service + " was read from the " +
		"form of the host, and stands in no table here. " +
		"Where AWS refuses the signature, give the signing name in the field service."}}
}

// callerSupplied reports whether the caller gave the very field that the host leaves open.
func (op *operation) callerSupplied(r *endpoints.InferError, in *Input) bool {
	service, region := in.Service, in.Region
	if service == "" {
		service = r.Service
	}
	if region == "" {
		region = r.Region
	}
	return service != "" && region != ""
}

// warnScopeMismatch warns where the caller's word and the host's differ: a wrong scope is the commonest reason for a refused signature.
func (op *operation) warnScopeMismatch(in *Input, found endpoints.Scope) {
	if in.Service != "" && found.Service != "" && in.Service != found.Service {
		op.warn("service_differs", "The host belongs to "+found.Service+", but the request was signed for "+in.Service+" as given.")
	}
	if in.Region != "" && found.Region != "" && in.Region != found.Region {
		op.warn("region_differs", "The host belongs to "+found.Region+", but the request was signed for "+in.Region+" as given.")
	}
}

// cleanPath brings the path into the form that the service reads and no client on the way changes.
func cleanPath(in *Input, op *operation) error {
	if in.DoubleEncode != nil {
		op.request.SingleEncode = !*in.DoubleEncode
	}
	op.normalized = !op.quirks.S3Style
	if in.NormalizePath != nil {
		op.normalized = *in.NormalizePath
	} else if op.quirks.S3Style && op.action != access.ActionSend { // what is sent from here arrives as it is
		op.warnOfPlus()
		url, err := op.request.URL.CleanS3Key()
		if err != nil {
			detail := "The S3 key has a . or .. segment, which clients take out of the URL on the way."
			return &problem.Error{Code: "url_invalid", Detail: detail, Fields: []problem.Field{{
				Part: "url", Detail: "The S3 key has a . or .. segment. Set options.normalizePath to true to have it removed, " +
					"or to false to sign the key as it is, for a client that sends it so.",
			}}}
		}
		op.request.URL = url
		return nil
	}
	if op.quirks.S3Style {
		op.warnOfPlus()
		op.request.URL = op.request.URL.EscapeS3Key()
	}
	if op.normalized {
		before := op.request.URL.Path()
		op.request.URL = op.request.URL.NormalizePath()
		if op.request.URL.Path() != before {
			op.warn("path_normalized", "Dot segments or empty segments were removed from the path, as the service and most "+
				"clients do. Send the URL of this response.")
		}
	}
	return nil
}

// warnOfPlus: in a path, a plus sign is read as itself everywhere but at S3.
func (op *operation) warnOfPlus() {
	if strings.Contains(op.request.URL.Path(), "+") {
		op.warn("plus_in_key", "A + in the S3 key was read as a plus sign and is sent as %2B; S3 itself would read it "+
			"as a space. Write %20 for a space and %2B for a plus sign.")
	}
}

// checkPartition refuses what no partition of AWS takes: keys of one are unknown in the others.
func (op *operation) checkPartition() error {
	if op.ofOtherMaker() {
		if strings.HasPrefix(op.session.RoleARN, "arn:aws") {
			op.warn("session_differs", "The host belongs to a store of another maker, which knows its own keys alone, and "+
				"the session of the profile is one of AWS.")
		}
		return nil
	}
	of := endpoints.PartitionOf(op.session.Region)
	if _, arn, found := strings.Cut(op.session.RoleARN, ":"); found {
		if partition, _, found := strings.Cut(arn, ":"); found {
			of = partition
		}
	}
	region, _, _ := strings.Cut(op.request.Scope.Region, ",")
	wanted := endpoints.PartitionOf(region)
	if of == "" || wanted == "" || of == wanted {
		return nil
	}
	return &problem.Error{
		Code: "partition_differs", Detail: "The request is for the partition " + wanted + ", the profile's session is of " + of + ".",
		Fields: []problem.Field{{Part: "region", Detail: "The region is in the partition " + wanted + "."}},
	}
}

// ofOtherMaker tells whether the URL leads to an S3-compatible store, which is in no partition of AWS.
func (op *operation) ofOtherMaker() bool {
	found, err := op.place, op.placeErr
	if !op.placed || found.Pattern { // the operator's word is not the host's
		found, err = endpoints.Infer(op.request.URL.Host(), op.request.URL.Path())
	}
	if inferErr, isInferErr := errors.AsType[*endpoints.InferError](err); isInferErr {
		return inferErr.Kind == endpoints.Ambiguous && inferErr.Partition == ""
	}
	return found.Partition == ""
}
