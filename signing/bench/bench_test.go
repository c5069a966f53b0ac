package main

import (
	"slices"
	"strings"
	"testing"

	"countersign/signing"
)

func BenchmarkSign(b *testing.B) {
	for _, r := range append(standard(), version4a(), manyHeaders(), manyParameters()) {
		for _, s := range []signer{floor(), countersign(), goSDK(), smithyGo()} {
			if r.algorithm == signing.ECDSA && s.name == "aws-sdk-go-v2" {
				continue // its signer of Version 4a is internal
			}
			b.Run("request="+strings.ReplaceAll(r.name, " ", "_")+"/signer="+s.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.sign(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A comparison is worth something only where all do the same.
func TestAllSignTheSame(t *testing.T) {
	for _, r := range standard() {
		t.Run(r.name, func(t *testing.T) {
			want := signature(t, countersign(), r)
			if got := signature(t, goSDK(), r); got != want {
				t.Errorf("aws-sdk-go-v2 signs %s, countersign %s", got, want)
			}
			if r.presign {
				return // smithy-go gives a presigned URL no payload hash of its own choice
			}
			if got := signature(t, smithyGo(), r); got != want {
				t.Errorf("smithy-go signs %s, countersign %s", got, want)
			}
		})
	}
}

func signature(t *testing.T, s signer, r *request) string {
	t.Helper()
	text, err := s.sign(r)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.LastIndex(text, "Signature=")
	if i < 0 {
		t.Fatalf("%s has no signature", text)
	}
	found, _, _ := strings.Cut(text[i+len("Signature="):], "&")
	return found
}

func TestTokenIsAsLongAsThoseOfSTS(t *testing.T) {
	if n := len(role(0).SessionToken()); n != 900 {
		t.Errorf("the token has %d characters, want 900", n)
	}
	if slices.Contains([]string{role(1).SecretAccessKey()}, role(2).SecretAccessKey()) {
		t.Error("two roles have one secret")
	}
}
