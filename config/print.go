package config

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Print writes the effective configuration as YAML, each value followed by where it comes from. Secrets are shown as
// (set). getenv is the environment that the AWS keys come from.
func (c *Config) Print(w io.Writer, getenv func(string) string) error {
	p := printer{config: c}
	d := c.document
	d.Settings = c.Settings
	p.fields(reflect.ValueOf(d), "", "")
	if c.Region != "" {
		p.add("# AWS_REGION: "+c.Region, c.origins["AWS_REGION"].name)
	}
	env := c.Environment(getenv)
	for _, name := range secretVariables {
		if env(name) == "" {
			continue
		}
		from := name
		if _, inFile := c.secrets[name]; inFile {
			from += "_FILE"
		}
		p.add("# "+name+": (set)", from)
	}
	for _, name := range []string{
		"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_COGNITO_IDENTITY",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CA_BUNDLE",
	} {
		if text := env(name); text != "" {
			p.add("# "+name+": "+text, name)
		}
	}
	return p.write(w)
}

// printer collects lines, so that the origins behind them can be aligned.
type printer struct {
	config *Config
	lines  [][2]string
}

func (p *printer) add(text, from string) { p.lines = append(p.lines, [2]string{text, from}) }

// line adds a line with the origin of the value at path, or with usual if no source names it.
func (p *printer) line(text, path, usual string) {
	from := p.config.origins[path].name
	if from == "" {
		from = usual
	}
	p.add(text, from)
}

func (p *printer) write(w io.Writer) error {
	const widest = 60
	width := 0
	for _, line := range p.lines {
		if n := len(line[0]); n > width && n <= widest {
			width = n
		}
	}
	var b strings.Builder
	for _, line := range p.lines {
		if line[1] == "" {
			b.WriteString(line[0] + "\n")
			continue
		}
		fmt.Fprintf(&b, "%-*s  # %s\n", width, line[0], line[1])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fields prints the fields of a struct that are set or have a default.
func (p *printer) fields(v reflect.Value, path, indent string) {
	for _, f := range fieldsOf(v) {
		at := join(path, f.key)
		_, named := p.config.origins[at]
		plainSetting := path == "" && f.value.Kind() == reflect.Bool
		if f.value.IsZero() && f.usual == "" && !plainSetting && (!named || f.value.Kind() == reflect.Pointer) {
			continue
		}
		p.value(f.key+":", f.value, at, indent, f)
	}
}

// value prints one value after its label, which is a key or the dash of a list item.
func (p *printer) value(label string, v reflect.Value, path, indent string, f field) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case f.secret:
		p.line(indent+label+" (set)", path, "")
	case v.Kind() == reflect.Struct && v.Type() != timeType:
		p.line(indent+label, path, "")
		p.fields(v, path, indent+"  ")
	case v.Kind() == reflect.Map:
		p.line(indent+label, path, "")
		p.mapping(v, path, indent+"  ", f)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		p.line(indent+label, path, "")
		for i := range v.Len() {
			p.add(indent+"-", "")
			p.fields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), indent+"  ")
		}
	default:
		p.line(indent+label+" "+literal(v), path, "default")
	}
}

func (p *printer) mapping(v reflect.Value, path, indent string, f field) {
	keys := make(map[string]reflect.Value, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		keys[iter.Key().String()] = iter.Value()
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		p.value(literal(reflect.ValueOf(key))+":", keys[key], join(path, key), indent, f)
	}
}

// literal returns a value as YAML on one line. JSON is YAML.
func literal(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return shortDuration(value)
	case time.Time:
		return value.Format(time.RFC3339)
	case string:
		if isPlain(value) {
			return value
		}
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return "(unprintable)"
	}
	return string(text)
}

// shortDuration formats a duration as 1h instead of 1h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// isPlain reports whether a text needs no quotes in YAML, for any parser.
func isPlain(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	switch strings.ToLower(text) {
	case "", "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return false
	}
	return strings.Contains(letters+"/", text[:1]) && strings.Trim(text, letters+"0123456789/._-") == ""
}
