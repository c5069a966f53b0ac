package proxy_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"countersign/internal/upstream"
	"countersign/sending"
)

// grpcService returns each message before it expects the next, and ends with a status.
func grpcService(_ any, s grpc.ServerStream) error {
	for {
		m := new(wrapperspb.StringValue)
		if err := s.RecvMsg(m); errors.Is(err, io.EOF) {
			return status.Error(codes.DataLoss, "the end")
		} else if err != nil {
			return err
		}
		if err := s.SendMsg(m); err != nil || m.Value == "the last" {
			return err
		}
	}
}

// gRPC needs HTTP/2 on both sides, TE, trailers, and for streams both directions at once. VPC Lattice is the service of AWS
// that takes signed gRPC.
func TestProxy_ForwardsGRPC(t *testing.T) {
	service := grpc.NewServer(grpc.UnknownServiceHandler(grpcService))
	defer service.Stop()
	aws, err := upstream.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Te") != "trailers" || r.Header.Get("X-Amz-Content-Sha256") != "UNSIGNED-PAYLOAD" {
			t.Errorf("headers %q", r.Header)
		}
		service.ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer aws.Close()
	s := newFront(t, options{sending: sending.Options{ExtraCAs: aws.CA, Proxy: aws.Proxy}}).overHTTP2(t)
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	client, err := grpc.NewClient(strings.TrimPrefix(s.URL, "https://"),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "example.com"})))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	method := path("my-svc-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-west-1.on.aws", "/echo.Echo/Say")
	got := new(wrapperspb.StringValue)
	if err := client.Invoke(t.Context(), method, wrapperspb.String("the last"), got); err != nil || got.Value != "the last" {
		t.Errorf("a call: %q, %v", got.Value, err)
	}
	stream, err := client.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := errors.Join(stream.SendMsg(wrapperspb.String("hello")), stream.RecvMsg(got)); err != nil || got.Value != "hello" {
			t.Fatalf("a message of a stream: %q, %v", got.Value, err)
		}
	}
	_ = stream.CloseSend()
	if err := stream.RecvMsg(got); status.Code(err) != codes.DataLoss {
		t.Errorf("the stream ended with %v", err)
	}
}
