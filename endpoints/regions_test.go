package endpoints_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/endpoints"
)

func TestRegions(t *testing.T) {
	want := map[string]int{
		"aws": 36, "aws-cn": 2, "aws-eusc": 1, "aws-iso": 2, "aws-iso-b": 2, "aws-iso-e": 1, "aws-iso-f": 2, "aws-us-gov": 2,
	}
	var partitions []string
	for _, g := range endpoints.Regions() {
		partitions = append(partitions, g.Partition)
		if len(g.Regions) != want[g.Partition] {
			t.Errorf("Regions returns %d regions of %s, want %d", len(g.Regions), g.Partition, want[g.Partition])
		}
		for i, r := range g.Regions {
			if got := endpoints.PartitionOf(r.Name); got != g.Partition {
				t.Errorf("PartitionOf(%q) = %q, want %q", r.Name, got, g.Partition)
			}
			if r.Title == "" || i > 0 && g.Regions[i-1].Name >= r.Name {
				t.Errorf("Regions lists %+v without a title or out of order", r)
			}
		}
	}
	if len(partitions) != len(want) || !slices.IsSorted(partitions) {
		t.Errorf("Regions returns the partitions %v, want %d in order", partitions, len(want))
	}
	endpoints.Regions()[0].Regions[0].Name = "changed"
	if endpoints.Regions()[0].Regions[0].Name == "changed" {
		t.Error("a caller's change affects the next list of regions")
	}
}

func TestPartitionOf(t *testing.T) {
	tests := map[string]string{
		"us-east-1": "aws", "eu-middle-7": "aws", "mx-central-1": "aws",
		"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
		"": "", "us": "", "us-east": "", "us-east-": "", "us--1": "", "us-east-1a": "", "us-east-1-x": "", "xx-east-1": "",
		"US-EAST-1": "", "us-east-1 ": "", "aws-global": "", "*": "", "usgov-west-1": "", "us-gov-1": "aws",
	}
	for region, want := range tests {
		if got := endpoints.PartitionOf(region); got != want {
			t.Errorf("PartitionOf(%q) = %q, want %q", region, got, want)
		}
	}
}

func TestServices(t *testing.T) {
	services := endpoints.Services()
	if len(services) != 387 {
		t.Errorf("Services returns %d services, want 387", len(services))
	}
	for i, s := range services {
		if s.Title == "" || i > 0 && services[i-1].Name >= s.Name {
			t.Errorf("Services lists %+v without a title or out of order", s)
		}
	}
	// The list must contain every service in the sample.
	for _, row := range readSample(t) {
		if row.service != "-" && !slices.ContainsFunc(services, func(s endpoints.Service) bool { return s.Name == row.service }) {
			t.Errorf("Services lacks %q, which %s signs with", row.service, row.host)
		}
	}
	if strings.ContainsAny(services[0].Title, "\t\n") {
		t.Errorf("the title %q contains a control character", services[0].Title)
	}
}
