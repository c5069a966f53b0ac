package handlers_test

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// targets are URLs to which no request may go: addresses in every spelling, names that are not AWS's, and AWS hosts
// that accept no signature.
func targets(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.0.1.", "localhost", "localhost.", "LOCALHOST",
		"169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376", "169.254.169.254.nip.io",
		"metadata.google.internal",
		"169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "0",
		"255.255.255.255", "224.0.0.1", "198.18.0.1", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]", "[ff02::1]",
		"[::127.0.0.1]", "①②⑦.⓪.⓪.①", "169。254。169。254", "１６９.254.169.254", "instance-data", "instance-data.ec2.internal",
		"kubernetes.default.svc",
		"evil.example.com", "s3.amazonaws.com.evil.example.com", "s3.eu-west-1.amazonaws.com.evil.example.com", "evilamazonaws.com",
		"amazonaws.com",
		"s3.eu-west-1.amazonaws.com@evil.example.com", "evil.example.com#s3.eu-west-1.amazonaws.com",
		`evil.example.com\.s3.eu-west-1.amazonaws.com`,
		"s3.eu-west-1.amazonaws.com.", "s3.eu-west-1.amazonaws.com:0", "s3.eu-west-1.amazonaws.com:99999", "s3.eu-west-1.amazonaws.com:",
		"s3..amazonaws.com",
		"ec2-1-2-3-4.compute.amazonaws.com", "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "ip-10-0-0-1.eu-west-1.compute.internal",
		"vpce-svc-0123456789abcdef0.eu-west-1.vpce.amazonaws.com", "%31%32%37.0.0.1", "s3.eu-west-1.amazonaws.com%00.evil.example.com",
		"s3.eu-west-1.amazonaws.com%2eevil.example.com", "s3.eu-west-1.amazonaws.com\tevil.example.com",
		"s3.eu-west-1.amazonaws.com evil.example.com",
	} {
		list = append(list, "https://"+host+"/latest/meta-data/")
	}
	list = append(list, []string{
		"http://s3.eu-west-1.amazonaws.com/", "http://169.254.169.254/latest/" +
			"meta-data/", "ftp://s3.eu-west-1.amazonaws.com/", "file:///etc/passwd",
		"gopher://127.0.0.1:6379/_x", "unix:///var/run/docker.sock", "//169.254.169.254/", "/latest/meta-data/", "https:169.254.169.254/",
		"https:///169.254.169.254/",
		"https://user:secret@s3.eu-west-1.amazonaws.com/", "jar:https://s3.eu-west-1.amazonaws.com!/",
		"https://169.254.169.254\\@s3.eu-west-1.amazonaws.com/", "",
	}...)
	hosts, err := os.Open("../endpoints/testdata/hosts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer hosts.Close()
	unsigned := 0
	for lines := bufio.NewScanner(hosts); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "not-sigv4" {
			list = append(list, "https://"+fields[1]+"/")
			unsigned++
		}
	}
	if unsigned < 94 {
		t.Fatalf("%d hosts that take no signature", unsigned)
	}
	return list
}

// Giving a service, a region or a Host header does not make another host reachable.
func TestSend_ConnectsToNoOtherHost(t *testing.T) {
	s := newSendServer(t, responds(200, "{}", "Content-Type", "application/json"), nil)
	list := targets(t)
	refused := map[string]int{}
	for _, target := range list {
		if slices.Contains([]string{
			"https://s3.eu-west-1.amazonaws.com./latest/meta-data/", "https://s3.eu-west-1.amazonaws.com:/latest/meta-data/",
		}, target) {
			continue // another spelling of an allowed target, or refused as one
		}
		for _, extra := range []string{
			"", `,"service":"s3","region":"eu-west-1"`,
			`,"service":"s3","region":"eu-west-1","headers":{"Host":"s3.eu-west-1.amazonaws.com"}`,
		} {
			url, err := json.Marshal(target)
			if err != nil {
				t.Fatal(err)
			}
			w := s.postPlain("/v1/send", `{"method":"GET","url":`+string(url)+extra+`}`)
			if w.Code < 400 || w.Code >= 500 {
				t.Errorf("%s%s: %d %s", target, extra, w.Code, w.Body)
			}
			refused[decodeAs[refusedDocument](t, w.Body).Code]++
		}
	}
	if len(list) < 120 || s.arrived.Load() > 0 {
		t.Errorf("%d targets, %d requests arrived", len(list), s.arrived.Load())
	}
	if len(s.audit.list) > 0 {
		t.Errorf("%d records of signatures", len(s.audit.list))
	}
	t.Logf("%d targets: %v", len(list), refused)
}

// A redirect is reported and not followed.
func TestSend_FollowsNoRedirect(t *testing.T) {
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	came := make(chan struct{}, 1)
	go func() {
		if conn, err := elsewhere.Accept(); err == nil {
			_ = conn.Close()
			came <- struct{}{}
		}
	}()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newSendServer(t, responds(status, "", "Location", "http://"+elsewhere.Addr().String()+"/"), nil)
		s.fails("", 400, "aws_redirected")
		if n := s.arrived.Load(); n != 1 {
			t.Errorf("%d: %d requests", status, n)
		}
	}
	select {
	case <-came:
		t.Error("the redirect was followed")
	default:
	}
}
