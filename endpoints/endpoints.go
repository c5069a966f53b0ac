// Package endpoints computes the signing scope that a URL tells of: service,
// region, algorithm, partition, and what the service asks of its signers.
//
// It does not resolve names, call AWS or read the environment, and it does not
// sign. The caller owes a host and a path in wire form, as signing.ParseURL
// gives them. Every function is pure and safe for concurrent use.
package endpoints

import "strings"

// Algorithms of a [Scope], in the words of the Authorization header.
const (
	SigV4  = "AWS4-HMAC-SHA256"
	SigV4a = "AWS4-ECDSA-P256-SHA256"
)

// Scope is what a signer has to know about a host.
type Scope struct {
	Service   string   // signing name, in the case that AWS expects
	Region    string   // signing region; empty when RegionSet holds
	RegionSet []string // SigV4a only: the regions the signature is good for
	Algorithm string   // SigV4 or SigV4a
	Partition string   // aws, aws-cn, aws-us-gov…
	Quirks    Quirks
	Why       string // one sentence, for people
}

// Quirks are the ways in which a service departs from plain Signature Version 4.
// The zero value is the plain service.
type Quirks struct {
	S3Style                bool // the path is encoded once and never normalised
	ContentSHA256          bool // x-amz-content-sha256 must be sent and signed
	UnsignedPayloadOnly    bool // its value must be UNSIGNED-PAYLOAD
	UnsignedPayloadAllowed bool // its value may be UNSIGNED-PAYLOAD over https
	TokenAppended          bool // the session token is added after signing
	SigV4aOnly             bool // refuses Signature Version 4
	SigV4aPreferred        bool // AWS's own clients use SigV4a first
}

// Kind tells refusals apart.
type Kind int

const (
	NotAWS  Kind = iota + 1 // the host is no AWS API: a custom domain needs service and region from the caller
	NoSigV4                 // an AWS host that must not be signed: Refusal.Instead says what it takes
	Ask                     // an AWS host that leaves something open: Refusal.Field says what
)

// Refusal is the error of [Infer]: the host alone does not give a scope.
type Refusal struct {
	Kind      Kind
	Host      string
	Field     string // what the caller must give: "service" or "region"
	Instead   string // NoSigV4: what the host takes instead, as in "a bearer token"
	Reason    string // one sentence, for people
	Service   string // as far as it is known
	Region    string
	Partition string
}

func (r *Refusal) Error() string { return r.Host + ": " + r.Reason }

// Infer tells the signing scope of a host and path in wire form. An error is
// always a *[Refusal].
func Infer(host, path string) (Scope, error) {
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	labels := strings.Split(name, ".")
	n := len(labels)
	if !ok || n < 2 || n > 2 && labels[n-2] != "execute-api" {
		return Scope{}, &Refusal{Kind: NotAWS, Host: host, Field: "service", Reason: "not an AWS host"}
	}
	return Scope{
		Service: labels[n-2], Region: labels[n-1], Algorithm: SigV4, Partition: "aws",
		Quirks: QuirksOf(labels[n-2]),
		Why:    "the host names the service " + labels[n-2] + " and the region " + labels[n-1],
	}, nil
}

// QuirksOf tells what hangs on a signing name that the caller gave.
func QuirksOf(service string) Quirks {
	s3 := service == "s3"
	return Quirks{S3Style: s3, ContentSHA256: s3, UnsignedPayloadAllowed: s3}
}

// Service is one entry of the list of known services.
type Service struct {
	Name  string // signing name
	Title string // for people
}

// Services lists the known signing names in order.
func Services() []Service { return []Service{{"execute-api", "API Gateway"}, {"s3", "S3"}} }

// RegionGroup is a partition with its regions.
type RegionGroup struct {
	Partition string
	Regions   []string
}

// Regions lists the known regions, grouped by partition.
func Regions() []RegionGroup { return []RegionGroup{{"aws", []string{"us-east-1"}}} }

// PartitionOf tells a region's partition, or "" for what is no region's name.
func PartitionOf(region string) string {
	if region == "us-east-1" {
		return "aws"
	}
	return ""
}
