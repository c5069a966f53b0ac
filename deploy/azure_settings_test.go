package deploy_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"countersign/config"
)

// deployment is a template with its parameters, to the extent that app settings need it.
type deployment struct {
	t          *testing.T
	template   template
	parameters map[string]any
}

// value evaluates an expression. Values that only Azure knows are represented by the text of their expression.
func (d deployment) value(e expression) any {
	switch e.function {
	case "":
		return e.literal
	case "parameters":
		if given, ok := d.parameters[e.args[0].literal]; ok {
			return given
		}
		return d.resolve(d.template.Parameters[e.args[0].literal].DefaultValue)
	case "variables":
		value := d.resolve(d.template.Variables[e.args[0].literal])
		for _, index := range e.indexes {
			value = value.(map[string]any)[d.value(index).(string)]
		}
		return value
	case "empty":
		return d.value(e.args[0]) == ""
	case "if":
		if d.value(e.args[0]) == true {
			return d.value(e.args[1])
		}
		return d.value(e.args[2])
	case "createObject":
		object := map[string]any{}
		for i := 0; i < len(e.args); i += 2 {
			object[e.args[i].literal] = d.value(e.args[i+1])
		}
		return object
	case "union":
		object := map[string]any{}
		for _, a := range e.args {
			maps.Copy(object, d.value(a).(map[string]any))
		}
		return object
	}
	return e.String()
}

func (d deployment) resolve(value any) any {
	switch v := value.(type) {
	case string:
		return d.value(parse(d.t, v))
	case map[string]any:
		object := map[string]any{}
		for name, item := range v {
			object[name] = d.resolve(item)
		}
		return object
	}
	return value
}

// templateSettings returns the app settings that a deployment sets; they replace all existing ones.
func templateSettings(t *testing.T, tmpl template, parameters map[string]any) map[string]string {
	t.Helper()
	d := deployment{t, tmpl, parameters}
	all := map[string]string{}
	for _, r := range tmpl.Resources {
		if r.Type == "Microsoft.Web/sites/config" {
			for name, value := range d.resolve(r.Properties).(map[string]any) {
				all[name] = value.(string)
			}
		}
	}
	return all
}

const exampleRole = "arn:aws:iam::123456789012:role/orders"

// deployments are the deployments that a template supports, with the source of the profile.
var deployments = map[string]struct {
	parameters map[string]any
	source     string
}{
	"azure-identity": {map[string]any{"apiKeySha256": strings.Repeat("0a", 32), "roleArn": exampleRole}, "azure-identity"},
	"access-key": {map[string]any{
		"apiKeySha256": strings.Repeat("0a", 32), "roleArn": exampleRole, "credentialSource": "access-key",
		"awsAccessKeyId": "AKIAIOSFODNN7EXAMPLE", "externalId": "external",
	}, "environment"},
	"azure-identity and a file": {
		map[string]any{"apiKeySha256": strings.Repeat("0a", 32), "roleArn": exampleRole, "configFile": "countersign.yaml"},
		"azure-identity",
	},
	"access-key and a file": {map[string]any{
		"apiKeySha256": strings.Repeat("0a", 32), "credentialSource": "access-key", "awsAccessKeyId": "AKIAIOSFODNN7EXAMPLE",
		"configFile": "countersign.yaml",
	}, "environment"},
}

// The program must accept the settings that the template creates, for each source of credentials, and with a configuration file
// in the package. A deployment replaces all settings, so settings made by hand before are gone.
func TestTemplate_SettingsAreAccepted(t *testing.T) {
	tmpl := readTemplate(t)
	known := append(settingNames(reflect.TypeFor[config.Settings]()), "config")
	for name, test := range deployments {
		t.Run(name, func(t *testing.T) {
			env := templateSettings(t, tmpl, test.parameters)
			var environ []string
			for name, value := range env {
				if setting, ok := strings.CutPrefix(name, "COUNTERSIGN_"); ok && !slices.Contains(known, strings.ToLower(setting)) {
					t.Errorf("the program does not know the setting %s", name)
				}
				if strings.Contains(value, "@Microsoft.KeyVault") { // replaced by the platform
					env[name] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
				}
				environ = append(environ, name+"="+env[name])
			}
			env["COUNTERSIGN_PUBLIC_URL"] = "https://countersign.azurewebsites.net"
			sources := config.Sources{Getenv: func(name string) string { return env[name] }, Environ: environ, FileName: env["COUNTERSIGN_CONFIG"]}
			want := "default"
			if test.parameters["configFile"] != nil {
				want = "orders"
				sources.File = []byte("policies: policies.cedar\nprofiles:\n  orders: {source: " + test.source + ", azure: {audience: api://" +
					"countersign}, assume_role: {role_arn: " + exampleRole + "}}\n")
				if test.source == "environment" {
					sources.File = []byte("policies: policies.cedar\nprofiles:\n  orders: {source: environment}\n")
				}
			}
			c, err := config.Load(sources)
			if err != nil {
				t.Fatalf("the program rejects the settings: %v", err)
			}
			if len(c.Profiles) != 1 || c.Profiles[0].Name != want || c.Profiles[0].Source != test.source || len(c.APIKeys) != 1 || c.Region == "" {
				t.Errorf("the settings result in the profiles %+v, %d keys, region %q", c.Profiles, len(c.APIKeys), c.Region)
			}
			if hasFile := test.parameters["configFile"] != nil; hasFile != (c.Policies == "policies.cedar") {
				t.Errorf("the policies are %q", c.Policies)
			}
			if sends := test.parameters["allowSend"] == true; sends != c.AllowSend {
				t.Errorf("allow_send is %v", c.AllowSend)
			}
		})
	}
}

func settingNames(settings reflect.Type) []string {
	var names []string
	for field := range settings.Fields() {
		if field.Anonymous {
			names = append(names, settingNames(field.Type)...)
		} else if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}
