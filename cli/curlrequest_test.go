package cli

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// curlLines are curl commands as people copy them; each is signed as this machine's curl sends it.
const curlLines = `
curl https://api.example.com/orders
curl https://api.example.com
curl -d a=1 -d b=2 https://api.example.com/orders
curl -d '' https://api.example.com/orders
curl -d "" -X PUT https://api.example.com/orders
curl -X POST https://api.example.com/orders
curl -X DELETE 'https://api.example.com/orders/1042?force=true'
curl -XPATCH -d '{"paid":true}' -H 'Content-Type: application/json' https://api.example.com/orders/1042
curl -G -d 'q=a%20b' --data-urlencode 'note=x & y' https://api.example.com/search
curl -G --data-urlencode "q=grüße" 'https://api.example.com/search?page=2'
curl --get -d a=1 https://api.example.com/?b=2
curl --data-raw '@handle' https://api.example.com/say
curl --data-binary @body.json -H "Content-Type: application/json" https://api.example.com/orders
curl -d @body.json https://api.example.com/orders
curl --data-urlencode 'text=a+b&c=d' https://api.example.com/form
curl --data-urlencode '=100%' https://api.example.com/form
curl --data-urlencode note@body.json https://api.example.com/form
curl --data-urlencode @body.json https://api.example.com/form
curl --json '{"order":1042}' https://api.example.com/orders
curl --json '{"a":' --json '1}' https://api.example.com/orders
curl --json @body.json -H 'Accept: text/plain' https://api.example.com/orders
curl -s -S -L --compressed -m 5 -o /dev/null https://api.example.com/orders
curl -vk https://api.example.com/orders
curl -H 'X-Tenant: acme' -H 'X-Empty;' -H 'Accept:' https://api.example.com/orders
curl -H 'Content-Type:' -d raw https://api.example.com/orders
curl -H 'content-type: text/plain' -d raw https://api.example.com/orders
curl -A 'my-tool/1.0' -e https://www.example.com/ https://api.example.com/orders
curl -b 'session=abc; theme=dark' https://api.example.com/orders
curl -r 0-99 https://api.example.com/file
curl -I https://api.example.com/file
curl --head 'https://api.example.com/file?versionId=1'
curl -T body.json https://api.example.com/files/
curl -T body.json https://api.example.com/files/other.json
curl -H @headers.txt https://api.example.com/orders
curl --request POST --url https://api.example.com/orders --header 'content-type: application/json' --data '{"a":1}'
curl 'https://api.example.com/a%20b/c+d/(e)?f=g%2Fh&i'
curl 'https://api.example.com/grüße/ünder?straße=1'
curl -g 'https://api.example.com/items?filter[name]=x&ids={1}'
curl https://api.example.com/a/../b/./c
curl --path-as-is https://api.example.com/a%2Fb/c
curl --aws-sigv4 aws:amz:eu-west-1:execute-api -u 'AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG' -d a=1 https://api.example.com/orders
curl --aws-sigv4 "aws:amz" --user "AKIDEXAMPLE:wJalr" -H 'x-amz-security-token: TOKEN' https://api.example.com/orders
curl --url-query 'a=b c' https://api.example.com/orders
curl --url-query text@headers.txt --url-query '+raw=%20' 'https://api.example.com/orders?z=1'
curl -r 5 https://api.example.com/file
curl -T . https://api.example.com/files/stdin.txt </dev/null
curl -Z https://api.example.com/orders
curl -sSuAKIDEXAMPLE:wJalr --aws-sigv4 aws:amz:eu-west-1:execute-api https://api.example.com/orders
curl -d 'a=1
b=2' https://api.example.com/orders
curl -X POST https://api.example.com/orders \
  -H 'Content-Type: application/json' \
  -d '{
    "order": 1042
  }'`

// sent is a request as it is on the wire, or as the command would send it.
type sent struct {
	method, path, body string
	query              url.Values
	headers            map[string]string
}

