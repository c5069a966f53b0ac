package reading

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "record again what curl sends (needs bash and curl)")

// sentRequest is what curl put on the wire.
type sentRequest struct {
	Method  string   `json:"method"`
	Target  string   `json:"target"`
	Headers []string `json:"headers"` // name: value, without the headers of curl's connection
	Body    string   `json:"body,omitempty"`
}

// curlLine is a command line as people write it, with what curl 7.88.1 under bash 5.2 sent.
type curlLine struct {
	Line string        `json:"line"`
	Sent []sentRequest `json:"sent"`
}

func TestCurl_ReadsWhatRealCurlSends(t *testing.T) {
	lines := readLines(t, "testdata/curl.txt")
	if *update {
		var measured []curlLine
		for _, line := range lines {
			measured = append(measured, curlLine{line, realCurl(t, line)})
		}
		writeJSON(t, "testdata/curl.json", measured)
	}
	var golden []curlLine
	readJSONFile(t, "testdata/curl.json", &golden)
	if len(golden) != len(lines) || len(golden) < 200 {
		t.Fatalf("%d lines are measured of %d written; at least 200 are needed", len(golden), len(lines))
	}
	for i, g := range golden {
		if g.Line != lines[i] {
			t.Fatalf("line %d was not measured; run go test ./reading -run Curl_Reads -update", i+1)
		}
		compareSent(t, g.Line, g.Sent)
	}
}

// compareSent compares what is read from a line with what was sent for it. If curl sent nothing, an error must say
// that the line is wrong.
func compareSent(t *testing.T, line string, sent []sentRequest) {
	t.Helper()
	r := Read(line)
	failed := slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Error })
	if len(sent) == 0 {
		if !failed {
			t.Errorf("curl refuses %s\nread as %v", line, r.Exchanges)
		}
		return
	}
	if failed {
		t.Errorf("%s\nrefused: %v", line, r.Notes)
		return
	}
	if len(r.Exchanges) != len(sent) {
		t.Errorf("%s\n%d requests, curl sent %d", line, len(r.Exchanges), len(sent))
		return
	}
	for i, want := range sent {
		if got := asSent(r.Exchanges[i].Request); !equalSent(got, want) {
			t.Errorf("%s\nread %+v\nsent %+v", line, got, want)
		}
	}
}

func asSent(q *Request) sentRequest {
	_, rest, _ := strings.Cut(q.URL.Text(), "://")
	i := strings.IndexAny(rest, "/?")
	target := "/"
	if i >= 0 {
		target = rest[i:]
	}
	if strings.HasPrefix(target, "?") {
		target = "/" + target
	}
	got := sentRequest{Method: q.Method.Text(), Target: target, Body: q.Body.Content.Text()}
	for _, h := range q.Headers {
		if h.Implied && h.Name.Text() == "Accept-Encoding" {
			continue // the list depends on the build
		}
		got.Headers = append(got.Headers, h.Name.Text()+": "+strings.TrimSpace(h.Value.Text()))
	}
	return got
}

func equalSent(a, b sentRequest) bool {
	slices.Sort(a.Headers)
	b.Headers = slices.Clone(b.Headers)
	slices.Sort(b.Headers)
	return a.Method == b.Method && a.Target == b.Target && a.Body == b.Body && slices.Equal(a.Headers, b.Headers)
}

// realCurl runs a line under bash, with curl's connections redirected to a listener.
func realCurl(t *testing.T, line string) []sentRequest {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mutex sync.Mutex
	var sent []sentRequest
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			if got, ok := capture(conn); ok {
				sent = append(sent, got)
			}
			mutex.Unlock()
		}
	}()
	script := "curl() { command curl -q -sS -m 3 --connect-to ::" + listener.Addr().String() + " \"$@\"; }\n" + line + "\n"
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + cmd.Dir}
	_ = cmd.Run() // curl's own refusals are also results
	mutex.Lock()
	defer mutex.Unlock()
	listener.Close()
	return sent
}

// capture reads one request as it is on the wire, without an HTTP library.
func capture(conn net.Conn) (sentRequest, bool) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	var got sentRequest
	first, err := r.ReadString('\n')
	if err != nil {
		return got, false
	}
	parts := strings.Split(strings.TrimSpace(first), " ")
	got.Method, got.Target = parts[0], strings.Join(parts[1:len(parts)-1], " ")
	length := 0
	for {
		line, err := r.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		if err != nil || line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.EqualFold(name, "Content-Length"):
			_ = json.Unmarshal([]byte(value), &length)
			continue
		case name == "User-Agent" && strings.HasPrefix(value, "curl/"), name == "Connection", name == "TE", name == "Expect",
			name == "Host" && !strings.HasPrefix(value, "shown."), name == "Accept-Encoding" && strings.HasPrefix(value, "deflate, gzip"):
			continue
		}
		got.Headers = append(got.Headers, name+": "+value)
	}
	if length > 0 {
		body := make([]byte, length)
		_, _ = io.ReadFull(r, body)
		got.Body = string(body)
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 "+http.StatusText(200)+"\r\n")
	return got, true
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for part := range strings.SplitSeq(string(data), "\n%\n") {
		if part = strings.TrimSuffix(part, "\n%"); strings.TrimSpace(part) != "" {
			lines = append(lines, strings.TrimSuffix(part, "\n"))
		}
	}
	return lines
}

func readJSONFile(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeJSON(t *testing.T, name string, value any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
