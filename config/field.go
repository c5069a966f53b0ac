package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/credentials"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	textsType    = reflect.TypeFor[texts]()
)

// field is a field of a struct with the contents of its tags.
type field struct {
	key, help, placeholder, usual, least, most string
	values                                     []string
	secret, free, empty, guard, reload         bool
	index                                      []int
	value                                      reflect.Value
}

// fieldsOf lists the fields of a struct, with those of embedded structs in their place.
func fieldsOf(v reflect.Value) []field {
	list := slices.Clone(typeFields(v.Type()))
	for i := range list {
		list[i].value = v.FieldByIndex(list[i].index)
	}
	return list
}

// knownTypes caches the fields of types: a file uses the same types over and over.
var knownTypes sync.Map

// typeFields returns the fields of a struct type, without values.
func typeFields(t reflect.Type) []field {
	if list, known := knownTypes.Load(t); known {
		return list.([]field)
	}
	list := readTags(t)
	knownTypes.Store(t, list)
	return list
}

func readTags(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		in := t.Field(i)
		if in.Anonymous {
			for _, f := range readTags(in.Type) {
				f.index = append([]int{i}, f.index...)
				list = append(list, f)
			}
			continue
		}
		has := func(name string) bool { _, ok := in.Tag.Lookup(name); return ok }
		list = append(list, field{
			key: in.Tag.Get("yaml"), help: help[t.Name()+"."+in.Tag.Get("yaml")], placeholder: in.Tag.Get("placeholder"),
			usual: in.Tag.Get("usual"), least: in.Tag.Get("least"), most: in.Tag.Get("most"),
			values: strings.Fields(in.Tag.Get("values")), secret: has("secret"), free: has("free"), empty: has("empty"), guard: has("guard"),
			reload: has("reload"), index: []int{i},
		})
	}
	return list
}

func (f field) variable() string { return prefix + strings.ToUpper(f.key) }
func (f field) flag() string     { return strings.ReplaceAll(f.key, "_", "-") }

var (
	errEmpty    = errors.New("has no value; give it one, or remove it")
	errWhole    = errors.New("must be a whole number, such as 25, in decimal digits")
	errBool     = errors.New("must be true or false")
	errNumber   = errors.New("must be a number, such as 2.5")
	errDuration = errors.New("must be a duration such as 5s, 45m or 1h")
)

// set parses text into v, a setting or an item in its list. The error names the rule and never the value.
func (f field) set(v reflect.Value, text string) error {
	if strings.TrimSpace(text) == "" && !f.empty {
		return errEmpty
	}
	if !f.free {
		if reason := credentials.Unusable(text); reason != "" {
			return errors.New(reason)
		}
	}
	switch v.Interface().(type) {
	case time.Duration:
		d, err := parseDuration(text)
		if err != nil || d == 0 && f.least == "" {
			return errDuration
		}
		v.SetInt(int64(d))
		return f.boundedDuration(d)
	case time.Time:
		t, err := parseDay(text)
		if err != nil {
			return errors.New("must be a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z")
		}
		v.Set(reflect.ValueOf(t))
		return nil
	case []string:
		return f.setList(v, text)
	}
	switch v.Kind() {
	case reflect.String:
		if len(f.values) > 0 && !slices.Contains(f.values, text) {
			return fmt.Errorf("must be %s", oneOf(f.values))
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errBool
		}
		v.SetBool(b)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !decimal(text) {
			return errNumber
		}
		v.SetFloat(n)
		return f.bounded(n)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || !decimal(text) {
			return errWhole
		}
		v.SetInt(n)
		return f.bounded(float64(n))
	default:
		return fmt.Errorf("must be %s", kindOf(v.Type()))
	}
	return nil
}

// setList parses the comma-separated list in a variable or flag.
func (f field) setList(v reflect.Value, text string) error {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		var item string
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if err := f.set(reflect.ValueOf(&item).Elem(), part); err != nil {
			return err
		}
		list = append(list, item)
	}
	if len(list) == 0 {
		return errEmpty
	}
	v.Set(reflect.ValueOf(list))
	return nil
}

// decimal accepts 8080 and 2.5, but not 010, which some parsers read as 8, nor 1_000, 1e6, 0x1F, .inf or NaN.
func decimal(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	whole, _, _ := strings.Cut(digits, ".")
	if digits == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789.") == ""
}

func (f field) bounded(n float64) error {
	if f.least == "" {
		return nil
	}
	least, errLeast := strconv.ParseFloat(f.least, 64)
	most, errMost := strconv.ParseFloat(f.most, 64)
	if errLeast != nil || errMost != nil || !(n >= least && n <= most) || math.IsNaN(n) {
		return fmt.Errorf("must be %s to %s", f.least, f.most)
	}
	return nil
}

func (f field) boundedDuration(d time.Duration) error {
	if f.least == "" {
		return nil
	}
	least, errLeast := parseDuration(f.least)
	most, errMost := parseDuration(f.most)
	if errLeast != nil || errMost != nil || d < least || d > most {
		return fmt.Errorf("must be %s to %s", f.least, f.most)
	}
	return nil
}

// parseDuration parses a non-negative duration. It must have a unit, even if it is 0s.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || strings.HasPrefix(text, "-") || strings.HasSuffix(text, "0") {
		return 0, errDuration
	}
	return d, nil
}

func oneOf(values []string) string {
	if len(values) == 1 {
		return fmt.Sprintf("%q, or be removed", values[0])
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// kindOf describes the type of a setting in the user's terms.
func kindOf(t reflect.Type) string {
	switch {
	case t == timeType:
		return "a day or a time"
	case t == durationType:
		return "a duration"
	case t == textsType:
		return "a string or a list of strings"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of strings"
		}
		return "a list"
	case reflect.Map:
		if t.Elem().Kind() == reflect.String {
			return "a mapping of strings"
		}
		return "a mapping"
	case reflect.Struct, reflect.Pointer, reflect.Interface:
		return "a mapping"
	}
	return "a string"
}

func parseDay(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}
