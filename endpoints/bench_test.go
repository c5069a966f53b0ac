package endpoints_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"countersign/endpoints"
)

// costs are hosts with a region: each must take at most two allocations.
var costs = map[string]string{
	"service and region":     "dynamodb.eu-west-1.amazonaws.com",
	"label of the table":     "bedrock-runtime.us-east-1.amazonaws.com",
	"API id":                 "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
	"bucket":                 "my.dotted.bucket.s3.us-west-2.amazonaws.com",
	"region before service":  "search-orders-abcdef.eu-west-1.es.amazonaws.com",
	"upper case, dot, port":  "SQS.EU-West-1.AmazonAWS.com.:443",
	"two labels with a fips": "data.jobs.iot-fips.us-gov-west-1.amazonaws.com",
	"VPC endpoint":           "vpce-1a2b3c4d5e6f70819-5e6f7a8b.kms.us-east-1.vpce.amazonaws.com",
}

func BenchmarkInfer(b *testing.B) {
	for name, host := range costs {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := endpoints.Infer(host, "/"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriteScopes(b *testing.B) {
	var hosts []string
	for _, host := range costs {
		hosts = append(hosts, "https://"+host+"/path")
	}
	text := []byte(strings.Repeat(strings.Join(hosts, "\n")+"\n", 100_000/len(hosts)))
	b.ReportAllocs()
	for b.Loop() {
		if err := endpoints.WriteScopes(io.Discard, bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestInfer_AllocatesAtMostTwice(t *testing.T) {
	for name, host := range costs {
		got := testing.AllocsPerRun(100, func() {
			if _, err := endpoints.Infer(host, "/"); err != nil {
				t.Error(err)
			}
		})
		if got > 2 {
			t.Errorf("%s: Infer(%q) makes %v allocations, want at most 2", name, host, got)
		}
	}
}
