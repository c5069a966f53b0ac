package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated part of docs/configuration.md")

const (
	reference = "../docs/configuration.md"
	marker    = "<!-- What follows is generated: go test ./config -run Reference -update -->\n"
)

func TestReference_MatchesTheStructs(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := bytes.Cut(text, []byte(marker))
	if !found {
		t.Fatalf("%s lacks the line %q", reference, marker)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s", head, marker)
	writeSections(&b, reflect.TypeFor[document](), "")
	if *update {
		if err := os.WriteFile(reference, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if b.String() != string(text) {
		t.Errorf("%s is out of date; run go test ./config -run Reference -update", reference)
	}
}

// writeSections writes a table for the struct, and one for each struct below it.
func writeSections(b *strings.Builder, t reflect.Type, path string) {
	title := "Settings"
	if path != "" {
		title = "`" + path + "`"
	}
	fmt.Fprintf(b, "\n## %s\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n", title)
	var live, fixed []string
	below := func() {}
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		meaning, usual := splitHelp(f.help)
		if usual == "" && f.value.Kind() == reflect.Bool {
			usual = "`false`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.key, typeText(f), usual, meaning)
		if f.reload || f.value.Kind() == reflect.Map || f.value.Kind() == reflect.Struct {
			live = append(live, "`"+f.key+"`")
		} else {
			fixed = append(fixed, "`"+f.key+"`")
		}
		at, of := join(path, f.key), f.value.Type()
		switch of.Kind() {
		case reflect.Pointer:
			of = of.Elem()
		case reflect.Map:
			at, of = at+".NAME", of.Elem()
		case reflect.Slice:
			at, of = at+"[]", of.Elem()
		}
		if of.Kind() == reflect.Struct && of != timeType {
			before := below
			below = func() { before(); writeSections(b, of, at) }
		}
	}
	if path == "" {
		fmt.Fprintf(b, "\nThese [change without a restart](operations.md#reload) when the file does: %s.\n\n"+
			"These need a restart, and until then the log warns of a change: %s.\n", strings.Join(live, ", "), strings.Join(fixed, ", "))
	}
	below()
}

func splitHelp(help string) (meaning, usual string) {
	meaning, usual, _ = strings.Cut(help, " Default: ")
	return strings.ReplaceAll(meaning, "|", "\\|"), strings.TrimSuffix(usual, ".")
}

func typeText(f field) string {
	text := strings.TrimPrefix(strings.TrimPrefix(kindOf(f.value.Type()), "a "), "the ")
	if len(f.values) > 0 {
		text = "`" + strings.Join(f.values, "`, `") + "`"
	}
	if f.least != "" {
		text += ", " + f.least + " to " + f.most
	}
	if f.value.Kind() == reflect.Interface {
		text = "mapping or text"
	}
	if f.secret {
		text += ", secret"
	}
	return text
}

func TestReference_EveryKeyHasHelp(t *testing.T) {
	used := map[string]bool{}
	var walk func(reflect.Type, string)
	walk = func(in reflect.Type, path string) {
		for _, f := range fieldsOf(reflect.New(in).Elem()) {
			at := join(path, f.key)
			used[f.help] = true
			if !strings.HasSuffix(f.help, ".") || f.key == "" {
				t.Errorf("%s: the help %q is not a sentence", at, f.help)
			}
			if _, usual := splitHelp(f.help); f.usual != "" && !strings.Contains(usual, f.usual) {
				t.Errorf("%s: the default is %s, and the help says %q", at, f.usual, usual)
			}
			if strings.HasSuffix(f.key, "_port") {
				t.Errorf("%s: Kubernetes sets a variable of this name for a Service", at)
			}
			if strings.HasSuffix(f.key, "_file") && f.secret {
				t.Errorf("%s: a secret cannot end in _file", at)
			}
			of := f.value.Type()
			for of.Kind() == reflect.Pointer || of.Kind() == reflect.Map || of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			if of.Kind() == reflect.Struct && of != timeType {
				walk(of, at)
			}
		}
	}
	walk(reflect.TypeFor[document](), "")
	for key, text := range help {
		if !used[text] {
			t.Errorf("%s has a help text but is not a key", key)
		}
	}
	if len(used) < 80 {
		t.Errorf("only %d help texts were seen", len(used))
	}
}
