// Package endpoints computes what a URL tells about its signature: service,
// region, algorithm, partition, and the rules of the service for signers.
//
// It does not resolve names, call AWS, read the environment or sign. It cannot
// know where a custom domain leads, or in which region an accelerated bucket
// lives: then its error says which field the caller must give.
//
// The caller must pass the host and the path of a URL as they are sent, which
// signing.ParseURL gives.
//
// # How a host is read
//
// Hosts are matched from the right, label by label, and exactly: first the
// suffix of a partition (amazonaws.com, api.aws, on.aws…), then the region,
// then the service. What stands further left is the caller's own (a bucket, the
// id of an API) and is never looked at, so a bucket that is called
// execute-api.us-east-1 is a bucket. Names of AWS that differ from the signing
// name come from an embedded table; a service that the table does not hold
// signs with the name in its host, as AWS's SDKs do it for nearly all, and the
// scope is marked as a guess.
//
// Hosts of S3-compatible stores of other makers come last, from a table of their
// own. They are in no partition.
//
// # Spellings
//
// Upper case is read as lower case, one trailing dot and a port are left aside.
// Labels may hold letters, digits, hyphens and underscores, so punycode passes
// and Unicode does not. A name longer than 253 bytes or a label longer than 63
// is refused, and so are IP addresses.
//
// Every function is pure and safe for concurrent use. [Infer] takes less than a
// microsecond and makes at most two allocations for a host with a region.
package endpoints

import "strconv"

// Algorithms of a [Scope], in the words of the Authorization header.
const (
	SigV4  = "AWS4-HMAC-SHA256"
	SigV4a = "AWS4-ECDSA-P256-SHA256"
)

// Scope is what a signer has to know about a host.
type Scope struct {
	Service   string   // signing name, in the case that AWS expects
	Region    string   // signing region; empty where RegionSet holds
	RegionSet []string // SigV4a only: the regions that the signature is good for
	Algorithm string   // SigV4 or SigV4a
	Partition string   // "aws", "aws-cn", "aws-us-gov"…; empty for a store of another maker
	Guessed   bool     // the service stands in no table: it is read from the form of the host
	Quirks    Quirks
	Why       string // one sentence, for people
	Pattern   bool   // a host pattern of the configuration says so
}

// Kind says why a host gives no scope.
type Kind int

// The kinds of [InferError].
const (
	NotAWS    Kind = iota + 1 // no host of AWS: for a custom domain the caller gives service and region
	NoSigV4                   // a host of AWS that must not be signed: UseInstead says what it takes
	Ambiguous                 // a host of AWS that leaves something open: Field says what
)

// InferError is the error of [Infer]: the host does not give a scope.
type InferError struct {
	Kind       Kind
	Host       string // as it was given
	Field      string // what the caller must give, "service" or "region"; empty for NoSigV4
	UseInstead string // NoSigV4: what the host takes instead, as in "a Kubernetes bearer token"
	Reason     string // one sentence, for people; holds nothing of the host but checked labels

	// What is known all the same; empty otherwise.
	Service, Region, Partition string
}

func (r *InferError) Error() string {
	return "inferring the scope of " + strconv.Quote(r.Host) + ": " + r.Reason
}

// Infer tells the signing scope of a host and path as they are sent. The path
// decides for the few hosts that two services share, and is empty where the
// caller has none. An error is always an *[InferError].
func Infer(host, path string) (Scope, error) {
	s, inferErr := facts().infer(host, path)
	if inferErr != nil {
		inferErr.Host = host
		return Scope{}, inferErr
	}
	return s, nil
}
