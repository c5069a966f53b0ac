package converter_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"

	"countersign/converter"
)

var oddInputs = flag.Int("odd-inputs", 0, "how many definitions that were changed at random are converted")

// Definitions are built from traps and samples and changed at random: each becomes a valid connector, or is refused
// with a pointer. Input i is the same in every run; the short form takes the first inputs of the long form.
func TestConvert_OddInputs(t *testing.T) {
	samples := [][]byte{
		read(t, "testdata/1-rest-export.swagger.json"), read(t, "testdata/2-rest-export.oas30.json"),
		read(t, "testdata/4-filled.swagger.yaml"), read(t, "testdata/5-shapes.oas30.yaml"), read(t, "testdata/6-modern.oas31.yaml"),
	}
	inputs := int64(*oddInputs)
	switch {
	case inputs > 0:
	case testing.Short():
		inputs = 100
	default:
		inputs = 1000
	}
	options(t)
	published()
	var next, converted, refused atomic.Int64
	t.Run("workers", func(t *testing.T) {
		for range 2 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				var earlier []byte
				for i := next.Add(1); i <= inputs && !t.Failed(); i = next.Add(1) {
					m := mutator{rand.New(rand.NewPCG(1, uint64(i)))}
					made := convertOdd(t, m, samples, earlier)
					if made == nil {
						refused.Add(1)
						continue
					}
					converted.Add(1)
					earlier = made.Files["apiDefinition.swagger.json"]
				}
			})
		}
	})
	if converted.Load() == 0 || refused.Load() == 0 {
		t.Error("either all or none were converted")
	}
	t.Logf("%d were converted, %d refused", converted.Load(), refused.Load())
}

// convertOdd converts one input, and returns nil if it was refused.
func convertOdd(t *testing.T, m mutator, samples [][]byte, earlier []byte) *converter.Result {
	t.Helper()
	definition, whole := m.definition(samples)
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v\n%s", r, debug.Stack())
		}
		if t.Failed() {
			t.Logf("the definition is\n%s\nand the one of the earlier run is\n%s", definition, earlier)
		}
	}()
	made, err := convert(t, string(definition), func(o *converter.Options) {
		o.Greedy, o.Any = !m.one(4), []string{"get", "post"}[:m.IntN(3)]
		if !m.one(4) {
			o.Upstream = gateway
		}
		if m.one(4) {
			o.Earlier = earlier
		}
	})
	if err == nil {
		if holdsRules(t, made); whole { // a part of an account id does not count
			holdsNoSecret(t, made)
		}
		return made
	}
	faults := 1
	if joined, several := err.(interface{ Unwrap() []error }); several {
		faults = len(joined.Unwrap())
	}
	if len(pointers(err)) != faults {
		t.Errorf("refused without a pointer: %v", err)
	}
	return nil
}

// mutator makes random definitions.
type mutator struct{ *rand.Rand }

// one returns true once in n times.
func (m mutator) one(n int) bool { return m.IntN(n) == 0 }

func pick[T any](m mutator, list []T) T { return list[m.IntN(len(list))] }

