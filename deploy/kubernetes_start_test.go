package deploy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/internal/freeport"
	"countersign/internal/measure"
	"countersign/internal/testbuild"
	"countersign/sandbox"
)

const (
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	apiKey = "EXAMPLE-key-that-opens-nothing"
)

// pod is what the manifests provide to the program.
type pod struct {
	env   map[string]string
	args  []string
	limit uint64            // of memory, in MiB
	files map[string]string // in the ConfigMap, by name
	dir   string            // the directory of the files, instead of the mount path
}

// render does what kustomize and the kubelet do. Anything it does not know fails the test.
func render(t *testing.T, links bool) *pod {
	t.Helper()
	all := manifests(t)
	spec := at(all["Deployment"], "spec", "template", "spec").(node)
	container := at(spec, "containers", "0").(node)
	p := &pod{env: kubernetesVariables("KUBERNETES", "10.0.0.1", "https", 443), files: map[string]string{}, dir: t.TempDir()}
	if links {
		service := all["Service"]
		port := at(service, "spec", "ports", "0").(node)
		name := strings.ToUpper(strings.ReplaceAll(at(service, "metadata", "name").(string), "-", "_"))
		for key, value := range kubernetesVariables(name, "10.0.171.23", port["name"].(string), port["port"].(uint64)) {
			p.env[key] = value
		}
	}
	for _, from := range list(container["envFrom"]) {
		if at(from, "secretRef", "name") != "countersign" || len(from.(node)) != 1 {
			t.Fatalf("envFrom: %v is not known", from)
		}
		p.env["AWS_ACCESS_KEY_ID"], p.env["AWS_SECRET_ACCESS_KEY"] = keyID, secret // as docs/containers.md creates it
	}
	for _, entry := range list(container["env"]) {
		value, ok := at(entry, "value").(string)
		if !ok {
			t.Fatalf("env: %v has no string value", entry)
		}
		p.env[at(entry, "name").(string)] = value
	}
	p.args = imageCommand(t)
	for _, name := range []string{"command", "args", "workingDir"} {
		if container[name] != nil {
			t.Fatalf("the container's %s is not known", name)
		}
	}
	p.mount(t, spec, container)
	limit, ok := strings.CutSuffix(at(container, "resources", "limits", "memory").(string), "Mi")
	if p.limit, _ = strconv.ParseUint(limit, 10, 64); !ok {
		t.Fatalf("the memory limit is %sMi", limit)
	}
	return p
}

func list(value any) []any {
	l, _ := value.([]any)
	return l
}

// kubernetesVariables returns the variables that Kubernetes sets for a Service with one port.
func kubernetesVariables(service, ip, portName string, port uint64) map[string]string {
	n := strconv.FormatUint(port, 10)
	address, link := "tcp://"+net.JoinHostPort(ip, n), service+"_PORT_"+n+"_TCP"
	return map[string]string{
		service + "_SERVICE_HOST": ip, service + "_SERVICE_PORT": n, service + "_SERVICE_PORT_" + strings.ToUpper(portName): n,
		service + "_PORT": address, link: address,
		link + "_PROTO": "tcp", link + "_PORT": n, link + "_ADDR": ip,
	}
}

// imageCommand returns the arguments with which the image runs the program.
func imageCommand(t *testing.T) []string {
	t.Helper()
	var parts []string
	for _, name := range []string{"ENTRYPOINT", "CMD"} {
		found := regexp.MustCompile(`(?m)^` + name + ` (\[.*\])$`).FindSubmatch(readKubernetes(t, "../../Dockerfile"))
		var words []string
		if found == nil || json.Unmarshal(found[1], &words) != nil {
			t.Fatalf("the Dockerfile has no %s", name)
		}
		parts = append(parts, words...)
	}
	if parts[0] != "/countersign" {
		t.Fatalf("the image runs %q", parts)
	}
	return parts[1:]
}

