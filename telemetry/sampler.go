package telemetry

import (
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func (v *variables) sampler() sdktrace.Sampler {
	const name = "OTEL_TRACES_SAMPLER"
	ratio := func() sdktrace.Sampler {
		text := v.get("OTEL_TRACES_SAMPLER_ARG")
		share, err := strconv.ParseFloat(text, 64)
		if text != "" && (err != nil || !(share >= 0 && share <= 1)) {
			v.warn("OTEL_TRACES_SAMPLER_ARG", "%q must be a number from 0 to 1; 1 is used", text)
			text = ""
		}
		if text == "" {
			share = 1
		}
		return sdktrace.TraceIDRatioBased(share)
	}
	switch v.one(name, v.get(name), "parentbased_always_on",
		"always_on", "always_off", "traceidratio", "parentbased_always_off", "parentbased_traceidratio") {
	case "always_on":
		return sdktrace.AlwaysSample()
	case "always_off":
		return sdktrace.NeverSample()
	case "traceidratio":
		return ratio()
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(ratio())
	}
	return sdktrace.ParentBased(sdktrace.AlwaysSample())
}

// resource returns the attributes of this service: the defaults, OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME.
func (v *variables) resource(version string) []attribute.KeyValue {
	const name = "OTEL_RESOURCE_ATTRIBUTES"
	out := []attribute.KeyValue{attribute.String("service.name", "countersign"), attribute.String("service.version", version)}
	var given []attribute.KeyValue
	for i, pair := range strings.Split(v.get(name), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, text, found := strings.Cut(pair, "=")
		text, err := url.PathUnescape(strings.TrimSpace(text))
		if key = strings.TrimSpace(key); !found || err != nil || key == "" {
			v.warn(name, "pair %d must be name=value, with a percent-encoded value; none of the pairs is used", i+1)
			given = nil
			break
		}
		given = append(given, attribute.String(key, text))
	}
	out = append(out, given...) // the last one with a name counts
	if service := v.get("OTEL_SERVICE_NAME"); service != "" {
		out = append(out, attribute.String("service.name", service))
	}
	return out
}
