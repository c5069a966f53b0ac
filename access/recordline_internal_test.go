package access

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"countersign/internal/appendjson"
)

// Each field of a record is written, and as its tag says.
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

// fill sets about half of the fields of a struct.
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
