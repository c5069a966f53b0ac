package sending_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"countersign/sending"
	"countersign/signing"
)

// names is a DNS server for a test. Each lookup of a name returns its next group of
// addresses.
type names struct {
	mu     sync.Mutex
	groups map[string][][]netip.Addr
	asked  map[string]int
}

func (n *names) resolver(t testing.TB) *net.Resolver {
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		wg.Go(func() {
			defer theirs.Close()
			n.serve(theirs)
		})
		return ours, nil
	}}
}

func (n *names) serve(conn net.Conn) {
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil {
			return
		}
		m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeSuccess, nil
		q := m.Questions[0]
		for _, a := range n.of(strings.TrimSuffix(q.Name.String(), "."), q.Type) {
			header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 0}
			var body dnsmessage.ResourceBody
			if a.Is4() {
				body = &dnsmessage.AResource{A: a.As4()}
			} else {
				body = &dnsmessage.AAAAResource{AAAA: a.As16()}
			}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: body})
		}
		response, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(response))), response...)); err != nil {
			return
		}
	}
}

// of returns the addresses for a query. It counts lookups by their IPv4 queries, since each has one.
func (n *names) of(name string, kind dnsmessage.Type) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	groups := n.groups[name]
	if len(groups) == 0 {
		return nil
	}
	group := groups[min(n.asked[name], len(groups)-1)]
	if kind == dnsmessage.TypeA {
		n.asked[name]++
	}
	var found []netip.Addr
	for _, a := range group {
		if a.Is4() && kind == dnsmessage.TypeA || a.Is6() && kind == dnsmessage.TypeAAAA {
			found = append(found, a)
		}
	}
	return found
}

// listenEverywhere counts connections to one port on all addresses of this machine.
func listenEverywhere(t testing.TB) (port string, connections *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int32)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, connections
}

// refusedAddresses are the addresses that no name may resolve to, over https with the
// default options.
const refusedAddresses = `
127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.255 0.0.0.0 0.0.0.1 0.1.2.3 0.255.255.255
169.254.0.1 169.254.169.254 169.254.169.253 169.254.169.123 169.254.170.2 169.254.170.23 169.254.255.255
100.100.100.200 168.63.129.16 192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.171 192.0.0.192 192.0.0.255
198.18.0.0 198.18.0.1 198.19.255.255 192.0.2.1 198.51.100.7 203.0.113.255 192.88.99.1
224.0.0.1 224.0.0.251 239.255.255.250 239.1.2.3 240.0.0.1 250.1.2.3 255.255.255.254 255.255.255.255
:: ::1 ::2 ::7f00:1 ::a9fe:a9fe ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0 ::ffff:168.63.129.16
::ffff:100.100.100.200 ::ffff:224.0.0.1 ::ffff:255.255.255.255 ::ffff:192.0.0.1 ::ffff:198.18.0.1 ::ffff:0:127.0.0.1
fe80::1 fe80::a9fe:a9fe fe80::ffff:ffff:ffff:ffff febf::1 fec0::1 feff::1 ff00::1 ff01::1 ff02::1 ff02::fb ff05::2 ff0e::1
fd00:ec2::254 fd00:ec2::253 fd00:ec2::123 fd00:ec2::23 fd00:ec2::1 fd20:ce::254 fd00:42::42
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b::a83f:8110 64:ff9b:1::1 64:ff9b:1:ffff::1
2002:7f00:1:: 2002:a9fe:a9fe:: 2002:c0a8:101::1 2002::1 2001::1 2001:0:7f00:1::1 2001:10::1 2001:20::1 2001:1::1 2001:2::1
2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff::1 100::1 100:0:0:1::1 5f00::1 4000::1 1::1 8000::1 e000::1 fe00::1 f000::1`

// spelledAddresses are unusual spellings of the addresses of this machine and of
// metadata services, each of which some client understands.
var spelledAddresses = []string{
	"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
	"127.000.000.001",
	"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1%25eth0]", "[fe80::1%eth0]",
	"[::1%25lo]",
	"localhost", "LOCALHOST", "localhost.", "sub.localhost", "169.254.169.254", "169.254.43518", "2852039166", "0xa9fea9fe",
	"0xa9.0xfe.0xa9.0xfe",
	"0251.0376.0251.0376", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "168.63.129.16", "100.100.100.200", "0",
	"0.0.0.0", "０.０.０.０",
	"127。0。0。1", "①②⑦.⓪.⓪.①", "127.0.0.1@s3.amazonaws.com", "s3.amazonaws.com@127.0.0.1", "127.0.0.1%00.amazonaws.com",
	"127.0.0.1\t", " 127.0.0.1", "127.0.0.1\\@a", "[::1", "::1",
}

