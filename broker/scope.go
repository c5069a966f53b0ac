package broker

import (
	"errors"
	"strings"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// resolveScope determines the scope. The caller's values take precedence over the operator's host patterns, and these
// over what the host says.
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
		op.warn("host_not_signed", "This host is known to accept no AWS signatures. The request was signed because service "+
			"and region were given.")
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

// infer infers the scope from the URL's host, once.
func (b *Broker) infer(op *operation) (endpoints.Scope, error) {
	if !op.placed {
		op.place, op.placeErr = b.Hosts[op.profile].Infer(op.request.URL.Host(), op.request.URL.Path())
		op.placed = true
	}
	return op.place, op.placeErr
}

// WarnGuessed warns about a service that is in no table.
func WarnGuessed(found endpoints.Scope) []signing.Warning {
	if found.Service == "" || !found.Guessed && endpoints.IsService(found.Service) {
		return []signing.Warning{}
	}
	return []signing.Warning{{Code: "service_guessed", Message: "The service " + found.Service + " was read from the " +
		"form of the host, and is in no table here. " +
		"If AWS refuses the signature, give the signing name in the field service."}}
}

// callerSupplied reports whether the caller gave the field that the host leaves open.
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

// warnScopeMismatch warns if the caller's scope and the host's differ: a wrong scope is the most common reason for a
// refused signature.
func (op *operation) warnScopeMismatch(in *Input, found endpoints.Scope) {
	if in.Service != "" && found.Service != "" && in.Service != found.Service {
		op.warn("service_differs", "The host belongs to "+found.Service+", but the request was signed for "+in.Service+" as given.")
	}
	if in.Region != "" && found.Region != "" && in.Region != found.Region {
		op.warn("region_differs", "The host belongs to "+found.Region+", but the request was signed for "+in.Region+" as given.")
	}
}

// cleanPath brings the path into the form that the service reads and that clients on the way do not change.
func cleanPath(in *Input, op *operation) error {
	if in.DoubleEncode != nil {
		op.request.SingleEncode = !*in.DoubleEncode
	}
	op.normalized = !op.quirks.S3Style
	if in.NormalizePath != nil {
		op.normalized = *in.NormalizePath
	} else if op.quirks.S3Style && op.action != access.ActionSend { // what this service sends arrives unchanged
		op.warnOfPlus()
		url, err := op.request.URL.CleanS3Key()
		if err != nil {
			detail := "The S3 key has a . or .. segment, which clients remove from the URL on the way."
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

// warnOfPlus warns about a plus sign in a path: everywhere but at S3 it stands for itself.
func (op *operation) warnOfPlus() {
	if strings.Contains(op.request.URL.Path(), "+") {
		op.warn("plus_in_key", "A + in the S3 key was read as a plus sign and is sent as %2B; S3 itself would read it "+
			"as a space. Write %20 for a space and %2B for a plus sign.")
	}
}

// checkPartition refuses a session from a partition other than the request's: the keys of one are unknown in the
// others.
func (op *operation) checkPartition() error {
	if op.ofOtherMaker() {
		if strings.HasPrefix(op.session.RoleARN, "arn:aws") {
			op.warn("session_differs", "The host belongs to another vendor's store, which knows only its own keys, and "+
				"the profile's session is from AWS.")
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
		Code: "partition_differs", Detail: "The request is for the partition " + wanted + ", but the profile's session is in " + of + ".",
		Fields: []problem.Field{{Part: "region", Detail: "The region is in the partition " + wanted + "."}},
	}
}

// ofOtherMaker reports whether the URL is for an S3-compatible store, which is in no AWS partition.
func (op *operation) ofOtherMaker() bool {
	found, err := op.place, op.placeErr
	if !op.placed || found.Pattern { // a pattern is the operator's statement, not the host's
		found, err = endpoints.Infer(op.request.URL.Host(), op.request.URL.Path())
	}
	if inferErr, isInferErr := errors.AsType[*endpoints.InferError](err); isInferErr {
		return inferErr.Kind == endpoints.Ambiguous && inferErr.Partition == ""
	}
	return found.Partition == ""
}
