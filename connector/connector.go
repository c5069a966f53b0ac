// Package connector turns the contract into what low-code tools import: a custom connector for Power Automate, Power Apps and
// Logic Apps, workflow definitions for Logic Apps and flow packages for Power Automate.
//
// All of it comes from openapi.yaml, the one source of names, labels and hints; nothing about an operation is written
// down here a second time.
//
// It does not talk to Microsoft: what their validators and designers say is not known here. It holds the published JSON
// schemas and the rules that are written in their documentation, and docs/unchecked.md lists what nobody has tried.
//
// The caller must pass the contract in the forms that package internal/contract makes: as OpenAPI 3 in JSON where recipes are read, else
// as Swagger 2.0, with an info.contact and x-ms-connector-metadata. The same contract gives the same bytes, but for the icon, whose
// compression is the business of the Go release.
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

// written is what is written by hand, since nothing in it depends on the contract.
//
//go:embed files/apiProperties.json files/settings.json workflows/*.json n8n/*.json
var written embed.FS

// Options are what the contract does not say.
type Options struct {
	// Host is the public host of the service as it stands in the definition; https:// before it and / after it are cut.
	// The connector asks for the host with each connection and calls that one; this one is shown where a tool reads the
	// definition alone.
	// Default: sign.example.com.
	Host string
}

// Generate makes the files of the custom connector, by file name: apiDefinition.swagger.json, apiProperties.json,
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
		if files[name], err = written.ReadFile("files/" + name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// hostOf is the host of an address, which people paste with its scheme. A connector calls by https and at the root.
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

// Workflows are the workflow definitions for Logic Apps, by file name.
func Workflows() (map[string][]byte, error) {
	found, err := fs.Glob(written, "workflows/*.json")
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(found))
	for _, name := range found {
		if files[path.Base(name)], err = written.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Write writes everything into a folder, which it makes: the connector's files, workflows/ for Logic Apps,
// logic-apps-standard/ with the files of an app, power-automate/ with packages to import, and recipes/. Files of those names
// are overwritten.
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

// WriteFiles writes files into a folder, which it makes, by their paths in it.
func WriteFiles(dir string, files map[string][]byte) error {
	for name, text := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // as below
			return err
		}
		if err := os.WriteFile(target, text, 0o644); err != nil { //nolint:gosec // made to be read by others, and holding no secret
			return err
		}
	}
	return nil
}