// TestSend_ConnectsToNoRefusedAddress tests that no connection is made, whatever a name
// resolves to and however an address is spelled.
func TestSend_ConnectsToNoRefusedAddress(t *testing.T) {
	port, connections := listenEverywhere(t)
	dns := &names{groups: map[string][][]netip.Addr{}, asked: map[string]int{}}
	options := sending.Options{}
	c := newClient(t, options)
	c.ResolveBy(options, dns.resolver(t))
	targets := 0
	refused := func(host string) {
		t.Helper()
		targets++
		u, _, err := signing.ParseURL("https://"+host+"/", nil)
		if err != nil {
			return
		}
		if _, err := c.Send(t.Context(), message{method: "GET", url: u.String()}.request(t)); !errors.Is(err, sending.ErrAddressRefused) &&
			!errors.Is(err, sending.ErrName) {
			t.Errorf("%s: %v, want a refusal", host, err)
		}
	}
	for i, text := range strings.Fields(refusedAddresses) {
		a := netip.MustParseAddr(text)
		name := fmt.Sprintf("a%d.example", i)
		dns.groups[name] = [][]netip.Addr{{a}}
		refused(name + ":" + port)
		if dns.asked[name] == 0 {
			t.Fatalf("%s was not looked up", name)
		}
		if a.Zone() == "" && a.Is6() {
			refused("[" + a.String() + "]:" + port)
		} else {
			refused(a.String() + ":" + port)
		}
	}
	dns.groups["several.example"] = [][]netip.Addr{
		{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("::1")},
	}
	refused("several.example:" + port)
	for _, spelled := range spelledAddresses {
		refused(spelled + ":" + port)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	if targets < 120 {
		t.Errorf("only %d targets", targets)
	}
	t.Logf("%d targets, %d connections", targets, connections.Load())

	// Check that connections are counted.
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || connections.Load() != 1 {
		t.Errorf("the test's own connection was not counted: %v", err)
	}
}

// If a name resolves to a refused address at the second connection, that is refused,
// though the first was allowed.
func TestSend_ChecksEachLookUp(t *testing.T) {
	server, _ := answering(t, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	_, port, _ := net.SplitHostPort(server.host())
	dns := &names{
		asked:  map[string]int{},
		groups: map[string][][]netip.Addr{"turns.example": {{netip.MustParseAddr("127.0.0.1")}, {netip.MustParseAddr("169.254.169.254")}}},
	}
	options := sending.Options{HTTPHosts: []string{server.host()}}
	c := newClient(t, options)
	c.ResolveBy(options, dns.resolver(t))
	m := message{method: "GET", url: "http://turns.example:" + port + "/"}
	a, err := c.Send(t.Context(), m.request(t))
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, a)
	_, err = c.Send(t.Context(), m.request(t))
	e := wantError(t, err, sending.ErrAddressRefused)
	if e.Outcome != sending.OutcomeUnreachable || len(e.Attempts) != 1 || e.Attempts[0].Written {
		t.Errorf("report %+v", e)
	}
}

// An address in HTTPHosts is allowed at its port only.
func TestSend_ExceptionsCoverOneAddressAndPort(t *testing.T) {
	server, saw := answering(t, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	_, port, _ := net.SplitHostPort(server.host())
	other, connections := listenEverywhere(t)
	for name, row := range map[string]struct {
		hosts   []string
		target  string
		allowed bool
	}{
		"the address itself":         {[]string{"127.0.0.1:" + port}, "127.0.0.1:" + port, true},
		"another port":               {[]string{"127.0.0.1:" + port}, "127.0.0.1:" + other, false},
		"another address":            {[]string{"127.0.0.1:" + port}, "127.0.0.2:" + other, false},
		"without a port":             {[]string{"127.0.0.1"}, "127.0.0.1:" + other, false},
		"localhost by name":          {[]string{"localhost:" + port}, "localhost:" + port, true},
		"localhost at another port":  {[]string{"localhost:" + port}, "localhost:" + other, false},
		"a name that is loopback":    {[]string{"mine.example:" + other}, "mine.example:" + other, false},
		"a name that is metadata":    {[]string{"meta.example:" + other}, "meta.example:" + other, false},
		"a private name, not listed": {[]string{"127.0.0.1:" + port}, "private.example:" + other, false},
	} {
		t.Run(name, func(t *testing.T) {
			addr := netip.MustParseAddr
			dns := &names{asked: map[string]int{}, groups: map[string][][]netip.Addr{
				"mine.example": {{addr("127.0.0.1")}}, "meta.example": {{addr("169.254.169.254")}}, "private.example": {{addr("10.0.0.1")}},
				"localhost": {{addr("127.0.0.1")}},
			}}
			options := sending.Options{HTTPHosts: row.hosts}
			c := newClient(t, options)
			c.ResolveBy(options, dns.resolver(t))
			a, err := c.Send(t.Context(), message{method: "GET", url: "http://" + row.target + "/"}.request(t))
			if !row.allowed {
				wantError(t, err, sending.ErrAddressRefused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, a)
			<-saw
		})
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made to the other port", n)
	}
}

func TestNew_RefusesInvalidOptions(t *testing.T) {
	for _, host := range []string{"", ":80", "a:b:c:d", "a:"} {
		if _, err := sending.New(sending.Options{Now: nowFixed, HTTPHosts: []string{host}}); err == nil {
			t.Errorf("%q was accepted", host)
		}
	}
	if _, err := sending.New(sending.Options{}); err == nil {
		t.Error("Options without Now were accepted")
	}
	if _, err := sending.New(sending.Options{Now: nowFixed, ExtraCAs: []byte("no PEM")}); err == nil {
		t.Error("invalid certificates were accepted")
	}
}