func TestCurlRequest_SignsWhatCurlSends(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI has no curl to compare with")
		}
		t.Skip("NOT CHECKED against curl: this machine has none")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"body.json": "{\"note\":\n\"a b\"}\r\n", "headers.txt": "X-From: file\nX-Two: 2\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	lines := strings.Split(strings.ReplaceAll(curlLines, "\ncurl ", "\x00curl "), "\x00")[1:]
	if len(lines) < 40 {
		t.Fatalf("%d lines", len(lines))
	}
	aws := startSandbox(t)
	for _, line := range lines {
		want, ok := sendByCurl(t, line)
		if !ok {
			t.Errorf("%s\ncurl sent nothing", line)
			continue
		}
		p := program{env: sandboxEnvironment(aws)}
		args := slices.Concat([]string{"sign", "--service", "execute-api"}, words(t, line))
		if !strings.Contains(line, "eu-west-1") {
			args = append(args, "--region", "eu-west-1")
		}
		if code := p.run(t.Context(), args...); code != 0 {
			t.Errorf("%s\nexit code %d: %s", line, code, &p.err)
			continue
		}
		got := signedToSend(t, p.out.String())
		if got.method != want.method || got.path != want.path || got.body != want.body || !maps.EqualFunc(got.query, want.query, slices.Equal) ||
			!maps.Equal(got.headers, want.headers) {
			t.Errorf("%s\ncurl sends  %+v\nsigned was  %+v", line, want, got)
		}
	}
}

func TestCurlRequest_TakesValuesBehindEqualsSigns(t *testing.T) {
	p := program{env: sandboxEnvironment(startSandbox(t))}
	if code := p.run(t.Context(), "sign", "--service=s", "--region=r", "--request=PUT", "--data=a=1", "--url=https://api.example.com/",
		"--header=X-A: 1"); code != 0 {
		t.Fatalf("exit code %d: %s", code, &p.err)
	}
	if got := signedToSend(t, p.out.String()); got.method != "PUT" || got.body != "a=1" || got.headers["X-A"] != "1" {
		t.Errorf("signed %+v", got)
	}
}

// The keys in -u with --aws-sigv4 sign, however -u is written.
func TestCurlRequest_KeysOfUser(t *testing.T) {
	for _, user := range []string{"-u", "-u ", "-sSu ", "-su", "--user ", "--user="} {
		login := user + "AKIDEXAMPLE:wJalr"
		p := program{env: sandboxEnvironment(startSandbox(t))}
		args := append([]string{"sign", "--aws-sigv4", "aws:amz:r:s", "https://api.example.com/"}, strings.Fields(login)...)
		if code := p.run(t.Context(), args...); code != 0 || !strings.Contains(p.out.String(), "Credential=AKIDEXAMPLE/") {
			t.Errorf("%s: exit code %d, %s%s", login, code, &p.out, &p.err)
		}
	}
}

