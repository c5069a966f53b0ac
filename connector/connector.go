// Package connector turns the API contract into what low-code tools import: a custom connector for Power Automate,
// Power Apps and Logic Apps, workflow definitions for Logic Apps and flow packages for Power Automate.
//
// Everything comes from openapi.yaml, the only source of names, labels and hints; nothing about an operation is
// repeated here.
//
// The package does not talk to Microsoft, so what their validators and designers say is not known here. It applies
// the published JSON schemas and the rules in their documentation; docs/unchecked.md lists what has not been tried.
//
// The caller must pass the contract in the forms that package internal/contract makes: OpenAPI 3 as JSON where
// recipes are read, otherwise Swagger 2.0, with an info.contact and x-ms-connector-metadata. The same contract gives
// the same bytes, except for the icon, whose compression depends on the Go release.
package connector

import (
	"embed"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// handWritten are the files written by hand, because nothing in them depends on the contract.
//
//go:embed files/apiProperties.json files/settings.json workflows/*.json n8n/*.json
var handWritten embed.FS

// Options are what the contract does not specify.
type Options struct {
	// Host is the public host of the service as the definition shows it; https:// before it and / after it are
	// removed. The connector asks for the host with each connection and calls that host; this one is shown where a
	// tool reads only the definition. Default: sign.example.com.
	Host string
}

// Generate returns the files of the custom connector by name: apiDefinition.swagger.json, apiProperties.json,
// settings.json, icon.png and readme.md.
func Generate(swagger []byte, o Options) (map[string][]byte, error) {
	host, err := hostOf(o.Host)
	if err != nil {
		return nil, err
	}
	doc, err := readObject("the contract as Swagger 2.0", swagger)
	if err != nil {
		return nil, err
	}
	forConnections(doc, host)
	definition, err := writeDefinition(doc)
	if err != nil {
		return nil, err
	}
	icon, err := drawIcon()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"apiDefinition.swagger.json": definition,
		"icon.png":                   icon,
		"readme.md":                  writeReadme(doc),
	}
	for _, name := range []string{"apiProperties.json", "settings.json"} {
		if files[name], err = handWritten.ReadFile("files/" + name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// hostOf returns the host of an address, which people often paste with its scheme. A connector always calls by https
// and at the root.
func hostOf(text string) (string, error) {
	if text == "" {
		return "sign.example.com", nil
	}
	host := text
	if scheme := "https://"; len(host) > len(scheme) && strings.EqualFold(host[:len(scheme)], scheme) {
		host = host[len(scheme):]
	}
	host = strings.ToLower(strings.TrimSuffix(host, "/"))
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "" {
		return "", errors.New("host: must be a host such as sign.example.com, without a path; connections use https")
	}
	return host, nil
}

// Workflows returns the workflow definitions for Logic Apps by file name.
func Workflows() (map[string][]byte, error) {
	found, err := fs.Glob(handWritten, "workflows/*.json")
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(found))
	for _, name := range found {
		if files[path.Base(name)], err = handWritten.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Write writes everything into a folder, which it creates: the connector's files, workflows/ for Logic Apps,
// logic-apps-standard/ with the files of an app, power-automate/ with packages to import, and recipes/. Existing
// files of those names are overwritten.
func Write(dir string, openapi, swagger []byte, o Options) error {
	files, err := Generate(swagger, o)
	if err != nil {
		return err
	}
	workflows, err := Workflows()
	if err != nil {
		return err
	}
	flows, err := Flows()
	if err != nil {
		return err
	}
	standard, err := standardFiles(workflows)
	if err != nil {
		return err
	}
	recipes, err := recipeFiles(openapi)
	if err != nil {
		return err
	}
	all := maps.Clone(files)
	maps.Copy(all, recipes)
	maps.Copy(all, standard)
	for name, text := range workflows {
		all["workflows/"+name] = text
	}
	for name, text := range flows {
		all["power-automate/"+name] = text
	}
	return WriteFiles(dir, all)
}

// WriteFiles writes files, by relative path, into a folder, which it creates.
func WriteFiles(dir string, files map[string][]byte) error {
	for name, text := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // as below
			return err
		}
		if err := os.WriteFile(target, text, 0o644); err != nil { //nolint:gosec // other users read it, and it holds no secret
			return err
		}
	}
	return nil
}
