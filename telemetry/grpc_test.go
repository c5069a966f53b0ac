//go:build peers

package telemetry_test

import (
	"context"
	"net"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// With this build tag, the tests of traces also run over gRPC, with its own library. It has 85 packages, which make
// test need not compile.
func init() {
	ways["gRPC"], ways["gRPC with TLS"] = (*collector).overGRPC, (*collector).overGRPCWithTLS
	refusals = append(refusals,
		refusal{"gRPC, busy", (*collector).overGRPC, []int{int(codes.Unavailable), int(codes.Aborted)}, 0, 3, 0},
		refusal{"gRPC, bad", (*collector).overGRPC, []int{int(codes.Unauthenticated)}, 0, 0, 3},
		refusal{"gRPC, some rejected", (*collector).overGRPC, nil, 2, 1, 2},
	)
}

// service is the collector as a gRPC service.
type service struct {
	collectorpb.UnimplementedTraceServiceServer
	*collector
}

func (s service) Export(
	ctx context.Context, r *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	header := ""
	if given, _ := metadata.FromIncomingContext(ctx); len(given["x-token"]) > 0 {
		header = given["x-token"][0]
	}
	if refusal := s.take(&tracepb.TracesData{ResourceSpans: r.ResourceSpans}, header); refusal != 0 {
		return nil, status.Error(codes.Code(refusal), "no")
	}
	out := &collectorpb.ExportTraceServiceResponse{}
	return out, proto.Unmarshal(s.response(), out)
}

func (c *collector) listen(t *testing.T, o ...grpc.ServerOption) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(o...)
	collectorpb.RegisterTraceServiceServer(s, service{collector: c})
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().String()
}

func (c *collector) overGRPC(t *testing.T) map[string]string {
	return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.listen(t), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
}

func (c *collector) overGRPCWithTLS(t *testing.T) map[string]string {
	certificate, ca := certified(t)
	return map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":    c.listen(t, grpc.Creds(credentials.NewServerTLSFromCert(&certificate))),
		"OTEL_EXPORTER_OTLP_PROTOCOL":    "grpc",
		"OTEL_EXPORTER_OTLP_CERTIFICATE": ca,
	}
}
