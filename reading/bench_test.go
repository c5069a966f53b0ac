package reading

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func BenchmarkRead(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	small := &sample{
		Method: "POST", URL: "https://sqs.eu-west-1.amazonaws.com/?a=1",
		Headers: []pair{{"X-Amz-Date", "20261128T190748Z"}, {"Content-Type", "application/json"}},
		Body:    strings.Repeat("order ", 170), Status: 403,
		Content: `{"message":"The security token included in the request is invalid."}`,
	}
	large := &sample{Method: "POST", URL: small.URL, Headers: small.Headers, Body: strings.Repeat("order \"1\" ", 90_000)}
	for _, f := range writtenForms[:] {
		b.Run(f.name+"/1KiB", func(b *testing.B) {
			paste := f.write(r, small)
			b.SetBytes(int64(len(paste)))
			for b.Loop() {
				Read(paste)
			}
		})
		b.Run(f.name+"/1MiB", func(b *testing.B) {
			paste := f.write(r, large)
			paste = paste[:min(len(paste), MaxText)]
			b.SetBytes(int64(len(paste)))
			for b.Loop() {
				Read(paste)
			}
		})
	}
}
