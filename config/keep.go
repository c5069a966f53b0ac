package config

import "reflect"

// Keep sets the settings that need a restart to their values in running, the configuration of the running service,
// which continues with c. It returns the names of those that differ, in the order of the reference.
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

// Changes returns the names of the settings that differ from those in another configuration, and entra, oidc, guest and
// trusted_header if those differ.
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
