package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// TraceSettings are the settings in the OTEL_ environment variables. [ReadTraceSettings] makes them.
type TraceSettings struct {
	// Wanted says whether spans are recorded and sent.
	Wanted bool
	// Target describes where spans are sent, without anything secret, or is "off".
	Target string
	// Warnings are about variables with unusable values, and say what is used instead.
	Warnings []string

	target     target
	sampler    sdktrace.Sampler
	attributes []attribute.KeyValue
	delay      time.Duration
	queue      int
	batch      int
}

// target is where spans are sent, and how.
type target struct {
	url     *url.URL
	grpc    bool
	gzip    bool
	headers http.Header // with secrets
	tls     *tls.Config
	timeout time.Duration
}

// variables reads OpenTelemetry's environment variables.
type variables struct {
	getenv   func(string) string
	warnings []string
}

func (v *variables) get(name string) string { return strings.TrimSpace(v.getenv(name)) }

// exporter returns an exporter setting: the value for traces, or else the one for all signals.
func (v *variables) exporter(name string) (variable, value string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		if value := v.get(prefix + name); value != "" {
			return prefix + name, value
		}
	}
	return "OTEL_EXPORTER_OTLP_" + name, ""
}

func (v *variables) warn(name, format string, args ...any) {
	v.warnings = append(v.warnings, name+": "+fmt.Sprintf(format, args...))
}

// number parses a whole number from 1 to most.
func (v *variables) number(name, value string, most, otherwise int) int {
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		v.warn(name, "%q must be a whole number from 1 to %d; %d is used", value, most, otherwise)
		return otherwise
	}
	return n
}

// one returns value if it is one of the words.
func (v *variables) one(name, value, otherwise string, words ...string) string {
	if value == "" {
		return otherwise
	}
	for _, word := range append(words, otherwise) {
		if strings.EqualFold(value, word) {
			return word
		}
	}
	v.warn(name, "%q is not supported; %s is used. Supported: %s", value, otherwise, strings.Join(append([]string{otherwise}, words...), ", "))
	return otherwise
}

const longest = 10 * 60 * 1000 // milliseconds; the limit of every duration

// ReadTraceSettings reads the variables in OpenTelemetry's specification. Spans are wanted if an endpoint is set or if
// OTEL_TRACES_EXPORTER is otlp. If a variable that is essential for sending has an unusable value, spans are not
// wanted; other unusable values are replaced by the default. Each causes a warning.
func ReadTraceSettings(getenv func(string) string, version string) TraceSettings {
	v := &variables{getenv: getenv}
	s := TraceSettings{Wanted: v.wanted(), Target: "off"}
	if !s.Wanted {
		s.Warnings = v.warnings
		return s
	}
	var err error
	if s.target, err = v.target(); err != nil {
		s.Wanted = false
		s.Warnings = append(v.warnings, err.Error()+"; no spans are sent")
		return s
	}
	s.sampler, s.attributes = v.sampler(), v.resource(version)
	ms := func(name string, otherwise int) time.Duration {
		return time.Duration(v.number(name, v.get(name), longest, otherwise)) * time.Millisecond
	}
	s.delay = ms("OTEL_BSP_SCHEDULE_DELAY", sdktrace.DefaultScheduleDelay)
	s.queue = v.number("OTEL_BSP_MAX_QUEUE_SIZE", v.get("OTEL_BSP_MAX_QUEUE_SIZE"), 1<<16, sdktrace.DefaultMaxQueueSize)
	const batch = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	s.batch = v.number(batch, v.get(batch), s.queue, min(s.queue, sdktrace.DefaultMaxExportBatchSize))
	for word := range strings.SplitSeq(v.get("OTEL_PROPAGATORS"), ",") {
		if word = strings.TrimSpace(word); word != "" && word != "tracecontext" && word != "baggage" {
			v.warn("OTEL_PROPAGATORS", "%q is not supported; only traceparent is read", word)
		}
	}
	protocol := "HTTP"
	if s.target.grpc {
		protocol = "gRPC"
	}
	s.Target, s.Warnings = fmt.Sprintf("%s://%s by %s", s.target.url.Scheme, s.target.url.Host, protocol), v.warnings
	return s
}

