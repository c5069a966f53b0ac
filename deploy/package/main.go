// Package builds Countersign for Azure Functions and packs it into the zip that
// a Functions app with custom handlers is deployed from.
//
//	go run ./deploy/package -o dist/countersign.zip [FILE…]
//
// Run it in the root of the project. It needs nothing but Go, and builds for linux/amd64 on any system. The zip contains
//
//	host.json
//	countersign         the program, with its execute bit
//	api/function.json   alone in its folder
//
// and the files given as arguments, such as the configuration and its policies. The host reads function.json only in folders of
// the package, names the function after the folder, and treats any other file there as the function's script. On the Premium and
// Dedicated plans it starts the program only if the zip marks it as executable, which a zip written on Windows usually does not;
// this one does on any system. The same source and the same Go version produce the same bytes.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

const (
	program  = "countersign"
	function = "api" // must match ^[a-z][a-z0-9_-]{0,127}$ and not be "host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, ".", os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// run packs the project in a folder, given the command's arguments and outputs.
func run(ctx context.Context, project string, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	flags.SetOutput(stderr)
	target := flags.String("o", "dist/countersign.zip", "the zip to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	host, err := os.ReadFile(filepath.Join(project, "host.json"))
	if err != nil {
		return err
	}
	trigger, err := os.ReadFile(filepath.Join(project, "function.json"))
	if err != nil {
		return err
	}
	if err := check(host, trigger); err != nil {
		return err
	}
	more, err := readFiles(flags.Args())
	if err != nil {
		return err
	}
	binary, err := build(ctx, project, stderr)
	if err != nil {
		return fmt.Errorf("building %s: %w", program, err)
	}
	text, err := pack(append([]file{
		{"host.json", 0o644, host}, {program, 0o755, binary}, {function + "/function.json", 0o644, trigger},
	}, more...))
	if err != nil {
		return fmt.Errorf("writing the zip: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(*target), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(*target, text, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: %d bytes; function %q\n", *target, len(text), function)
	return err
}

// build compiles the project's program, statically linked, for the machines of Azure Functions.
func build(ctx context.Context, project string, stderr io.Writer) ([]byte, error) {
	dir, err := os.MkdirTemp("", "countersign-package-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder does no harm
	out := filepath.Join(dir, program)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=-s -w", "-o", out, ".")
	command.Dir, command.Stderr = project, stderr
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if err := command.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// file is a file of the package.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// readFiles reads the files to put beside the program, where the configuration finds them by name.
func readFiles(paths []string) ([]file, error) {
	names := map[string]bool{"host.json": true, "function.json": true, "local.settings.json": true, program: true, function: true}
	files := make([]file, 0, len(paths))
	for _, path := range paths {
		name := filepath.Base(path)
		if names[strings.ToLower(name)] {
			return nil, fmt.Errorf("%s: the package has, or must not have, another file of this name", path)
		}
		names[strings.ToLower(name)] = true
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, 0o644, data})
	}
	return files, nil
}

// pack returns the package. Entries have a fixed time, so that the zip depends only on its contents.
func pack(files []file) ([]byte, error) {
	var text bytes.Buffer
	archive := zip.NewWriter(&text)
	for _, f := range files {
		// The earliest time that a zip can represent.
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		header.SetMode(f.mode)
		w, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
