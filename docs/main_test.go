package docs_test

import (
	"os"
	"testing"
)

// These tests read the whole project. In its root they would be linked with the whole program, which they do not need.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
