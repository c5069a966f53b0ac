package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The keys are from "Derive a signing key" in the IAM documentation.
func TestDeriveKey(t *testing.T) {
	c := NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
	for _, tt := range []struct {
		year  int
		month time.Month
		day   int
		want  string
	}{
		{2012, time.February, 15, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"},
		{2015, time.August, 30, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"},
	} {
		at := time.Date(tt.year, tt.month, tt.day, 23, 59, 59, 0, time.UTC)
		key, err := DeriveKey(HMAC, c, at, Scope{Service: "iam", Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if want := newHMACState(raw); !reflect.DeepEqual(key.secret().hmac, want) {
			t.Errorf("DeriveKey on %s is not %s", at, tt.want)
		}
	}
}

// The key pairs are from aws-c-auth's tests; the second y begins with a zero byte.
func TestDeriveKey_Pairs(t *testing.T) {
	for _, tt := range []struct{ id, secret, private, x, y string }{
		{
			"AKISORANDOMAASORANDOM", "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom",
			"7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd",
			"15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb",
			"0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0",
		},
		{
			"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "",
			"18b7d04643359f6ec270dcbab8dce6d169d66ddc9778c75cfb08dfdb701637ab",
			"fa36b35e4fe67e3112261d2e17a956ef85b06e44712d2850bcd3c2161e9993f2",
		},
	} {
		key, err := DeriveKey(ECDSA, NewCredentials(tt.id, tt.secret, ""), time.Unix(0, 0), Scope{Service: "s3", Region: "*"})
		if err != nil {
			t.Fatal(err)
		}
		private, err := key.secret().pair.Bytes()
		if got := hex.EncodeToString(private); err != nil || tt.private != "" && got != tt.private {
			t.Errorf("private key of %s = %s, %v, want %s", tt.id, got, err, tt.private)
		}
		public, err := key.PublicKey().Bytes()
		if got := hex.EncodeToString(public); err != nil || got != "04"+tt.x+tt.y {
			t.Errorf("public key of %s = %s, %v, want 04%s%s", tt.id, got, err, tt.x, tt.y)
		}
	}
}

func TestHMACState_IsHMAC(t *testing.T) {
	h := sha256.New()
	for n := range 300 {
		key, message := bytes.Repeat([]byte{byte(n)}, sha256.Size), strings.Repeat("m", n)
		got := newHMACState(key).sum(h, []byte("before"), []byte(message))
		if want := append([]byte("before"), hmacSHA256(key, message)...); !bytes.Equal(got, want) {
			t.Fatalf("HMAC of %d bytes = %x, want %x", n, got, want)
		}
	}
}
