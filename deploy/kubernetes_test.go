package deploy_test

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
	"time"

	"countersign/config"

	"github.com/goccy/go-yaml"
)

type node = map[string]any

func readKubernetes(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("kubernetes", path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// loadManifest reads a file with one document and no duplicate names.
func loadManifest(t *testing.T, path string) node {
	t.Helper()
	var n node
	decoder := yaml.NewDecoder(bytes.NewReader(readKubernetes(t, path)), yaml.DisallowUnknownField())
	if err := decoder.Decode(&n); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("%s contains more than one document", path)
	}
	return n
}

// at returns the value at a path; numbers are indexes.
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
	for _, name := range at(loadManifest(t, "kustomization.yaml"), "resources").([]any) {
		n := loadManifest(t, name.(string))
		kind := n["kind"].(string)
		if all[kind] != nil {
			t.Errorf("there are two manifests of kind %s", kind)
		}
		all[kind] = n
	}
	return all
}

func TestKustomization_NamesEveryFile(t *testing.T) {
	k := loadManifest(t, "kustomization.yaml")
	named := []string{"kustomization.yaml"}
	for _, list := range []any{k["resources"], at(k, "configMapGenerator", "0", "files")} {
		for _, name := range list.([]any) {
			named = append(named, name.(string))
		}
	}
	found, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range found {
		found[i] = filepath.Base(name)
	}
	slices.Sort(named)
	if !slices.Equal(named, found) {
		t.Errorf("kustomization.yaml names %q, want %q", named, found)
	}
}

func TestManifests_AreOneApplication(t *testing.T) {
	all := manifests(t)
	kinds := []string{
		"Deployment", "HorizontalPodAutoscaler", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount",
	}
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, kinds) {
		t.Fatalf("the manifests have the kinds %q, want %q", got, kinds)
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
		{"namespace", loadManifest(t, "kustomization.yaml")["namespace"], at(all["Namespace"], "metadata", "name")},
		{"image", at(loadManifest(t, "kustomization.yaml"), "images", "0", "name"), at(container, "image")},
		{
			"configuration", at(d, "spec", "template", "spec", "volumes", "0", "configMap", "name"),
			at(loadManifest(t, "kustomization.yaml"), "configMapGenerator", "0", "name"),
		},
		{
			"file of the configuration", at(container, "env", "0", "value"),
			at(container, "volumeMounts", "0", "mountPath").(string) + "/countersign.yaml",
		},
	}
	for _, fact := range facts {
		if fact.got != fact.want {
			t.Errorf("%s: %v, want %v", fact.what, fact.got, fact.want)
		}
	}
	if failures := at(container, "readinessProbe", "failureThreshold").(uint64); failures < 2 {
		t.Errorf("%d failed readiness checks stop the traffic", failures)
	}
	if least := at(all["HorizontalPodAutoscaler"], "spec", "minReplicas").(uint64); least < 2 {
		t.Errorf("%d replicas are too few to remove one", least)
	}
}

// The namespace enforces the restricted Pod Security Standard, so the pod must meet it.
func TestPod_IsRestricted(t *testing.T) {
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
	if !strings.Contains(string(readKubernetes(t, "../../Dockerfile")), "USER 65532:65532") {
		t.Error("the image runs as a different user")
	}
	if at(container, "lifecycle") != nil {
		t.Error("a hook delays SIGTERM; use shutdown_delay instead")
	}
}

func TestConfiguration_IsValid(t *testing.T) {
	c := configuration(t, render(t, false))
	if len(c.Profiles) != 1 || len(c.APIKeys) != 1 {
		t.Errorf("there are %d profiles and %d keys, want one of each", len(c.Profiles), len(c.APIKeys))
	}
	grace := time.Duration(at(manifests(t)["Deployment"], "spec", "template", "spec", "terminationGracePeriodSeconds").(uint64)) * time.Second
	drain := time.Duration(c.DrainSeconds) * time.Second
	if c.ShutdownDelay != 5*time.Second || grace < c.ShutdownDelay+drain+5*time.Second {
		t.Errorf("a pod has %v to stop, want at least shutdown_delay %v + drain_seconds %v + 5s", grace, c.ShutdownDelay, drain)
	}
}

// Large bodies plus the program's other memory must stay below GOMEMLIMIT, which must stay below the pod's limit, and the largest
// body must not be rejected for its size.
func TestMemory_FitsTheLimit(t *testing.T) {
	const idle, timesSize = 64 << 20, 8
	p := render(t, false)
	c := configuration(t, p)
	text, ok := strings.CutSuffix(p.env["GOMEMLIMIT"], "MiB")
	soft, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil {
		t.Fatalf("GOMEMLIMIT is %q", p.env["GOMEMLIMIT"])
	}
	soft <<= 20
	if limit := int64(p.limit) << 20; c.MaxBytes+idle > soft || soft > limit*8/10 {
		t.Errorf("max_bytes %d + %d, GOMEMLIMIT %d, 8/10 of the limit %d: want ascending order", c.MaxBytes, idle, soft, limit*8/10)
	}
	if c.MaxBodyBytes*timesSize > c.MaxBytes {
		t.Errorf("max_bytes %d is less than %d times max_body_bytes %d", c.MaxBytes, timesSize, c.MaxBodyBytes)
	}
}

// configuration returns the configuration that the program reads in the pod.
func configuration(t *testing.T, p *pod) config.Config {
	t.Helper()
	c, err := config.Load(config.Sources{
		FileName: p.env["COUNTERSIGN_CONFIG"], File: []byte(p.files["countersign.yaml"]), Getenv: func(name string) string { return p.env[name] },
		Environ: p.environ(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Kubernetes would silently ignore fields that it does not know.
func TestManifests_HaveKnownFields(t *testing.T) {
	known := strings.Fields(`
		apiVersion kind metadata name labels spec selector matchLabels app.kubernetes.io/name strategy rollingUpdate maxUnavailable
		maxSurge template serviceAccountName automountServiceAccountToken terminationGracePeriodSeconds securityContext runAsNonRoot
		runAsUser runAsGroup seccompProfile type topologySpreadConstraints maxSkew topologyKey whenUnsatisfiable labelSelector
		containers image ports containerPort env value envFrom secretRef optional resources requests limits cpu memory
		allowPrivilegeEscalation readOnlyRootFilesystem capabilities drop livenessProbe readinessProbe httpGet path port
		periodSeconds failureThreshold enableServiceLinks volumeMounts mountPath readOnly volumes configMap emptyDir sizeLimit
		targetPort scaleTargetRef
		minReplicas maxReplicas metrics resource target averageUtilization podSelector policyTypes ingress from namespaceSelector
		countersign/access protocol egress to ipBlock cidr except pod-security.kubernetes.io/enforce`)
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
