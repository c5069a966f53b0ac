package credentials_test

import (
	"testing"
	"time"

	"countersign/credentials"
)

// BenchmarkSession measures getting a cached session, which every signature has to do.
func BenchmarkSession(b *testing.B) {
	byCaller := orders()
	byCaller.Name, byCaller.AssumeRole = "by-caller", &credentials.AssumeRole{RoleARN: roleARN, SessionName: "countersign-{caller}"}
	bare := orders()
	bare.Name, bare.AssumeRole = "bare", nil
	s, err := credentials.New(credentials.Options{
		Profiles: []credentials.Profile{orders(), byCaller, bare}, Now: time.Now, Transport: newFake(time.Now),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, profile := range []string{"bare", "orders", "by-caller"} {
		b.Run(profile, func(b *testing.B) {
			b.ReportAllocs()
			ask := credentials.SessionRequest{Profile: profile, Caller: "crm-sync", Host: "api.example.com", MinValidity: time.Minute}
			for b.Loop() {
				if _, err := s.Session(b.Context(), ask); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
