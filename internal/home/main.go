// Home moves the project to its own address: the module path in go.mod and in all imports, and the addresses in the
// contract, the connector and the documentation. Until then the module is called countersign and the addresses use a
// name that RFC 2606 reserves, so that no one else's is used.
//
//	go run ./internal/home -module github.com/acme/countersign -contact you@example.org
//
// Run it in the root of the project, whenever the project moves: the old values are read from go.mod and from
// info.contact in openapi.yaml. It changes the files in place; check them with git diff.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

func main() {
	if err := run(".", os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "home:", err)
		os.Exit(1)
	}
}

// run moves the project in a folder. args, stdout and stderr are the command's.
func run(project string, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("home", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var to address
	flags.StringVar(&to.module, "module", "", "module path, such as github.com/acme/countersign; prefixed with https:// it is the website")
	flags.StringVar(&to.contact, "contact", "", "email address of the maintainers (default: the noreply address of the GitHub owner)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := to.check(); err != nil {
		return err
	}
	from, err := current(project)
	if err != nil {
		return err
	}
	changed, err := move(project, from, to)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d files changed: module %s, contact %s\n", changed, to.module, to.contact)
	return err
}

// address is a project's module path, website and contact.
type address struct{ module, site, contact string }

var (
	modulePath   = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)
	majorVersion = regexp.MustCompile(`/v[0-9]+$`)
)

// check checks the address and fills in what follows from the module path.
func (a *address) check() error {
	switch {
	case !modulePath.MatchString(a.module):
		return fmt.Errorf("module %q must be a path that begins with a host, such as github.com/acme/countersign", a.module)
	case majorVersion.MatchString(a.module):
		return fmt.Errorf("module %q must not end in a major version: the project is at version 0 or 1", a.module)
	}
	a.site = "https://" + a.module
	if owner, found := strings.CutPrefix(a.module, "github.com/"); found && a.contact == "" {
		owner, _, _ = strings.Cut(owner, "/")
		a.contact = owner + "@users.noreply.github.com"
	}
	if parsed, err := mail.ParseAddress(a.contact); err != nil || parsed.Address != a.contact {
		return fmt.Errorf("contact %q must be an email address, such as you@example.org", a.contact)
	}
	return nil
}

// current returns the project's present address, as its own files state it.
func current(project string) (address, error) {
	text, err := os.ReadFile(filepath.Join(project, "go.mod"))
	if err != nil {
		return address{}, err
	}
	module := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(text)
	if module == nil {
		return address{}, errors.New("go.mod names no module")
	}
	if text, err = os.ReadFile(filepath.Join(project, "openapi.yaml")); err != nil {
		return address{}, err
	}
	var contract struct {
		Info struct {
			Contact struct{ URL, Email string }
		}
	}
	if err := yaml.Unmarshal(text, &contract); err != nil {
		return address{}, err
	}
	contact := contract.Info.Contact
	if contact.URL == "" || contact.Email == "" {
		return address{}, errors.New("info.contact of openapi.yaml has no url or no email")
	}
	return address{string(module[1]), contact.URL, contact.Email}, nil
}

// move rewrites the files of the project and returns how many it changed.
func move(project string, from, to address) (changed int, err error) {
	addresses := strings.NewReplacer(from.site, to.site, from.contact, to.contact)
	err = filepath.WalkDir(project, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "dist" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		before, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(before, 0) >= 0 {
			return err
		}
		after, err := rename(entry.Name(), before, from.module, to.module)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		after = []byte(addresses.Replace(string(after)))
		if bytes.Equal(before, after) {
			return nil
		}
		changed++
		return os.WriteFile(path, after, 0o644) // an existing file keeps its mode
	})
	return changed, err
}

// rename replaces one module path with another in a file, as its name requires.
func rename(name string, text []byte, from, to string) ([]byte, error) {
	var pattern string
	switch {
	case filepath.Ext(name) == ".go":
		return renameImports(text, from, to)
	case name == "go.mod":
		pattern = `(?m)^((?:module |replace |require )?\s*)%s((?:/\S*)?(?:\s|$))`
	case name == ".golangci.yml":
		pattern = `(module-path: |local-prefixes: \[)%s(\s|\])`
	case name == "api.txt": // as go doc prints it
		pattern = `(// import ")%s(/|")`
	default:
		return text, nil
	}
	place := regexp.MustCompile(fmt.Sprintf(pattern, regexp.QuoteMeta(from)))
	return place.ReplaceAll(text, []byte("${1}"+to+"${2}")), nil
}

func renameImports(text []byte, from, to string) ([]byte, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", text, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var out []byte
	copied := 0
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		rest, found := strings.CutPrefix(path, from)
		if !found || rest != "" && rest[0] != '/' {
			continue
		}
		out = append(out, text[copied:files.Position(spec.Path.Pos()).Offset]...)
		out = append(out, strconv.Quote(to+rest)...)
		copied = files.Position(spec.Path.End()).Offset
	}
	if copied == 0 {
		return text, nil
	}
	return format.Source(append(out, text[copied:]...))
}