// definition returns a definition made of traps, or a sample, with changes to its values or its bytes. whole reports
// whether the bytes are unchanged.
func (m mutator) definition(samples [][]byte) (text []byte, whole bool) {
	text = pick(m, samples)
	if !m.one(4) {
		list := make([]int, 1+m.IntN(4))
		for i := range list {
			list[i] = m.IntN(len(traps))
		}
		text = []byte(definitionWith(pick(m, []string{"2.0", "3.0.3", "3.1.0"}), list...))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var root any
	if decoder.Decode(&root) == nil && !m.one(8) {
		for range 1 + m.IntN(3) {
			m.change(&root)
		}
		changed, err := json.Marshal(root)
		if err != nil {
			panic(err) // values that come from JSON can always be written
		}
		if text = changed; !m.one(8) {
			return text, true
		}
	}
	return m.changeBytes(text), false
}

const words = `$ref additionalProperties allOf anyOf basePath body collectionFormat components const consumes content cookie default ` +
	`definitions delete description discriminator enum explode format formData get head header host in info items maximum minLength ` +
	`multipart/form-data name nullable oneOf openapi operationId options parameters patch path paths post produces properties ` +
	`put query readOnly requestBody required responses schema schemas schemes servers style summary swagger title type ` +
	`url variables version ` +
	`x-amazon-apigateway-any-method x-ms-summary 200 2XX 204 application/json /orders /orders/{id} /{proxy+} string object array integer file`

var vocabulary = bytes.Fields([]byte(words))

// oddValues are what a value is replaced with.
var oddValues = []string{
	`null`, `true`, `false`, `0`, `-1`, `1.5`, `1e999`, `123456789012`, `""`, `"a"`, `" "`, `"\u0000"`, `"é\u202e"`,
	`[]`, `{}`, `[[]]`, `[null]`,
	`"object"`, `"array"`, `"string"`, `"file"`, `["string","null"]`, `"${stage}"`, `"{{stage}}"`, `{"Fn::Sub":"a"}`, `{"Ref":"A"}`,
	`"arn:aws:iam::123456789012:role/a"`, `{"$ref":"#/definitions/Self"}`, `{"$ref":"#/components/schemas/Part"}`, `{"$ref":"#/paths"}`,
	`{"$ref":"#"}`, `{"$ref":"#/"}`, `{"$ref":"other.yaml#/a"}`, `{"$ref":"#/definitions/Gone"}`, `{"$ref":7}`,
	`{"type":"object","properties":{"a":{}}}`,
	`{"type":"array","items":{"type":"string"}}`, `{"allOf":[{"$ref":"#/definitions/Part"}]}`, `{"name":"a","in":"query","type":"string"}`,
	`{"name":"b","in":"body","schema":{}}`, `{"name":"c","in":"formData","type":"file"}`, `{"description":"a"}`, `{"get":{}}`, `{"url":"/"}`,
	`"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod"`, `"API"`, `"Power Automate"`,
}

// change changes the tree in one place.
func (m mutator) change(root *any) {
	at := root
	for depth := 0; depth < 12; depth++ {
		switch v := (*at).(type) {
		case map[string]any:
			if len(v) == 0 || m.one(6) {
				m.changeObject(v)
				return
			}
			name := pick(m, slices.Sorted(maps.Keys(v)))
			child := v[name]
			if m.one(6) {
				m.changeObject(v)
				return
			}
			defer func() {
				if _, there := v[name]; there {
					v[name] = child
				}
			}()
			at = &child
		case []any:
			if len(v) == 0 || m.one(8) {
				*at = append(v, m.value(*root))
				return
			}
			at = &v[m.IntN(len(v))]
		default:
			*at = m.value(*root)
			return
		}
	}
}

// changeObject removes a member, renames it, adds one or replaces its value.
func (m mutator) changeObject(o map[string]any) {
	word := string(pick(m, vocabulary))
	if len(o) == 0 {
		o[word] = m.value(o)
		return
	}
	name := pick(m, slices.Sorted(maps.Keys(o)))
	switch m.IntN(4) {
	case 0:
		delete(o, name)
	case 1:
		value := o[name]
		delete(o, name)
		o[word] = value
	case 2:
		o[word] = m.value(o)
	default:
		o[name] = m.value(o)
	}
}

// value returns an odd value or, now and then, a copy of a part of the tree.
func (m mutator) value(from any) any {
	text := []byte(pick(m, oddValues))
	if m.one(4) {
		for range m.IntN(6) {
			if o, isObject := from.(map[string]any); isObject && len(o) > 0 {
				from = o[pick(m, slices.Sorted(maps.Keys(o)))]
			}
		}
		if copied, err := json.Marshal(from); err == nil && len(copied) < 4<<10 {
			text = copied
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return v
}

// changeBytes removes, inserts or repeats some bytes.
func (m mutator) changeBytes(text []byte) []byte {
	text = bytes.Clone(text)
	for range 1 + m.IntN(4) {
		if len(text) == 0 {
			break
		}
		at := m.IntN(len(text))
		end := min(len(text), at+1+m.IntN(16))
		switch m.IntN(4) {
		case 0:
			text = slices.Delete(text, at, end)
		case 1:
			text = slices.Insert(text, at, pick(m, vocabulary)...)
		case 2:
			text = slices.Insert(text, at, bytes.Clone(text[at:end])...)
		default:
			text[at] = byte(m.IntN(256))
		}
	}
	return text
}
