package reading

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var randomLines = flag.Int("lines", 40, "how many random curl lines to compare with the curl of this machine")

// The measured lines are in testdata. This test compares random ones with the installed curl, which may be another
// version: a few in every run, and many with -lines 10000.
func TestCurl_RandomLinesAgainstTheInstalledCurl(t *testing.T) {
	if err := exec.Command("bash", "-c", "curl -q --json 1 --version").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no bash with curl 7.82 or later on this machine; CI must compare random lines with it")
		}
		t.Skip("NOT CHECKED against curl: this machine has no bash with a curl of 7.82 or later")
	}
	r := rand.New(rand.NewPCG(21, 25))
	var lines []string
	var script strings.Builder
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	fmt.Fprintf(&script, "curl() { command curl -q -s -m 5 --connect-to ::%s \"$@\"; }\n", listener.Addr())
	for i := range *randomLines {
		lines = append(lines, randomCurl(r, i))
		script.WriteString(lines[i] + "\n")
	}
	sent := map[int][]sentRequest{}
	var mutex sync.Mutex
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			got, ok := capture(conn)
			if fields := strings.Split(got.Target, "/"); ok && len(fields) > 1 {
				n, _ := strconv.Atoi(fields[1])
				mutex.Lock()
				sent[n] = append(sent[n], got)
				mutex.Unlock()
			}
		}
	}()
	cmd := exec.Command("bash")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + cmd.Dir}
	cmd.Stdin = strings.NewReader(script.String())
	_ = cmd.Run()
	mutex.Lock()
	defer mutex.Unlock()
	for i, line := range lines {
		compareSent(t, line, sent[i])
	}
	t.Logf("%d lines, %d sent something", len(lines), len(sent))
}

// randomCurl returns a line with random options in random quoting.
func randomCurl(r *rand.Rand, n int) string {
	value := func() string { // only characters that a header can hold
		return strings.NewReplacer("\n", "", "\r", "", "\t", " ").Replace(randomWord(r))
	}
	data := func() string { return strings.TrimLeft(randomWord(r), "@") }
	parts := []string{
		"-g",
		quoteBash(
			r,
			fmt.Sprintf("http://h.example/%d/%s", n, pick(r, "", "a", "a/../b", "./c", "ü", "it's?x=%2B&y=ü", "?a=1#f", "%41?b=c+d", "x//y/..")),
		),
	}
	options := []func(){
		func() { parts = append(parts, "-X", quoteBash(r, pick(r, "PUT", "DELETE", "PATCH", "POST"))) },
		func() { parts = append(parts, "-H"+quoteBash(r, "X-R"+strconv.Itoa(r.IntN(3))+": "+value())) },
		func() {
			parts = append(
				parts, "--header",
				quoteBash(r, pick(r, "Accept: a/b", "Accept:", "Content-Type: x/y", "content-type:", "X-E;", "User-Agent: u", "Authorization: own")),
			)
		},
		func() { parts = append(parts, pick(r, "-d", "--data-binary", "--data-ascii"), quoteBash(r, data())) },
		func() { parts = append(parts, "--data-raw", quoteBash(r, randomWord(r))) },
		func() {
			parts = append(parts, "--data-urlencode", quoteBash(r, pick(r, "", "n", "q")+"="+strings.ReplaceAll(data(), "@", "")))
		},
		func() { parts = append(parts, "-A", quoteBash(r, "agent/"+value())) },
		func() {
			parts = append(parts, "-e", quoteBash(r, "http://r.example/"+strings.ReplaceAll(value(), ";", "")))
		},
		func() { parts = append(parts, "-b", quoteBash(r, "c=v"+strconv.Itoa(r.IntN(99)))) },
		func() { parts = append(parts, "-u", quoteBash(r, "user:"+value())) },
		func() {
			parts = append(parts, pick(r, "-s", "-sS", "-k", "-i", "--compressed", "-m 5", "-o /dev/null", "--http1.1"))
		},
		func() { parts = append(parts, "--json", quoteBash(r, data())) },
		func() { parts = append(parts, "-G") },
	}
	for range r.IntN(5) {
		options[r.IntN(len(options))]()
	}
	line := "curl"
	for _, part := range parts {
		line += pick(r, " ", " ", "  ", " \\\n  ") + part
	}
	return line
}
