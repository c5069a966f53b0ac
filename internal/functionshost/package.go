package functionshost

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// app is the contents of a package.
type app struct {
	dir       string
	host      hostJSON
	functions []function
}

type hostJSON struct {
	Version    string `json:"version"`
	Logging    any    `json:"logging"` // for Application Insights
	Extensions struct {
		HTTP struct {
			RoutePrefix *string `json:"routePrefix"`
		} `json:"http"`
	} `json:"extensions"`
	CustomHandler struct {
		Description struct {
			Path             string   `json:"defaultExecutablePath"`
			Arguments        []string `json:"arguments"`
			WorkingDirectory string   `json:"workingDirectory"`
		} `json:"description"`
		Proxying   bool `json:"enableProxyingHttpRequest"`
		Forwarding bool `json:"enableForwardingHttpRequest"`
	} `json:"customHandler"`
}

type function struct {
	name     string
	Bindings []binding `json:"bindings"`
}

type binding struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Direction string   `json:"direction"`
	AuthLevel string   `json:"authLevel"`
	Methods   []string `json:"methods"`
	Route     *string  `json:"route"`
}

var functionName = regexp.MustCompile(`^[a-z][a-z0-9_\-]{0,127}$`)

// openPackage unpacks a zip and reads its descriptions. The real host ignores unknown keys; here they are errors, since
// their effect would not be imitated.
func openPackage(file, dir string, grantExecute bool) (app, error) {
	if err := unpack(file, dir); err != nil {
		return app{}, err
	}
	a := app{dir: dir}
	if err := readJSON(filepath.Join(dir, "host.json"), &a.host); err != nil {
		return app{}, err
	}
	if a.host.Version != "2.0" {
		return app{}, fmt.Errorf("host.json: version %q", a.host.Version)
	}
	program := a.program()
	info, err := os.Stat(program)
	if err != nil {
		return app{}, fmt.Errorf("the program: %w", err)
	}
	if grantExecute {
		if err := os.Chmod(program, info.Mode()|0o111); err != nil {
			return app{}, err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return app{}, err
	}
	for _, entry := range entries {
		f := function{name: entry.Name()}
		description := filepath.Join(dir, f.name, "function.json")
		if _, err := os.Stat(description); err != nil {
			continue // the host looks for functions only in folders at the top level
		}
		if err := a.read(&f, description); err != nil {
			return app{}, err
		}
		a.functions = append(a.functions, f)
	}
	if len(a.functions) == 0 {
		return app{}, errors.New("no functions: function.json must be in its own folder")
	}
	return a, nil
}

func (a *app) read(f *function, description string) error {
	if !functionName.MatchString(f.name) || f.name == "host" {
		return fmt.Errorf("%q cannot be the name of a function", f.name)
	}
	if files, err := os.ReadDir(filepath.Dir(description)); err != nil || len(files) != 1 {
		return fmt.Errorf("the folder %s contains more than function.json: the host would take it for a script (%w)", f.name, err)
	}
	if err := readJSON(description, f); err != nil {
		return err
	}
	if f.trigger() == nil {
		return fmt.Errorf("%s has no httpTrigger", f.name)
	}
	return nil
}

func unpack(file, dir string) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer archive.Close()
	// A process started now would keep the program open for writing, so that it could not be executed (ETXTBSY).
	syscall.ForkLock.RLock()
	err = os.CopyFS(dir, archive)
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	for _, f := range archive.File { // CopyFS leaves modes to the umask
		if !f.Mode().IsDir() {
			if err := os.Chmod(filepath.Join(dir, filepath.FromSlash(f.Name)), f.Mode().Perm()); err != nil {
				return err
			}
		}
	}
	return nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: text after the document", filepath.Base(file))
	}
	return nil
}

func (a *app) program() string {
	return filepath.Join(a.dir, filepath.FromSlash(a.host.CustomHandler.Description.Path))
}

func (f function) trigger() *binding {
	for i, b := range f.Bindings {
		if strings.EqualFold(b.Type, "httpTrigger") && b.Direction == "in" {
			return &f.Bindings[i]
		}
	}
	return nil
}

func (f function) httpInAndOut() bool {
	return len(f.Bindings) == 2 && slices.ContainsFunc(f.Bindings, func(b binding) bool {
		return strings.EqualFold(b.Type, "http") && b.Direction == "out"
	})
}

// find returns the function that serves a path, or the status of the refusal if there is none.
func (a *app) find(method, path string) (_ function, status int) {
	status = http.StatusNotFound
	for _, f := range a.functions {
		if !f.serves(path, a.host.Extensions.HTTP.RoutePrefix) {
			continue
		}
		methods := f.trigger().Methods
		if methods == nil || slices.ContainsFunc(methods, func(m string) bool { return strings.EqualFold(m, method) }) {
			return f, 0
		}
		status = http.StatusMethodNotAllowed
	}
	return function{}, status
}

// serves matches a path against prefix and route: literal segments, {name} for one segment, {*name} for the rest. The
// prefix is "api" unless host.json says otherwise; the default route is the function's name.
func (f function) serves(path string, prefix *string) bool {
	template := "api"
	if prefix != nil {
		template = *prefix
	}
	route := f.name
	if f.trigger().Route != nil {
		route = *f.trigger().Route
	}
	want := strings.Split(strings.Trim(template+"/"+route, "/"), "/")
	got := strings.Split(strings.Trim(path, "/"), "/")
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{*"):
			return true
		case i >= len(got):
			return false
		case strings.HasPrefix(w, "{") && got[i] != "", strings.EqualFold(w, got[i]):
		default:
			return false
		}
	}
	return len(got) == len(want)
}
