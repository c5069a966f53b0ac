package config

import "reflect"

// Keep gives the settings that take a restart the values that they have in running, the configuration of a service that
// goes on with this one. It returns the names of those that differ, in the order of the reference.
func (c *Config) Keep(running *Config) []string {
	var differ []string
	before := fieldsOf(reflect.ValueOf(&running.Settings).Elem())
	for i, f := range fieldsOf(reflect.ValueOf(&c.Settings).Elem()) {
		if f.reload || reflect.DeepEqual(f.value.Interface(), before[i].value.Interface()) {
			continue
		}
		f.value.Set(before[i].value)
		differ = append(differ, f.key)
	}
	return differ
}

// Changes are the names of settings that differ from those of another configuration, and entra, oidc, guest and trusted_header where
// they do.
func (c *Config) Changes(before *Config) []string {
	var differ []string
	old := fieldsOf(reflect.ValueOf(&before.Settings).Elem())
	for i, f := range fieldsOf(reflect.ValueOf(&c.Settings).Elem()) {
		if !reflect.DeepEqual(f.value.Interface(), old[i].value.Interface()) {
			differ = append(differ, f.key)
		}
	}
	if !reflect.DeepEqual(c.Entra, before.Entra) {
		differ = append(differ, "entra")
	}
	if !reflect.DeepEqual(c.OIDC, before.OIDC) {
		differ = append(differ, "oidc")
	}
	if !reflect.DeepEqual(c.Guest, before.Guest) {
		differ = append(differ, "guest")
	}
	if !reflect.DeepEqual(c.TrustedHeader, before.TrustedHeader) {
		differ = append(differ, "trusted_header")
	}
	return differ
}
