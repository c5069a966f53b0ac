package endpoints

import (
	"strings"
	"testing"
)

func TestParseTable_RejectsUnknownFacts(t *testing.T) {
	const partition = "partition\taws\tus-east-1\tus eu\n"
	for line, want := range map[string]string{
		"novelty\ta\tb\n":                                     "unknown kind",
		"label\ta\n":                                          "number of columns",
		"label\ta\tb\tc\n":                                    "number of columns",
		"suffix\tamazonaws.com\taws-moon\n":                   "unknown partition",
		"suffix\tcom\taws\n":                                  "labels",
		"suffix\ta.b.c.d.e.f\taws\n":                          "labels",
		"fixed-suffix\ta.example\tchime\tnowhere\n":           "unknown region",
		"host\ta.example\tchime\tnowhere\n":                   "unknown region",
		"store\texample\tauto\tA\n":                           "two labels",
		"store\ts3.{region}\t{region}\tA\n":                   "two labels",
		"store\ts3.example.com\t{region}\tA\n":                "no region",
		"quirk\ts3\tfancy\n":                                  "unknown quirk",
		"operation\tsts\tunsigned\tPOST\taction=AssumeRole\n": "no operation",
	} {
		if _, err := parseTable(partition + line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseTable(%q) = %v, want an error containing %q", line, err, want)
		}
	}
}

// Single hosts are looked up after the suffixes, so each must be reachable.
func TestFacts_HostsAreReachable(t *testing.T) {
	if n := len(facts().hosts); n != 29 {
		t.Errorf("the table has %d single hosts, want 29", n)
	}
	for host, want := range facts().hosts {
		s, err := Infer(host, "/")
		if err != nil || s.Service != want.service || s.Region != want.region {
			t.Errorf("Infer(%q) = %s %s, %v, want %s %s", host, s.Service, s.Region, err, want.service, want.region)
		}
	}
}

// Every service in the table must be listed by Services.
func TestServices_ListsTheServicesOfTheTable(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range Services() {
		listed[s.Name] = true
	}
	table := facts()
	var services []string
	for _, l := range table.labels {
		services = append(services, l.any.service, l.alone.service, l.left.service, l.signsIn.service)
	}
	for _, v := range table.afterRegion {
		services = append(services, v.service)
	}
	for _, g := range table.globals {
		services = append(services, g.service)
	}
	for _, s := range table.suffixes {
		services = append(services, s.service)
	}
	for _, service := range table.anyRegion {
		services = append(services, service)
	}
	for service := range table.quirks {
		services = append(services, service)
	}
	for service := range table.operations {
		services = append(services, service)
	}
	for _, service := range services {
		if service != "" && !listed[service] {
			t.Errorf("the table has %q, which Services does not list", service)
		}
	}
}
