package api_test

import (
	"os"
	"strings"
	"testing"

	"countersign/api"
)

// A program reports that it was built with a contract edited after its other forms were made.
func TestCheckContract(t *testing.T) {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ contract, want string }{
		{string(text), ""},
		{"# The same.\n" + string(text), ""},
		{strings.Replace(string(text), "operationId: SignRequest", "operationId: SignIt", 1), "go test ./internal/contract -update"},
		{"paths: [", "reading openapi.yaml"},
		{"{1: one}", "reading openapi.yaml"},
	} {
		err := api.CheckContract([]byte(test.contract))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60s: got %v, want %q", test.contract, err, test.want)
		}
	}
}
