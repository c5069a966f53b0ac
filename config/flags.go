package config

import (
	"reflect"
	"slices"
)

// Flag is a setting as a command line option. Its text goes into [Sources.Flags], where Load checks it; several values
// of a List are separated by commas.
type Flag struct {
	Name, Placeholder, Help string
	Values                  []string
	Switch, List            bool
}

// Flags lists the settings in the order of the reference.
func Flags() []Flag {
	var list []Flag
	for _, f := range fieldsOf(reflect.ValueOf(&Settings{}).Elem()) {
		kind := f.value.Kind()
		list = append(list, Flag{
			Name: f.flag(), Placeholder: f.placeholder, Help: f.help, Values: f.values, Switch: kind == reflect.Bool, List: kind == reflect.Slice,
		})
	}
	return list
}

// NearestFlag returns the flag that a misspelt one was most likely meant to be, or "".
func NearestFlag(name string, flags []string) string {
	keys := make([]string, len(flags))
	for i, flag := range flags {
		keys[i] = normal(flag)
	}
	if i := slices.Index(keys, nearest(normal(name), keys)); i >= 0 {
		return flags[i]
	}
	return ""
}
