// Package endpoints determines what a signature needs from a URL: service, region, algorithm,
// partition, and the service's rules for signers.
//
// It does not resolve names, call AWS, read the environment or sign. It cannot know where a custom
// domain leads, or in which region an accelerated bucket is: then the error names the field that
// the caller must give.
//
// The caller must pass the host and the path of a URL as they are sent; signing.ParseURL returns
// them.
//
// # How a host is read
//
// Hosts are matched exactly, label by label, from right to left: first the suffix of a partition
// (amazonaws.com, api.aws, on.aws…), then the region, then the service. The labels further left
// belong to the customer (a bucket, the id of an API) and are never looked at, so a bucket that is
// called execute-api.us-east-1 is a bucket. Host labels that differ from the signing name are
// listed in an embedded table. A service that is not in the table signs with the name in its host,
// as the AWS SDKs do for nearly all services, and the scope is marked as a guess.
//
// Hosts of third-party S3-compatible stores come last, from a table of their own. They are in no
// partition.
//
// # Spellings
//
// Upper case is read as lower case; a trailing dot and a port are ignored. Labels may contain
// letters, digits, hyphens and underscores, so punycode is accepted and Unicode is not. A name
// longer than 253 bytes, a label longer than 63, and IP addresses are rejected.
//
// Every function is pure and safe for concurrent use. For a host with a region, [Infer] takes less
// than a microsecond and makes at most two allocations.
package endpoints

import "strconv"

// The algorithms of a [Scope], as they are spelled in the Authorization header.
const (
	SigV4  = "AWS4-HMAC-SHA256"
	SigV4a = "AWS4-ECDSA-P256-SHA256"
)

// Scope is what a signer needs to know about a host.
type Scope struct {
	Service   string   // signing name, in the case that AWS expects
	Region    string   // signing region; empty if RegionSet applies
	RegionSet []string // SigV4a only: the regions in which the signature is valid
	Algorithm string   // SigV4 or SigV4a
	Partition string   // "aws", "aws-cn", "aws-us-gov"…; empty for a third-party store
	Guessed   bool     // the service is not in the table; it is inferred from the form of the host
	Quirks    Quirks
	Why       string // one sentence, for people
	Pattern   bool   // the scope comes from a host pattern in the configuration
}

// Kind is the reason why no scope can be inferred from a host.
type Kind int

// The kinds of [InferError].
const (
	NotAWS    Kind = iota + 1 // not an AWS host: for a custom domain the caller gives service and region
	NoSigV4                   // an AWS host that does not accept signatures: UseInstead says what it accepts
	Ambiguous                 // an AWS host that does not say everything: Field says what is missing
)

// InferError is the error of [Infer]: no scope can be inferred from the host.
type InferError struct {
	Kind       Kind
	Host       string // as given
	Field      string // what the caller must give, "service" or "region"; empty for NoSigV4
	UseInstead string // NoSigV4: what the host accepts instead, such as "a Kubernetes bearer token"
	Reason     string // one sentence, for people; contains nothing from the host except valid labels

	// What is known nevertheless; otherwise empty.
	Service, Region, Partition string
}

func (r *InferError) Error() string {
	return "inferring the scope of " + strconv.Quote(r.Host) + ": " + r.Reason
}

// Infer returns the signing scope for a host and path as they are sent. The path matters only for
// the few hosts that two services share; it may be empty. An error is always an *[InferError].
func Infer(host, path string) (Scope, error) {
	s, inferErr := facts().infer(host, path)
	if inferErr != nil {
		inferErr.Host = host
		return Scope{}, inferErr
	}
	return s, nil
}