// mount writes the files of the ConfigMap into a directory, and makes the variables refer to it instead of the mount path.
func (p *pod) mount(t *testing.T, spec, container node) {
	t.Helper()
	generated := at(loadManifest(t, "kustomization.yaml"), "configMapGenerator", "0").(node)
	volumes, mounts := list(spec["volumes"]), list(container["volumeMounts"])
	if len(volumes) != 2 || len(mounts) != 2 || at(volumes, "0", "name") != at(mounts, "0", "name") ||
		at(volumes, "0", "configMap", "name") != generated["name"] {
		t.Fatalf("volumes %v, mounts %v: want the ConfigMap %v first, of two", volumes, mounts, generated["name"])
	}
	// Sending needs a writable directory; the rest of the file system is read-only.
	if at(volumes, "1", "name") != at(mounts, "1", "name") || at(volumes, "1", "emptyDir") == nil || at(mounts, "1", "mountPath") != "/tmp" {
		t.Errorf("volume %v is mounted as %v: want an empty directory as /tmp", volumes[1], mounts[1])
	}
	for _, file := range list(generated["files"]) {
		p.files[file.(string)] = string(readKubernetes(t, file.(string)))
	}
	path := at(mounts, "0", "mountPath").(string)
	for name, value := range p.env {
		p.env[name] = strings.Replace(value, path+"/", p.dir+"/", 1)
	}
}

func (p *pod) environ() []string {
	var list []string
	for name, value := range p.env {
		list = append(list, name+"="+value)
	}
	return list
}

// program is the program, running as it does in the pod.
type running struct {
	t       *testing.T
	base    string
	process *exec.Cmd
	output  *bytes.Buffer // complete once the program has exited
}

