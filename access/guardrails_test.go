package access_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/endpoints"
)

// Cedar cannot call package endpoints, so the guardrail repeats the list of the S3 family.
func TestGuardrails_ListTheS3Family(t *testing.T) {
	_, rest, found := strings.Cut(access.Guardrails(), `@id("s3-side-doors")`)
	list := regexp.MustCompile(`\[([^\]]*)\]\.contains\(resource\.service\)`).FindStringSubmatch(rest)
	if !found || list == nil {
		t.Fatal("the guardrail for S3 lists no services")
	}
	var listed, family []string
	for _, name := range strings.Split(list[1], ",") {
		listed = append(listed, strings.Trim(strings.TrimSpace(name), `"`))
	}
	for _, service := range endpoints.Services() {
		if endpoints.QuirksOf(service.Name).S3Style {
			family = append(family, service.Name)
		}
	}
	slices.Sort(listed)
	slices.Sort(family)
	if !slices.Equal(listed, family) || len(family) < 4 {
		t.Errorf("the guardrail lists %q, the services in the style of S3 are %q", listed, family)
	}
}
