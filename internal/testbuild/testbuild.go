// Package testbuild builds the program for tests that run it in its own process. The Makefile builds the package for
// Azure Functions once for all of them and passes its path in $TEST_PACKAGE; if that is not set, or does not run on
// this platform, each caller gets its own build.
package testbuild

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Package returns the path of the zip. root is the folder of the project; dir is where the zip is put if it must be
// built.
func Package(ctx context.Context, root, dir string) (string, error) {
	if path := os.Getenv("TEST_PACKAGE"); path != "" {
		return path, nil
	}
	path := filepath.Join(dir, "countersign.zip")
	return path, command(ctx, root, "go", "run", "./deploy/package", "-o", path)
}

// Executable writes the program into dir and returns its path.
func Executable(ctx context.Context, root, dir string) (string, error) {
	path := filepath.Join(dir, "countersign")
	if packed := os.Getenv("TEST_PACKAGE"); packed != "" && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return path, unpack(packed, path)
	}
	return path, command(ctx, root, "go", "build", "-o", path, ".")
}

func unpack(packed, path string) error {
	archive, err := zip.OpenReader(packed)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }() // only read from
	entry, err := archive.Open("countersign")
	if err != nil {
		return err
	}
	text, err := io.ReadAll(entry)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o700)
}

func command(ctx context.Context, root, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%.10000s", name, args, err, out)
	}
	return nil
}
