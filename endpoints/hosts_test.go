package endpoints_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/endpoints"
)

func TestHosts_Infer(t *testing.T) {
	// The order is not the order of precedence.
	hosts, err := endpoints.NewHosts([]endpoints.HostRule{
		{Pattern: "*.*.example.com", Service: "s3", Region: "eu-west-3"},
		{Pattern: "*.example.com", Service: "execute-api", Region: "eu-west-1"},
		{Pattern: "api.*.example.com", Service: "execute-api", Region: "eu-west-2"},
		{Pattern: "*.storage.example.com", Service: "s3", Region: "us-east-1"},
		{Pattern: "Orders.Example.COM.", Service: "execute-api", Region: "us-west-2"},
		{Pattern: "all.example.com", Service: "s3", RegionSet: []string{"eu-*", "us-east-1"}},
		{Pattern: "photos.s3-accelerate.amazonaws.com", Service: "s3", Region: "ap-south-1"},
		{Pattern: "minio", Service: "s3", Region: "home"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ host, want string }{
		{"shop.example.com", "execute-api eu-west-1 aws"},
		{"SHOP.example.com.:8443", "execute-api eu-west-1 aws"},
		{"orders.example.com", "execute-api us-west-2 aws"},
		{"api.storage.example.com", "s3 us-east-1 aws"}, // a name further to the right wins
		{"api.shop.example.com", "execute-api eu-west-2 aws"},
		{"a.b.example.com", "s3 eu-west-3 aws"},
		{"photos.s3-accelerate.amazonaws.com", "s3 ap-south-1 aws"},
		{"other.s3-accelerate.amazonaws.com", "error"},
		{"minio:9000", "s3 home "},
		{"sqs.eu-west-1.amazonaws.com", "sqs eu-west-1 aws"},
		{"example.com", "error"},
		{"a.b.c.example.com", "error"},
		{"shop.example.com.evil.example", "error"},
		{"shopexample.com", "error"},
		{"sh*p.example.com", "error"},
		{"", "error"},
	}
	for _, tt := range tests {
		s, err := hosts.Infer(tt.host, "/")
		got := s.Service + " " + s.Region + " " + s.Partition
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("Infer(%q) = %s, want %s", tt.host, got, tt.want)
		}
	}
	s, err := hosts.Infer("all.example.com", "/")
	if err != nil || s.Algorithm != endpoints.SigV4a || !slices.Equal(s.RegionSet, []string{"eu-*", "us-east-1"}) || s.Region != "" {
		t.Errorf("Infer of a rule with a region set = %+v, %v, want SigV4a for the set", s, err)
	}
	if s, err := hosts.Infer("minio", "/"); err != nil || !s.Quirks.S3Style || !strings.Contains(s.Why, "minio") {
		t.Errorf("Infer of a rule for s3 = %+v, %v, want the quirks of s3 and the pattern in Why", s, err)
	}
}

func TestHosts_Empty(t *testing.T) {
	var none *endpoints.Hosts
	if s, err := none.Infer("sqs.eu-west-1.amazonaws.com", "/"); err != nil || s.Service != "sqs" {
		t.Errorf("Infer without rules = %+v, %v, want what the host says", s, err)
	}
}

func TestNewHosts_ReportsAllErrors(t *testing.T) {
	ok := endpoints.HostRule{Service: "s3", Region: "eu-west-1"}
	with := func(pattern string) endpoints.HostRule { r := ok; r.Pattern = pattern; return r }
	tests := []struct {
		rule endpoints.HostRule
		want string
	}{
		{with(""), "empty"},
		{with("a..example.com"), "label of the host is empty"},
		{with("a.example.*"), "last label must be a name"},
		{with("*"), "last label must be a name"},
		{with("api-*.example.com"), "whole label"},
		{with("**.example.com"), "whole label"},
		{with("api.example.com:443"), "every port"},
		{with("https://api.example.com"), "host without a port"},
		{with("api.example.com/prod"), "character"},
		{with("bücher.example.com"), "character"},
		{endpoints.HostRule{Pattern: "a.example.com", Region: "eu-west-1"}, "not a signing name"},
		{endpoints.HostRule{Pattern: "b.example.com", Service: "s3/x", Region: "eu-west-1"}, "not a signing name"},
		{endpoints.HostRule{Pattern: "c.example.com", Service: "s3"}, "either a region or a region set"},
		{
			endpoints.HostRule{Pattern: "d.example.com", Service: "s3", Region: "eu-west-1", RegionSet: []string{"*"}},
			"either a region or a region set",
		},
		{endpoints.HostRule{Pattern: "e.example.com", Service: "s3", Region: "EU WEST"}, "not the name of a region"},
		{endpoints.HostRule{Pattern: "f.example.com", Service: "s3", RegionSet: []string{"*", ""}}, "in the set"},
	}
	var rules []endpoints.HostRule
	for _, tt := range tests {
		rules = append(rules, tt.rule)
	}
	rules = append(rules, with("twice.example.com"), with("Twice.example.com."))
	hosts, err := endpoints.NewHosts(rules)
	if err == nil || hosts != nil {
		t.Fatalf("NewHosts = %v, %v, want nil and an error", hosts, err)
	}
	faults := strings.Split(err.Error(), "\n")
	if len(faults) != len(tests)+1 {
		t.Fatalf("NewHosts reports %d errors, want %d:\n%v", len(faults), len(tests)+1, err)
	}
	for i, tt := range tests {
		if !strings.Contains(faults[i], tt.want) || !strings.Contains(faults[i], "host pattern ") {
			t.Errorf("the error for %q is %q, want one containing %q", tt.rule.Pattern, faults[i], tt.want)
		}
	}
	if last := faults[len(tests)]; !strings.Contains(last, "given twice") {
		t.Errorf("the error for a pattern given twice is %q", last)
	}
}

func TestIsAWS(t *testing.T) {
	for host, want := range map[string]bool{
		"sqs.eu-west-1.amazonaws.com": true, "b.s3.amazonaws.com.cn": true, "x.lambda-url.eu-west-1.on.aws": true,
		"s3.eusc-de-east-1.amazonaws.eu": true,
		"SQS.eu-west-1.AMAZONAWS.com.":   true, "s3.eu-west-1.amazonaws.com:443": true, "amazonaws.com": false,
		"amazonaws.com.example.com": false,
		"examazonaws.com":           false, "acc.r2.cloudflarestorage.com": false, "10.0.0.1": false, "": false,
	} {
		if got := endpoints.IsAWS(host); got != want {
			t.Errorf("IsAWS(%q) = %v", host, got)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true,
		"": false, "localhost.example.com": false, "127.0.0.1.example.com": false, "0.0.0.0": false, "169.254.169.254": false, "[::1]": false,
	} {
		if got := endpoints.IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %t, want %t", host, got, want)
		}
	}
}
