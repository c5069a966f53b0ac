package kubernetes_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/config"

	"github.com/goccy/go-yaml"
)

type node = map[string]any

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// load reads a file of one document, in which no name stands twice.
func load(t *testing.T, path string) node {
	t.Helper()
	var n node
	decoder := yaml.NewDecoder(bytes.NewReader(read(t, path)), yaml.DisallowUnknownField())
	if err := decoder.Decode(&n); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("%s holds more than one document", path)
	}
	return n
}

// at is what stands at a path; numbers are indexes.
func at(value any, path ...string) any {
	for _, name := range path {
		switch v := value.(type) {
		case node:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func manifests(t *testing.T) map[string]node {
	t.Helper()
	all := map[string]node{}
	for _, name := range at(load(t, "kustomization.yaml"), "resources").([]any) {
		n := load(t, name.(string))
		kind := n["kind"].(string)
		if all[kind] != nil {
			t.Errorf("there are two manifests of kind %s", kind)
		}
		all[kind] = n
	}
	return all
}

func TestKustomizationNamesEveryFile(t *testing.T) {
	k := load(t, "kustomization.yaml")
	named := []string{"kustomization.yaml"}
	for _, list := range []any{k["resources"], at(k, "configMapGenerator", "0", "files")} {
		for _, name := range list.([]any) {
			named = append(named, name.(string))
		}
	}
	found, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(named)
	if !slices.Equal(named, found) {
		t.Errorf("kustomization.yaml names %q, want %q", named, found)
	}
}

func TestManifestsAreOneApplication(t *testing.T) {
	all := manifests(t)
	kinds := []string{"Deployment", "HorizontalPodAutoscaler", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"}
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, kinds) {
		t.Fatalf("the manifests are of the kinds %q, want %q", got, kinds)
	}
	const label = "app.kubernetes.io/name"
	d := all["Deployment"]
	container := at(d, "spec", "template", "spec", "containers", "0")
	port := at(container, "ports", "0", "name")
	facts := []struct {
		what      string
		got, want any
	}{
		{"pods of the deployment", at(d, "spec", "selector", "matchLabels", label), "countersign"},
		{"label of the pods", at(d, "spec", "template", "metadata", "labels", label), "countersign"},
		{"pods of the service", at(all["Service"], "spec", "selector", label), "countersign"},
		{"pods of the disruption budget", at(all["PodDisruptionBudget"], "spec", "selector", "matchLabels", label), "countersign"},
		{"pods of the network policy", at(all["NetworkPolicy"], "spec", "podSelector", "matchLabels", label), "countersign"},
		{"account", at(d, "spec", "template", "spec", "serviceAccountName"), at(all["ServiceAccount"], "metadata", "name")},
		{"deployment that is scaled", at(all["HorizontalPodAutoscaler"], "spec", "scaleTargetRef", "name"), at(d, "metadata", "name")},
		{"replicas, which are the autoscaler's", at(d, "spec", "replicas"), nil},
		{"port of the service", at(all["Service"], "spec", "ports", "0", "targetPort"), port},
		{"port of the network policy", at(all["NetworkPolicy"], "spec", "ingress", "0", "ports", "0", "port"), port},
		{"port of the liveness probe", at(container, "livenessProbe", "httpGet", "port"), port},
		{"port of the readiness probe", at(container, "readinessProbe", "httpGet", "port"), port},
		{"liveness probe", at(container, "livenessProbe", "httpGet", "path"), "/livez"},
		{"readiness probe", at(container, "readinessProbe", "httpGet", "path"), "/readyz"},
		{"namespace", load(t, "kustomization.yaml")["namespace"], at(all["Namespace"], "metadata", "name")},
		{"image", at(load(t, "kustomization.yaml"), "images", "0", "name"), at(container, "image")},
		{"configuration", at(d, "spec", "template", "spec", "volumes", "0", "configMap", "name"), at(load(t, "kustomization.yaml"), "configMapGenerator", "0", "name")},
		{"file of the configuration", at(container, "env", "0", "value"), at(container, "volumeMounts", "0", "mountPath").(string) + "/countersign.yaml"},
	}
	for _, fact := range facts {
		if fact.got != fact.want {
			t.Errorf("%s: %v, want %v", fact.what, fact.got, fact.want)
		}
	}
	if failures := at(container, "readinessProbe", "failureThreshold").(uint64); failures < 2 {
		t.Errorf("%d failed check of readiness moves the traffic", failures)
	}
	if least := at(all["HorizontalPodAutoscaler"], "spec", "minReplicas").(uint64); least < 2 {
		t.Errorf("%d replicas are not enough to take one away", least)
	}
}

// The namespace enforces the restricted Pod Security Standard, so the pod must meet it.
func TestPodIsRestricted(t *testing.T) {
	pod := at(manifests(t)["Deployment"], "spec", "template", "spec")
	container := at(pod, "containers", "0")
	facts := []struct {
		what      string
		got, want any
	}{
		{"runs as root", at(pod, "securityContext", "runAsNonRoot"), true},
		{"user", at(pod, "securityContext", "runAsUser"), uint64(65532)},
		{"seccomp profile", at(pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault"},
		{"token of the account", at(pod, "automountServiceAccountToken"), false},
		{"privilege escalation", at(container, "securityContext", "allowPrivilegeEscalation"), false},
		{"read-only root", at(container, "securityContext", "readOnlyRootFilesystem"), true},
		{"dropped capabilities", at(container, "securityContext", "capabilities", "drop", "0"), "ALL"},
		{"limit of memory", at(container, "resources", "limits", "memory"), "256Mi"},
	}
	for _, fact := range facts {
		if fact.got != fact.want {
			t.Errorf("%s: %v, want %v", fact.what, fact.got, fact.want)
		}
	}
	if !strings.Contains(string(read(t, "../../Dockerfile")), "USER 65532:65532") {
		t.Error("the image runs as another user")
	}
	grace := at(pod, "terminationGracePeriodSeconds").(uint64)
	wait := at(container, "lifecycle", "preStop", "sleep", "seconds").(uint64)
	if drain := uint64(25); grace < wait+drain+5 {
		t.Errorf("a pod gets %d s to end, want at least %d + %d + 5", grace, wait, drain)
	}
}

func TestConfigurationIsRight(t *testing.T) {
	env := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	c, err := config.Load(config.Sources{FileName: "countersign.yaml", File: read(t, "countersign.yaml"), Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Profiles) != 1 || len(c.APIKeys) != 1 {
		t.Errorf("there are %d profiles and %d keys, want one of each", len(c.Profiles), len(c.APIKeys))
	}
}

// What no document of Kubernetes knows would be dropped without a word.
func TestNoNameIsMisspelt(t *testing.T) {
	known := strings.Fields(`apiVersion kind metadata name labels spec selector matchLabels app.kubernetes.io/name strategy rollingUpdate maxUnavailable maxSurge template
		serviceAccountName automountServiceAccountToken terminationGracePeriodSeconds securityContext runAsNonRoot runAsUser runAsGroup seccompProfile type
		topologySpreadConstraints maxSkew topologyKey whenUnsatisfiable labelSelector containers image ports containerPort env value envFrom secretRef optional resources requests limits
		cpu memory allowPrivilegeEscalation readOnlyRootFilesystem capabilities drop livenessProbe readinessProbe httpGet path port periodSeconds failureThreshold lifecycle preStop sleep seconds
		volumeMounts mountPath readOnly volumes configMap targetPort scaleTargetRef minReplicas maxReplicas metrics resource target averageUtilization
		podSelector policyTypes ingress from namespaceSelector countersign/access protocol egress to ipBlock cidr except pod-security.kubernetes.io/enforce`)
	var walk func(string, any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case node:
			for name, child := range v {
				if !slices.Contains(known, name) {
					t.Errorf("%s/%s is not known", path, name)
				}
				walk(path+"/"+name, child)
			}
		case []any:
			for _, child := range v {
				walk(path, child)
			}
		}
	}
	for kind, n := range manifests(t) {
		walk(kind, n)
	}
}