// start runs the program with only the environment, the arguments and the files of the pod, except for PORT: the pod's port may
// be in use on this machine.
func (p *pod) start(t *testing.T, binary string) *running {
	t.Helper()
	for name, text := range p.files {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port, err := freeport.Next()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), binary, p.args...)
	r := &running{t: t, base: "http://127.0.0.1:" + port, process: process, output: &bytes.Buffer{}}
	r.process.Env = append(p.environ(), "PORT="+port)
	r.process.Dir = "/"
	r.process.Stdout, r.process.Stderr = r.output, r.output
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = r.process.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = r.process.Process.Signal(os.Interrupt)
		<-ended
		if t.Failed() {
			t.Logf("the program printed:\n%s", r.output)
		}
	})
	for {
		if r.status(http.MethodGet, "/livez", "", "") == http.StatusOK {
			return r
		}
		select {
		case <-ended:
			t.Fatalf("the program exited with %d", r.process.ProcessState.ExitCode())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ask sends a request and returns the status and body of the response, or 0 if there was none.
func (r *running) ask(method, path, key, body string) (int, string) {
	request, err := http.NewRequestWithContext(context.Background(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func (r *running) status(method, path, key, body string) int {
	status, _ := r.ask(method, path, key, body)
	return status
}

const toSign = `{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/","body":"Action=ListQueues"}`

func TestManifests_StartTheProgram(t *testing.T) {
	binary, err := testbuild.Executable(t.Context(), "..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if at(manifests(t)["Deployment"], "spec", "template", "spec", "enableServiceLinks") != false {
		t.Error("enableServiceLinks is not false")
	}
	for name, links := range map[string]bool{"as they are": false, "with service links": true} {
		t.Run(name, func(t *testing.T) {
			p := render(t, links)
			port := at(manifests(t)["Deployment"], "spec", "template", "spec", "containers", "0", "ports", "0", "containerPort")
			if c := configuration(t, p); fmt.Sprint(c.Port) != fmt.Sprint(port) {
				t.Errorf("the program listens on %d, but the container's port is %v", c.Port, port)
			}
			r := p.start(t, binary)
			if status, text := r.ask(http.MethodGet, "/readyz", "", ""); status != http.StatusOK {
				t.Errorf("/readyz: %d %s", status, text)
			}
			if status, text := r.ask(http.MethodPost, "/v1/sign", apiKey, toSign); status != http.StatusUnauthorized ||
				!strings.Contains(text, `"code":"`) {
				t.Errorf("a caller without a valid key: %d %s", status, text)
			}
		})
	}
	t.Run("set up as the guide says", func(t *testing.T) { testGuide(t, binary) })
}

// testGuide puts the hash of a key in place of the zeros, and uses an STS that accepts the keys of the Secret.
func testGuide(t *testing.T, binary string) {
	p := render(t, false)
	role := regexp.MustCompile(`role_arn: (\S+)`).FindStringSubmatch(p.files["countersign.yaml"])
	hash, zeros := sha256.Sum256([]byte(apiKey)), strings.Repeat("0", 64)
	if role == nil || strings.Count(p.files["countersign.yaml"], zeros) != 1 {
		t.Fatal("countersign.yaml has no role, or no placeholder for the hash")
	}
	aws, err := sandbox.New(sandbox.Options{
		Now: time.Now, Region: "eu-west-1", Users: []sandbox.User{
			{ARN: sandbox.UserARN, AccessKeyID: keyID, SecretAccessKey: secret},
		}, Roles: []sandbox.Role{{ARN: role[1]}},
	}).Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = aws.Close() }()
	p.files["countersign.yaml"] = strings.Replace(p.files["countersign.yaml"], zeros, hex.EncodeToString(hash[:]), 1)
	p.env["AWS_ENDPOINT_URL_STS"] = aws.STSURL
	r := p.start(t, binary)
	if status, text := r.ask(http.MethodPost, "/v1/sign", apiKey, toSign); status != http.StatusOK ||
		!strings.Contains(text, "AWS4-HMAC-SHA256") {
		t.Errorf("signing: %d %s", status, text)
	}
	r.fill(p.limit)
	if status, text := r.ask(http.MethodGet, "/readyz", "", ""); status != http.StatusOK {
		t.Errorf("/readyz: %d %s", status, text)
	}
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// That the pod keeps serving until its removal from the endpoints has spread is up to the program, and tested there.
	for r.status(http.MethodGet, "/readyz", "", "") == http.StatusOK {
		time.Sleep(10 * time.Millisecond)
	}
	if status, text := r.ask(http.MethodPost, "/v1/sign", apiKey, toSign); status != http.StatusOK {
		t.Errorf("just after SIGTERM: %d %s", status, text)
	}
}

// fill sends as many large bodies at once as a busy moment may bring. A pod that needs more than the limit is killed.
func (r *running) fill(limit uint64) {
	const bodies, size = 28, 9 << 20
	body := `{"method":"PUT","url":"https://inbox.s3.eu-west-1.amazonaws.com/k","body":"` + strings.Repeat("x", size) + `"}`
	var signed, busy atomic.Int64
	var done sync.WaitGroup
	for range bodies {
		done.Go(func() {
			switch status, text := r.ask(http.MethodPost, "/v1/sign", apiKey, body); status {
			case http.StatusOK:
				signed.Add(1)
			case http.StatusServiceUnavailable:
				busy.Add(1)
			default:
				r.t.Errorf("a large body: %d %.200s", status, text)
			}
		})
	}
	done.Wait()
	peak := r.peak()
	r.t.Logf(
		"%d bodies of 9 MiB at once: %d signed, %d told that the service is busy; %.0f MiB at most, the limit is %d", bodies,
		signed.Load(), busy.Load(), peak, limit,
	)
	if signed.Load() == 0 || peak > float64(limit)*15/16 {
		r.t.Errorf("%d signed; peak %.0f MiB, limit of the pod %d", signed.Load(), peak, limit)
	}
}

// peak returns the largest resident size of the process so far in MiB, or 0, visibly, on systems other than Linux.
func (r *running) peak() float64 {
	r.t.Helper()
	if runtime.GOOS != "linux" {
		r.t.Log("NOT CHECKED: memory, which can only be read on Linux")
		return 0
	}
	mib, err := measure.PeakOf(r.process.Process.Pid)
	if err != nil {
		r.t.Fatal(err)
	}
	return mib
}
