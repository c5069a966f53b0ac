package endpoints_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"countersign/endpoints"
)

// FuzzInfer checks what must be true of every host: Infer does not panic; it fails with advice, or
// returns a scope whose service and region are in the table or in the host; and it fails when a
// label is appended to the host.
func FuzzInfer(f *testing.F) {
	for _, row := range readSample(f) {
		f.Add(row.host, row.path, "example")
	}
	for _, host := range []string{
		"", ".", ":", "[::1]", "s3.amazonaws.com.", "a.us-east-1.vpce.amazonaws.com", "global.api.aws",
		"us-gov.amazonaws.com", "dualstack.us-east-1.amazonaws.com", "-fips.us-east-1.amazonaws.com",
		"streaming-logs.us-east-1.amazonaws.com", "a-b-pod1.us-east-1.amazonaws.com",
		"b.acct.r2.cloudflarestorage.com", "s3.private.dal.us.cloud-object-storage.appdomain.cloud",
		"oss-cn-hangzhou-internal.aliyuncs.com", "fips.us-east-1.amazonaws.com",
		"s3express-.us-east-1.amazonaws.com",
	} {
		f.Add(host, "/", "com")
	}
	known := endpoints.Services()
	f.Fuzz(func(t *testing.T, host, path, label string) {
		s, err := endpoints.Infer(host, path)
		if err != nil {
			checkInferError(t, host, err)
			return
		}
		checkScope(t, host, s, known)
		if !isLabel(label) || joinsSuffix(host, label) {
			return
		}
		longer := host + "." + label
		if s, err := endpoints.Infer(longer, path); err == nil {
			t.Errorf("Infer(%q) = %s %s, want an error", longer, s.Service, s.Region)
		}
	})
}

func checkInferError(t *testing.T, host string, err error) {
	var r *endpoints.InferError
	if !errors.As(err, &r) || r.Host != host || r.Reason == "" {
		t.Fatalf("Infer(%q) = %v, want an InferError with a reason", host, err)
	}
	ok := map[endpoints.Kind]bool{
		endpoints.NotAWS:    r.Field == "service" && r.UseInstead == "",
		endpoints.NoSigV4:   r.Field == "" && r.UseInstead != "",
		endpoints.Ambiguous: (r.Field == "service" || r.Field == "region") && r.UseInstead == "" && (r.Partition != "" || r.Service == "s3"),
	}
	if !ok[r.Kind] {
		t.Errorf("Infer(%q) fails with %+v", host, *r)
	}
}

func checkScope(t *testing.T, host string, s endpoints.Scope, known []endpoints.Service) {
	lower := strings.ToLower(host)
	inTable := slices.ContainsFunc(known, func(k endpoints.Service) bool { return k.Name == s.Service })
	if s.Service == "" || !inTable && !strings.Contains(lower, s.Service) {
		t.Errorf("Infer(%q) returns the service %q, which is neither in the table nor in the host", host, s.Service)
	}
	if s.Why == "" || !inTable && !s.Guessed {
		t.Errorf("Infer(%q) = %+v, want a reason, and guesses marked", host, s)
	}
	if s.Partition == "" {
		if s.Service != "s3" || s.Region == "" || !s.Quirks.S3Style {
			t.Errorf("Infer(%q) = %+v outside of AWS, want s3", host, s)
		}
		return
	}
	if s.Algorithm == endpoints.SigV4a {
		if s.Region != "" || !slices.Equal(s.RegionSet, []string{"*"}) {
			t.Errorf("Infer(%q) returns SigV4a with %q and %q", host, s.Region, s.RegionSet)
		}
		return
	}
	if s.Algorithm != endpoints.SigV4 || s.RegionSet != nil {
		t.Errorf("Infer(%q) returns %s with the set %q", host, s.Algorithm, s.RegionSet)
	}
	inTable = slices.ContainsFunc(endpoints.Regions(), func(g endpoints.RegionGroup) bool {
		return slices.ContainsFunc(g.Regions, func(r endpoints.Region) bool { return r.Name == s.Region })
	})
	if !inTable && !strings.Contains(lower, s.Region) || endpoints.PartitionOf(s.Region) != s.Partition {
		t.Errorf("Infer(%q) returns the region %q in %s", host, s.Region, s.Partition)
	}
}

// isLabel reports whether a string is a single label, and not a port after a dot.
func isLabel(s string) bool {
	return s != "" && !strings.ContainsAny(s, ".:")
}

// joinsSuffix reports whether the label turns one suffix of AWS into another, so that the host is
// another AWS host. These are the only such cases.
func joinsSuffix(host, label string) bool {
	host, label = strings.ToLower(host), strings.ToLower(label)
	return strings.HasSuffix(host, "amazonaws.com") && label == "cn" ||
		strings.HasSuffix(host, "api.aws") && label == "scloud" ||
		host == "webservices.amazon.com"
}
