package converter_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// published is the part of Microsoft's published JSON schema for definitions that concerns the fields ours has.
var published = sync.OnceValue(func() *jsonschema.Schema {
	text, err := os.ReadFile("testdata/definition.schema.json")
	if err != nil {
		panic(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseRegexpEngine(func(text string) (jsonschema.Regexp, error) {
		return regexp.Compile(strings.ReplaceAll(text, "^x-(?!ms-)", "^x-[^m]"))
	})
	if err := compiler.AddResource("file:///definition", document); err != nil {
		panic(err)
	}
	return compiler.MustCompile("file:///definition")
})
