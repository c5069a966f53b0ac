package access

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/internal/appendjson"
)

// Each field of a record is written under the name in its JSON tag.
func TestRecord_LineIsWhatEncodingJSONWrites(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var r Record
		fill(random, reflect.ValueOf(&r).Elem())
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			t.Fatal(err)
		}
		o := appendjson.Open(nil)
		r.appendTo(o)
		got, _ := o.Close()
		if got = append(got, '\n'); !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("got  %s\nwant %s", got, &want)
		}
	}
}

// docs/log.schema.json has exactly the fields of records.
func TestRecord_SchemaHasEachField(t *testing.T) {
	text, err := os.ReadFile("../docs/log.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"time": true, "level": true, "type": true, "schema": true, "message": true}
	var walk func(reflect.Type)
	walk = func(in reflect.Type) {
		for i := range in.NumField() {
			if f := in.Field(i); f.Anonymous {
				walk(f.Type)
			} else if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				want[name] = true
			}
		}
	}
	walk(reflect.TypeFor[Record]())
	got := map[string]bool{}
	for name := range schema.Definitions["audit"].Properties {
		got[name] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("the schema has\n%v\nand records have\n%v", got, want)
	}
}

// fill sets about half of a struct's fields at random.
func fill(random *rand.Rand, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]() {
			fill(random, f)
			continue
		}
		if random.IntN(2) == 0 {
			continue
		}
		at := time.Unix(random.Int64N(1<<32), random.Int64N(1000)*1_000_000).UTC()
		switch f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(at))
		case *time.Time:
			f.Set(reflect.ValueOf(&at))
		case []string:
			f.Set(reflect.ValueOf([]string{"a", text(random)}[:random.IntN(3)]))
		default:
			switch f.Kind() {
			case reflect.String:
				f.SetString(text(random))
			case reflect.Float64:
				f.SetFloat(float64(random.Int64N(1<<40)) / 1000)
			default:
				f.SetInt(random.Int64N(1 << 40))
			}
		}
	}
}

func text(random *rand.Rand) string {
	return []string{"plain", `"\`, "é\u2028", "\xff\n\x01", "<&>"}[random.IntN(5)]
}