func TestCurlRequest_RefusesByName(t *testing.T) {
	for line, want := range map[string]string{
		"curl -F file=@a https://api.example.com/":             "-F: A multipart form cannot be signed",
		"curl --digest -u a:b https://api.example.com/":        "--digest: ",
		"curl -u me:secret https://api.example.com/":           "--aws-sigv4 aws:amz:REGION:SERVICE",
		"curl --oauth2-bearer abc https://api.example.com/":    "--oauth2-bearer, or a login in the URL",
		"curl -K file https://api.example.com/":                "-K: ",
		"curl --no-such https://api.example.com/":              "--no-such: The command has no such option",
		"curl https://api.example.com/a https://example.com/b": "curl would send 2 requests",
		"curl 'https://api.example.com/{a,b}'":                 "curl makes several requests",
		"curl -d a=1":                                          "no URL",
		"curl -d a=1 -T x https://api.example.com/":            "x: no such file",
		"curl -d @none https://api.example.com/":               "open none: no such file",
		"curl -T - https://api.example.com/a/?x=1":             "-T: This option changes the request",
		"curl --profil x https://api.example.com/":             "Did you mean --profile?",
		"curl --user=a:secret --hedaer x https://api.example.com/": "--hedaer: The command has no such option, " +
			"or it is too new to be known here. Did you mean --header?",
		"curl --silent=secret https://api.example.com/":             "--silent: The command has no such option",
		"curl -I -d a=1 https://api.example.com/":                   "-I: curl takes only one of -I, -T and -d",
		"curl 'https://api.example.com/[1-3]'":                      "URL: curl makes several requests",
		"curl 'https://api.example.com/{{id}}'":                     "URL: curl makes several requests",
		"curl 'https://api.example.com/${id}'":                      "URL: curl makes several requests",
		"curl https://me:secret@api.example.com/":                   "a login in the URL",
		"curl –X POST https://api.example.com/":                     "type - or --",
		"curl --request-target '*' https://api.example.com/":        "--request-target: ",
		"curl --url-query a@none https://api.example.com/":          "open none: no such file",
		"curl -u a:secret --aws-sigv4 osc https://api.example.com/": "--aws-sigv4: Only AWS signatures",
		"curl -sSua:secret https://api.example.com/":                "--aws-sigv4 aws:amz:REGION:SERVICE",
		"curl -o file https://api.example.com/":                     "--output: must be json or curl",
		"curl https://api.example.com/ -X":                          "-X: The option needs a value",
		"curl api.example.com/":                                     "https",
	} {
		p := program{env: sandboxEnvironment(startSandbox(t))}
		if code := p.run(t.Context(), append([]string{
			"sign", "--service", "s", "--region", "r",
		}, words(t, line)...)...); code == 0 || !strings.Contains(p.err.String(), want) {
			t.Errorf("%s\nexit code %d, want %q:\n%s%s", line, code, want, &p.out, &p.err)
		}
		if strings.Contains(p.err.String(), "secret") {
			t.Errorf("%s: the password is repeated: %s", line, &p.err)
		}
	}
}

// words are curl's arguments as a shell divides them.
func words(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-c", `curl() { printf '%s\0' "$@"; }`+"\n"+line).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// sendByCurl sends what a line says with this machine's curl, over HTTP to a listener of ours.
func sendByCurl(t *testing.T, line string) (sent, bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := make(chan *sent, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			got <- nil
			return
		}
		defer conn.Close()
		got <- receive(conn)
	}()
	script := "curl() { command curl -q -m 5 --connect-to " +
		"::" + listener.Addr().String() + " \"$@\"; }\n" + strings.ReplaceAll(line, "https://api", "http://api")
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Logf("%s\n%s", line, out)
	}
	_ = listener.Close()
	s := <-got
	if s == nil {
		return sent{}, false
	}
	return *s, true
}

func receive(conn net.Conn) *sent {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil
	}
	if r.Header.Get("Expect") != "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
	}
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	return newSent(r.Method, r.RequestURI, string(body), r.Header)
}

// signedToSend is the request that sign's document says to send.
func signedToSend(t *testing.T, document string) *sent {
	t.Helper()
	var signed struct {
		Method, URL, Body, BodyBase64 string
		HeaderList                    []struct{ Name, Value string }
	}
	if err := json.Unmarshal([]byte(document), &signed); err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for _, header := range signed.HeaderList {
		h.Add(header.Name, header.Value)
	}
	if raw, err := base64.StdEncoding.DecodeString(signed.BodyBase64); err == nil && len(raw) > 0 {
		signed.Body = string(raw)
	}
	return newSent(signed.Method, strings.TrimPrefix(signed.URL, "https://api.example.com"), signed.Body, h)
}

// newSent keeps what a signature covers, or would cover if it were named: not what connection and sender add.
func newSent(method, target, body string, h http.Header) *sent {
	u, err := url.Parse("http://h" + target)
	if err != nil {
		return nil
	}
	s := &sent{method: method, path: u.Path, body: body, query: u.Query(), headers: map[string]string{}}
	for name, values := range h {
		value := strings.Join(values, ", ")
		switch {
		case slices.Contains(
			[]string{"Host", "Content-Length", "Connection", "Expect", "Accept-Encoding", "Authorization", "X-Amz-Date", "X-Amz-Security-Token"},
			name,
		),
			strings.HasPrefix(name, "X-Amz-Content-"), name == "User-Agent" && strings.HasPrefix(value, "curl/"), name == "Accept" && value == "*/*":
			continue
		}
		s.headers[name] = value
	}
	return s
}
