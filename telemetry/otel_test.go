package telemetry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/telemetry"
)

func settings(variables map[string]string) telemetry.TraceSettings {
	return telemetry.ReadTraceSettings(func(name string) string { return variables[name] }, "v1.2.3")
}

const endpoint, endpointOfTraces = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

func TestReadTraceSettings_WhenSpansAreWanted(t *testing.T) {
	for name, tt := range map[string]struct {
		variables map[string]string
		target    string
	}{
		"nothing": {nil, "off"},
		"other variables": {
			map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318"}, "off",
		},
		"an endpoint":            {map[string]string{endpoint: "http://c:4318"}, "http://c:4318 by HTTP"},
		"an endpoint for traces": {map[string]string{endpoint: "http://a:1", endpointOfTraces: "https://c/x?key=1"}, "https://c by HTTP"},
		"an empty endpoint":      {map[string]string{endpoint: " "}, "off"},
		"an exporter":            {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318 by HTTP"},
		"an exporter over gRPC": {
			map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http://localhost:4317 by gRPC",
		},
		"no exporter":  {map[string]string{"OTEL_TRACES_EXPORTER": "none", endpoint: "http://c:4318"}, "off"},
		"disabled":     {map[string]string{"OTEL_SDK_DISABLED": "TRUE", endpoint: "http://c:4318"}, "off"},
		"not disabled": {map[string]string{"OTEL_SDK_DISABLED": "false", endpoint: "http://c:4318"}, "http://c:4318 by HTTP"},
		"as Container Apps inject it": {
			map[string]string{endpoint: "http://k8se-otel.k8se-apps.svc.cluster.local:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
			"http://k8se-otel.k8se-apps.svc.cluster.local:4317 by gRPC",
		},
		"gRPC without a scheme": {map[string]string{endpoint: "c:4317", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "https://c:4317 by gRPC"},
		"gRPC, insecure": {
			map[string]string{endpoint: "c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_INSECURE": "true"},
			"http://c:4317 by gRPC",
		},
		"samplers": {
			map[string]string{
				endpoint: "http://c:4318", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
				"OTEL_PROPAGATORS": "tracecontext,baggage",
			},
			"http://c:4318 by HTTP",
		},
	} {
		if s := settings(tt.variables); s.Target != tt.target || s.Wanted != (tt.target != "off") || len(s.Warnings) > 0 {
			t.Errorf("%s: wanted %v, %s, %q", name, s.Wanted, s.Target, s.Warnings)
		}
	}
}

// Unusable values cause a warning that names the variable and never repeats what may be a secret.
func TestReadTraceSettings_WarnsOfUnusableValues(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, value string
		wanted      bool
		warning     string
	}{
		{"OTEL_TRACES_SAMPLER", "xray", true, `"xray" is not supported; parentbased_always_on is used`},
		{"OTEL_TRACES_SAMPLER_ARG", "2", true, "must be a number from 0 to 1; 1 is used"},
		{"OTEL_TRACES_SAMPLER_ARG", "NaN", true, "must be a number from 0 to 1"},
		{"OTEL_TRACES_EXPORTER", "jaeger", false, `"jaeger" is not supported. Supported: otlp, none`},
		{"OTEL_TRACES_EXPORTER", "otlp,console", true, `"console" is not supported`},
		{"OTEL_SDK_DISABLED", "1", true, `"1" is not supported; false is used`},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", false, "Supported: http/protobuf, grpc; no spans are sent"},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "udp", false, "no spans are sent"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", false, "must be an address such as http://collector:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@collector", false, "without user and password"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector", false, "must be an address"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://%zz", false, "must be an address"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "x=1,secret", false, "pair 2 must be name=value"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a secret=1", false, "pair 1 must be name=value"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "x=secret%0d%0ay", false, "pair 1 must be name=value"},
		{"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", true, `"zstd" is not supported; none is used`},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", true, "must be a whole number from 1 to 600000; 10000 is used"},
		{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", true, "must be a whole number"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", filepath.Join(t.TempDir(), "none"), false, "no such file"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", empty, false, "has no PEM certificate"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", empty, false, "must both be set"},
		{"OTEL_BSP_MAX_QUEUE_SIZE", "-1", true, "must be a whole number from 1 to 65536; 2048 is used"},
		{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096", true, "must be a whole number from 1 to 2048; 512 is used"},
		{"OTEL_BSP_SCHEDULE_DELAY", "soon", true, "5000 is used"},
		{"OTEL_RESOURCE_ATTRIBUTES", "a=1,b", true, "pair 2 must be name=value"},
		{"OTEL_PROPAGATORS", "b3", true, `"b3" is not supported; only traceparent is read`},
	} {
		variables := map[string]string{endpoint: "http://collector:4318", "OTEL_TRACES_SAMPLER": "traceidratio"}
		variables[tt.name] = tt.value
		s := settings(variables)
		if len(s.Warnings) != 1 || s.Wanted != tt.wanted || !strings.HasPrefix(s.Warnings[0], "OTEL_") ||
			!strings.Contains(s.Warnings[0], tt.warning) {
			t.Errorf("%s=%s: wanted %v, %q", tt.name, tt.value, s.Wanted, s.Warnings)
		}
		if strings.Contains(s.Target+strings.Join(s.Warnings, ""), "secret") {
			t.Errorf("%s=%s: a secret is in the warnings: %q", tt.name, tt.value, s.Warnings)
		}
	}
}