func (v *variables) wanted() bool {
	if v.one("OTEL_SDK_DISABLED", v.get("OTEL_SDK_DISABLED"), "false", "true") == "true" {
		return false
	}
	otlp, none := false, false
	exporters := v.get("OTEL_TRACES_EXPORTER")
	for word := range strings.SplitSeq(exporters, ",") {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "otlp":
			otlp = true
		case "none":
			none = true
		case "":
		default:
			v.warn("OTEL_TRACES_EXPORTER", "%q is not supported. Supported: otlp, none", word)
		}
	}
	if exporters != "" {
		return otlp && !none
	}
	_, endpoint := v.exporter("ENDPOINT")
	return endpoint != ""
}

func (v *variables) target() (target, error) {
	name, protocol := v.exporter("PROTOCOL")
	t := target{}
	switch strings.ToLower(protocol) {
	case "", "http/protobuf":
	case "grpc":
		t.grpc = true
	default:
		return t, fmt.Errorf("%s: %q is not supported. Supported: http/protobuf, grpc", name, protocol)
	}
	var err error
	if t.url, err = v.endpoint(t.grpc); err != nil {
		return t, err
	}
	if t.headers, err = v.headers(); err != nil {
		return t, err
	}
	if t.tls, err = v.certificates(); err != nil {
		return t, err
	}
	name, compression := v.exporter("COMPRESSION")
	t.gzip = v.one(name, compression, "none", "gzip") == "gzip"
	name, timeout := v.exporter("TIMEOUT")
	t.timeout = time.Duration(v.number(name, timeout, longest, 10_000)) * time.Millisecond
	return t, nil
}

const exportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// endpoint returns the whole URL that spans are sent to. The endpoint for all signals is the root of each signal's
// path. For gRPC, an address without a scheme is also accepted.
func (v *variables) endpoint(grpc bool) (*url.URL, error) {
	name, value := v.exporter("ENDPOINT")
	switch {
	case value == "" && grpc:
		value = "http://localhost:4317"
	case value == "":
		value = "http://localhost:4318"
	case grpc && !strings.Contains(value, "://"):
		insecureName, insecure := v.exporter("INSECURE")
		scheme := "https://"
		if v.one(insecureName, insecure, "false", "true") == "true" {
			scheme = "http://"
		}
		value = scheme + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		// The value is not repeated because it may contain a password.
		return nil, fmt.Errorf("%s must be an address such as http://collector:4318, without user and password", name)
	}
	switch {
	case grpc:
		u.Path, u.RawPath = exportMethod, ""
	case name == "OTEL_EXPORTER_OTLP_ENDPOINT":
		u = u.JoinPath("v1", "traces")
	case u.Path == "":
		u.Path = "/"
	}
	return u, nil
}

// headers returns the headers: key=value pairs separated by commas, with percent-encoded values. They are secrets, so
// no message repeats one.
func (v *variables) headers() (http.Header, error) {
	name, value := v.exporter("HEADERS")
	out := http.Header{}
	for i, pair := range strings.Split(value, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, text, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		text, err := url.PathUnescape(strings.TrimSpace(text))
		if !found || err != nil || !token(key) || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return nil, fmt.Errorf("%s: pair %d must be name=value, with a percent-encoded value", name, i+1)
		}
		out.Set(key, text)
	}
	return out, nil
}

// token reports whether s may be the name of a header (RFC 9110 section 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

func (v *variables) certificates() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if name, file := v.exporter("CERTIFICATE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if out.RootCAs = x509.NewCertPool(); !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: %s has no PEM certificate", name, file)
		}
	}
	certName, cert := v.exporter("CLIENT_CERTIFICATE")
	keyName, key := v.exporter("CLIENT_KEY")
	switch {
	case cert == "" && key == "":
	case cert == "" || key == "":
		return nil, errors.New(certName + " and " + keyName + " must both be set")
	default:
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", certName, err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
