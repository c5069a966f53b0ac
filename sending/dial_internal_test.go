package sending

import (
	"net/netip"
	"testing"
)

// Public addresses are allowed, private ones depending on the options.
func TestDialer_CheckAllows(t *testing.T) {
	listed, err := parseHosts([]string{"minio.internal:9000", "10.0.0.9:9000", "[fd00::1]:80"})
	if err != nil {
		t.Fatal(err)
	}
	overTLS := &dialer{exceptions: listed, private: true}
	denying := &dialer{exceptions: listed}
	plain := &dialer{exceptions: listed, privateNames: true}
	for _, row := range []struct {
		target, address         string
		overTLS, denying, plain bool
	}{
		{"s3.amazonaws.com:443", "52.216.1.1:443", true, true, true},
		{"s3.amazonaws.com:443", "[2600:1fa0::1]:443", true, true, true},
		{"s3.amazonaws.com:443", "[2a05:d000::1]:443", true, true, true},
		{"s3.amazonaws.com:443", "[::ffff:52.216.1.1]:443", true, true, true},
		{"vpce.amazonaws.com:443", "10.1.2.3:443", true, false, false},
		{"vpce.amazonaws.com:443", "172.31.0.1:443", true, false, false},
		{"vpce.amazonaws.com:443", "192.168.1.1:443", true, false, false},
		{"vpce.amazonaws.com:443", "100.64.0.1:443", true, false, false},
		{"vpce.amazonaws.com:443", "100.100.100.199:443", true, false, false},
		{"vpce.amazonaws.com:443", "[fd00::2]:443", true, false, false},
		{"vpce.amazonaws.com:443", "[::ffff:10.0.0.1]:443", true, false, false},
		{"172.15.0.1:443", "172.15.0.1:443", true, true, true},
		{"172.32.0.1:443", "172.32.0.1:443", true, true, true},
		{"minio.internal:9000", "10.0.0.5:9000", true, false, true},
		{"MINIO.internal:9000", "10.0.0.5:9000", true, false, true},
		{"minio.internal:9001", "10.0.0.5:9001", true, false, false},
		{"minio.internal:9000", "127.0.0.1:9000", false, false, false},
		{"x.example:9000", "10.0.0.9:9000", true, true, true},
		{"x.example:9000", "[::ffff:10.0.0.9]:9000", true, true, true},
		{"x.example:80", "[fd00::1]:80", true, true, true},
		{"x.example:81", "[fd00::1]:81", true, false, false},
		{"x.example:443", "[fd00:ec2::254]:443", false, false, false},
		{"x.example:443", "[fe80::1%lo]:443", false, false, false},
		{"x.example:443", "nonsense", false, false, false},
	} {
		for i, d := range []*dialer{overTLS, denying, plain} {
			err := d.check(row.target, row.address)
			if want := []bool{row.overTLS, row.denying, row.plain}[i]; (err == nil) != want {
				t.Errorf("dialer %d, %s at %s: %v, allowed should be %v", i, row.target, row.address, err, want)
			}
		}
	}
	if reachOf(netip.Addr{}) != reachNever {
		t.Error("an invalid address can be reached")
	}
}
