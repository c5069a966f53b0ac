package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"countersign/problem"

	"github.com/goccy/go-yaml/ast"
)

// synonyms maps names that people try, and whose spelling is too different from the right one, to the right one.
var synonyms = map[string]string{
	"policy": "policies", "policy_file": "policies", "policies_file": "policies", "cedar": "policies",
	"region": "AWS_REGION", "aws_region": "AWS_REGION", "profile": "default_profile",
	"listen": "address", "listen_address": "address", "host": "address", "bind": "address",
	"role": "role_arn", "arn": "role_arn", "account": "account_id", "audience": "azure_audience", "endpoint": "sts_endpoint",
	"api_key": "api_key_sha256", "key": "api_key_sha256", "api_key_hash": "api_key_sha256", "hash": "sha256",
	"log": "log_level", "level": "log_level", "debug": "log_level", "audit": "audit_file", "audit_log": "audit_file",
	"config_file": "config", "file": "config", "url": "public_url", "hostname": "public_url",
	"timeout": "drain_seconds", "ttl": "duration", "rate": "rate_per_second", "rate_limit": "rate_per_second",
	"authentication": "auth", "secret": "secret_access_key", "secret_key": "secret_access_key",
	"access_key": "access_key_id", "token": "session_token", "caller": "callers", "users": "callers", "keys": "api_keys", "name": "id",
}

// hint returns the end of a fault about an unknown name.
func hint(meant string) string {
	if meant == "" {
		return "; countersign config schema lists all"
	}
	if strings.Contains(meant, " ") {
		return "; " + meant
	}
	return "; did you mean " + meant + "?"
}

// suggestKey returns the key of a struct that an unknown one was meant to be, or says under which key it belongs. If the
// value is a mapping, it suggests a key that takes a mapping: for profile with entries it suggests profiles.
func suggestKey(name string, value ast.Node, in reflect.Type) string {
	plain := normal(name)
	isMapping := value != nil && (value.Type() == ast.MappingType || value.Type() == ast.MappingValueType)
	var keys []string
	for _, f := range fieldsOf(reflect.New(in).Elem()) {
		if f.key == plain {
			return f.key
		}
		if !isMapping || takesMapping(f.value.Type()) {
			keys = append(keys, f.key)
		}
	}
	if meant := synonyms[plain]; slices.Contains(keys, meant) {
		return meant
	}
	below := keysBelow(in, "")
	if path, found := below[plain]; found {
		return plain + " belongs under " + path
	}
	if strings.HasPrefix(plain, "aws_") {
		return "the file does not take it; set it in the environment"
	}
	if meant := nearest(plain, keys); meant != "" {
		return meant
	}
	if meant := nearest(plain, slices.Sorted(maps.Keys(below))); meant != "" {
		return meant + " belongs under " + below[meant]
	}
	if path, found := keysBelow(reflect.TypeFor[document](), "")[plain]; found {
		return plain + " belongs under " + path
	}
	return ""
}

func takesMapping(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Map || t.Kind() == reflect.Interface || t.Kind() == reflect.Struct && t != timeType
}

// keysBelow returns the keys at deeper levels of a struct, each with the first path under which it occurs.
func keysBelow(in reflect.Type, path string) map[string]string {
	found := map[string]string{}
	add := func(key, path string) {
		if _, known := found[key]; !known {
			found[key] = path
		}
	}
	var deeper []func()
	for _, f := range fieldsOf(reflect.New(in).Elem()) {
		t, at := f.value.Type(), join(path, f.key)
		switch t.Kind() {
		case reflect.Pointer:
			t = t.Elem()
		case reflect.Map:
			t, at = t.Elem(), at+".NAME"
		case reflect.Slice:
			t, at = t.Elem(), at+"[]"
		}
		if t.Kind() != reflect.Struct || t == timeType {
			continue
		}
		for _, f := range fieldsOf(reflect.New(t).Elem()) {
			add(f.key, at)
		}
		deeper = append(deeper, func() {
			for key, path := range keysBelow(t, at) {
				add(key, path)
			}
		})
	}
	for _, add := range deeper {
		add()
	}
	return found
}

// normal returns the spelling in the file of a name that is written as a variable, as a flag, or in another case.
func normal(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' && i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
			b.WriteByte('_') // roleArn
		}
		b.WriteRune(r)
	}
	low := strings.ToLower(b.String())
	low = strings.NewReplacer("-", "_", ".", "_", "__", "_", ":", "_").Replace(low)
	return strings.TrimPrefix(low, "countersign_")
}

// suggestVariable returns the variable that an unknown one was meant to be.
func suggestVariable(name string, known map[string]bool) string {
	plain := normal(name)
	var keys []string
	for v := range known {
		keys = append(keys, normal(v))
	}
	slices.Sort(keys)
	if slices.Contains(secretVariables, strings.ToUpper("aws_"+plain)) || slices.Contains(secretVariables, strings.ToUpper(plain)) {
		return "AWS_" + strings.TrimPrefix(strings.ToUpper(plain), "AWS_")
	}
	if slices.Contains(keys, plain) {
		return prefix + strings.ToUpper(plain)
	}
	if plain == "profiles" || plain == "callers" {
		return "only a file can contain " + plain + "; name it in " + configVariable
	}
	meant := nearest(plain, keys)
	if meant == "" || strings.HasPrefix(meant, "AWS_") {
		return meant
	}
	return prefix + strings.ToUpper(meant)
}

// misspeltPrefix returns the variable that one such as COUNTERSING_PORT or COUNTERSIGNPORT was meant to be.
func misspeltPrefix(name string, known map[string]bool) string {
	joined := strings.ReplaceAll(name, "_", "")
	for variable := range known {
		if strings.ReplaceAll(variable, "_", "") == joined { // COUNTERSIGNPOLICIES
			return variable
		}
	}
	for i := range name {
		if i < 9 || i > 13 || name[i] != '_' {
			continue
		}
		meant := prefix + name[i+1:]
		if known[meant] && problem.Distance(name[:i+1], prefix) <= 2 {
			return meant
		}
	}
	return ""
}

// nearest returns the key that a name was most likely meant to be: a similar spelling, or else a known synonym, or else
// the key that shares the most words with it.
func nearest(name string, keys []string) string {
	if len(name) > 64 {
		return ""
	}
	best, least := "", max(1, len(name)/3)+1
	for _, key := range keys {
		if d := problem.Distance(name, key); d < least {
			best, least = key, d
		}
	}
	for _, key := range keys {
		if least > 1 && strings.HasSuffix(name, "_"+key) {
			return key
		}
	}
	isVariable := slices.Contains(keys, "config") // not a key in the file
	if meant := synonyms[name]; meant != "" && least > 1 && (slices.Contains(keys, meant) || meant == "AWS_REGION" && isVariable) {
		return meant
	}
	if best != "" {
		return best
	}
	shared := 0
	for _, key := range keys {
		n := 0
		for word := range strings.SplitSeq(name, "_") {
			if len(word) > 2 && slices.Contains(strings.Split(key, "_"), word) {
				n += len(word)
			}
		}
		if n > shared {
			best, shared = key, n
		}
	}
	return best
}
