package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// uploader sends spans over OTLP, by HTTP or gRPC. A gRPC call with one message each way is a POST over HTTP/2, and
// TracesData has the wire format of the call's message, so no gRPC library is needed.
type uploader struct {
	target
	agent  string
	client *http.Client
}

func newUploader(t target, agent string) *uploader {
	protocols := new(http.Protocols)
	switch {
	case !t.grpc:
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
	case t.url.Scheme == "http":
		protocols.SetUnencryptedHTTP2(true)
	default:
		protocols.SetHTTP2(true)
	}
	transport := &http.Transport{
		Protocols: protocols, TLSClientConfig: t.tls, Proxy: http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: 90 * time.Second,
	}
	if t.grpc && t.url.Scheme == "http" {
		transport.Proxy = nil // a proxy would be used with HTTP/1.1
	}
	return &uploader{t, agent, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the headers are for this host only
	}}
}

// Start implements otlptrace.Client.
func (u *uploader) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (u *uploader) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

// rejected is how many of the sent spans the collector rejected.
type rejected uint64

func (n rejected) Error() string { return fmt.Sprintf("the collector rejected %d spans", uint64(n)) }

const (
	firstPause   = 200 * time.Millisecond
	longResponse = 64 << 10
)

// UploadTraces implements otlptrace.Client. It retries errors that may be temporary until ctx ends.
func (u *uploader) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := u.encode(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		wait, err := u.post(ctx, body)
		if wait < 0 || err == nil {
			return err
		}
		wait = max(wait, pause/2+rand.N(pause/2)) //nolint:gosec //nolint:gosec // only spreads the retries of many instances
		if wait > u.timeout || !sleep(ctx, wait) {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (u *uploader) encode(data *tracepb.TracesData) ([]byte, error) {
	message, err := proto.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encoding spans: %w", err)
	}
	if u.gzip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(message)
		_ = w.Close()
		message = packed.Bytes()
	}
	if !u.grpc {
		return message, nil
	}
	frame := make([]byte, 5, 5+len(message))
	if u.gzip {
		frame[0] = 1
	}
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message))) //nolint:gosec //nolint:gosec // a few hundred spans
	return append(frame, message...), nil
}

// never means that nothing is sent again.
const never = time.Duration(-1)

// post sends the message once. After an error it also returns when to send it again, or never if that would not help.
func (u *uploader) post(ctx context.Context, body []byte) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url.String(), bytes.NewReader(body))
	if err != nil {
		return never, errors.New("the address of the collector is not valid")
	}
	for name, values := range u.headers {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", u.agent)
	if u.grpc {
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("Te", "trailers")
		if u.gzip {
			r.Header.Set("Grpc-Encoding", "gzip")
		}
	} else {
		r.Header.Set("Content-Type", "application/x-protobuf")
		if u.gzip {
			r.Header.Set("Content-Encoding", "gzip")
		}
	}
	response, err := u.client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("no response from the collector: %w", plain(err))
	}
	defer response.Body.Close()
	message, err := io.ReadAll(io.LimitReader(response.Body, longResponse))
	if err != nil {
		return 0, fmt.Errorf("no complete response from the collector: %w", plain(err))
	}
	if wait, err := httpStatus(response); err != nil {
		return wait, err
	}
	if u.grpc {
		if wait, err := grpcStatus(response); err != nil {
			return wait, err
		}
		message = message[min(5, len(message)):]
	}
	if n := rejectedSpans(message); n > 0 {
		return never, rejected(n)
	}
	return never, nil
}

// plain returns the error without the URL, whose query may contain a secret.
func plain(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

func httpStatus(response *http.Response) (time.Duration, error) {
	if response.StatusCode == http.StatusOK {
		return 0, nil
	}
	err := fmt.Errorf("the collector responded with status %d", response.StatusCode)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return time.Duration(max(0, min(seconds, 3600))) * time.Second, err
	}
	return never, err
}

// The gRPC codes after which OTLP clients retry: cancelled, deadline exceeded, aborted, out of range, unavailable, data
// loss.
var sendAgain = map[string]bool{"1": true, "4": true, "10": true, "11": true, "14": true, "15": true}

func grpcStatus(response *http.Response) (time.Duration, error) {
	status := response.Trailer.Get("Grpc-Status")
	if status == "" {
		status = response.Header.Get("Grpc-Status") // in a response without a message
	}
	switch {
	case status == "0":
		return 0, nil
	case sendAgain[status]:
		return 0, fmt.Errorf("the collector responded with gRPC status %s", status)
	case status == "":
		return never, errors.New("the collector does not speak gRPC at this address")
	}
	return never, fmt.Errorf("the collector responded with gRPC status %.8q", status)
}

// rejectedSpans reads partial_success.rejected_spans from an ExportTraceServiceResponse: field 1 inside field 1.
func rejectedSpans(message []byte) uint64 {
	n, _ := protowire.ConsumeVarint(field(field(message)))
	return n
}

// field returns the content of field 1. If the field has no length, it returns everything from the field's value on.
func field(message []byte) []byte {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil
		}
		message = message[n:]
		switch {
		case number == 1 && kind == protowire.BytesType:
			content, _ := protowire.ConsumeBytes(message)
			return content
		case number == 1 && kind == protowire.VarintType:
			return message
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return nil
		}
		message = message[n:]
	}
	return nil
}
