package connector_test

import (
	"bytes"
	"flag"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/connector"
	"countersign/internal/contract"
)

var update = flag.Bool("update", false, "write files/ again from the contract")

// The contract in the forms that the program embeds.
var openapi, swagger = func() (openapi, swagger []byte) {
	text, err := os.ReadFile("../openapi.yaml")
	if err == nil {
		openapi, swagger, err = contract.Forms(text)
	}
	if err != nil {
		panic(err)
	}
	return openapi, swagger
}()

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// generated is computed once, since most tests only read it.
var generated = sync.OnceValues(func() (map[string][]byte, error) {
	return connector.Generate(swagger, connector.Options{})
})

func generate(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var recipesOnce = sync.OnceValues(func() ([]connector.Recipe, error) { return connector.Recipes(openapi) })

func readRecipes(t *testing.T) []connector.Recipe {
	t.Helper()
	recipes, err := recipesOnce()
	if err != nil {
		t.Fatal(err)
	}
	return recipes
}

func TestGenerate_CommittedFilesAreUpToDate(t *testing.T) {
	files := generate(t)
	want := []string{"apiDefinition.swagger.json", "apiProperties.json", "icon.png", "readme.md", "settings.json"}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Fatalf("Generate made %q, want %q", got, want)
	}
	for name, text := range files {
		path := filepath.Join("files", name)
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed := read(t, path)
		same := bytes.Equal(text, committed)
		if name == "icon.png" {
			same = samePicture(t, text, committed) // compression may change with the Go release
		}
		if !same {
			t.Errorf("%s is out of date with openapi.yaml. Run: go test ./connector -update", path)
		}
	}
}

func samePicture(t *testing.T, a, b []byte) bool {
	t.Helper()
	one, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	other, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if one.Bounds() != other.Bounds() {
		return false
	}
	for y := range one.Bounds().Dy() {
		for x := range one.Bounds().Dx() {
			if one.At(x, y) != other.At(x, y) {
				return false
			}
		}
	}
	return true
}

func TestGenerate_IsDeterministic(t *testing.T) {
	again, err := connector.Generate(swagger, connector.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range generate(t) {
		if !bytes.Equal(text, again[name]) {
			t.Errorf("%s differs between runs", name)
		}
	}
}

func TestIcon_FitsTheCatalogue(t *testing.T) {
	text := generate(t)["icon.png"]
	picture, err := png.DecodeConfig(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if picture.Width != picture.Height || picture.Width < 100 || picture.Width > 230 {
		t.Errorf("the icon is %d by %d, want a square of 100 to 230", picture.Width, picture.Height)
	}
	if len(text) > 1<<20 {
		t.Errorf("the icon has %d bytes, want less than 1 MB", len(text))
	}
}

func TestWrite_WritesEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := connector.Write(dir, openapi, swagger, connector.Options{Host: "sign.example.com"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			got = append(got, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"apiDefinition.swagger.json", "apiProperties.json", "icon.png",
		"logic-apps-standard/call-api-gateway/workflow.json", "logic-apps-standard/call-aws/workflow.json",
		"logic-apps-standard/loop-with-resigning/workflow.json", "logic-apps-standard/parameters.json",
		"logic-apps-standard/presigned-upload/workflow.json", "logic-apps-standard/sign-then-call/workflow.json",
		"power-automate/call-api-gateway.zip", "power-automate/call-aws.zip", "power-automate/loop-with-resigning.zip",
		"power-automate/presigned-upload.zip", "power-automate/sign-then-call.zip",
		"readme.md",
	}
	recipes := readRecipes(t)
	for _, folder := range []string{"recipes/logic-apps/", "recipes/n8n/"} {
		for _, r := range recipes {
			want = append(want, folder+r.Name+".json")
		}
	}
	want = append(want, []string{
		"settings.json",
		"workflows/call-api-gateway.json", "workflows/call-aws.json", "workflows/connector-call-aws.json", "workflows/connector-form.json",
		"workflows/loop-with-resigning.json", "workflows/presigned-upload.json", "workflows/sign-then-call.json",
	}...)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("Write wrote %q, want %q", got, want)
	}
	if text := read(t, filepath.Join(dir, "apiDefinition.swagger.json")); !bytes.Contains(text, []byte(`"host": "sign.example.com"`)) {
		t.Error("the definition does not have the requested host")
	}
}

func TestWrite_FailsIfAFileIsInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := connector.Write(path, openapi, swagger, connector.Options{}); err == nil {
		t.Error("Write into a file succeeded, want an error")
	}
}

func TestHost_AcceptsPastedForms(t *testing.T) {
	for host, want := range map[string]string{
		"": "sign.example.com", "sign.example.com": "sign.example.com", "https://sign.example.com/": "sign.example.com",
		"HTTPS://Sign.Example.com": "sign.example.com",
		"sign.example.com:8443":    "sign.example.com:8443", "http://sign.example.com": "", "https://sign.example.com/v1": "",
		"https://": "", "sign.example.com?a=b": "", "a b": "", "https://user@x": "", "x:port": "",
		"https://https://x": "", "ftp://x": "", "x//": "", "<host>": "",
	} {
		files, err := connector.Generate(swagger, connector.Options{Host: host})
		switch definition := string(files["apiDefinition.swagger.json"]); {
		case want == "" && err == nil:
			t.Errorf("%q is accepted", host)
		case want != "" && (err != nil || !strings.Contains(definition, `"host": "`+want+`"`)):
			t.Errorf("%q: want %q, got %v and\n%.300s", host, want, err, definition)
		}
	}
}
