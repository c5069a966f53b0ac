package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// readTexts are the files whose text people read: all of a document, the string
// literals (with the tags of fields) and the comments of Go.
var readTexts = []string{
	"*.md",
	"docs/*.md", "docs/n8n*",
	"examples/*",
	".github/ISSUE_TEMPLATE/*",
	"connector/*.go", "converter/*.go", "connector/workflows/*", "connector/files/*.md", "connector/files/apiProperties.json",
	"openapi.yaml", "problem/*.go", "broker/*.go", "handlers/*.go", "diagnosis/*.go", "explain/*.go",
	"workbench/*.html", "workbench/*.js",
	"deploy/azure/*.*", "deploy/kubernetes/*.yaml", "deploy/prometheus/*", "deploy/systemd/*",
	"cli/*.go", "config/*.go", "api/*.go", "proxy/*.go", "sandbox/*.go", "access/*.go", "credentials/*.go", "endpoints/*.go",
	"reading/*.go", "sending/*.go", "snippets/*.go", "telemetry/*.go", "signing/*.go", "internal/*/*.go",
}

// oddWords are words that a text translated into English has and an engineer who
// writes English does not use.
var oddWords = regexp.MustCompile(`(?i)` + strings.ReplaceAll(strings.Join([]string{
	`\brooms?\b`, `\bin so many words\b`, `\b(is|are) to be\b`,
	`\bnot a right one\b`, `\bwho may have\b`, `\bthe whole way\b`, `\bways? in\b`, `\bin miniature\b`, `\bshall\b`, `\bheed(s|ed|ing)?\b`,
	`\bbears?\b`, `\bow(e|es|ed)\b`, `\bmend(s|ed|ing)?\b`, `\bat hand\b`,
	`\bbrings? what\b`, `\banew\b`, `\bwhosesoever\b`, `\bfor want of\b`,
	`\b(can|could) not be had\b`, `\b(can|could|cannot) be had\b`,
}, "|"), " ", `\s+`))

func TestTexts_ArePlainEnglish(t *testing.T) {
	for _, pattern := range readTexts {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Errorf("no file is named %s: %v", pattern, err)
		}
		for _, file := range files {
			if file == "docs/words_test.go" {
				continue // it quotes the words
			}
			for _, p := range passages(t, file) {
				for _, at := range oddWords.FindAllStringIndex(p.text, -1) {
					t.Errorf("%s:%d has %q", file, p.line+strings.Count(p.text[:at[0]], "\n"), p.text[at[0]:at[1]])
				}
			}
		}
	}
}

func TestTexts_TheWordListFinds(t *testing.T) {
	for text, want := range map[string]string{
		"The key is not a right one.":         "not a right one",
		"Only `auth: none`, in so many words": "in so many words",
		"the rooms of the house":              "rooms",
		"accountId is to be 12 digits":        "is to be",
		"Authorization: Bearer KEY":           "",
		"a shallow copy":                      "",
	} {
		if got := oddWords.FindString(text); got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

type passage struct {
	line int
	text string
}

// passages are the texts of a file: all of a document, each literal and comment of Go.
func passages(t *testing.T, file string) []passage {
	t.Helper()
	if strings.HasSuffix(file, ".go") {
		return goTexts(t, file)
	}
	return []passage{{1, content(t, file)}}
}

func goTexts(t *testing.T, file string) []passage {
	t.Helper()
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []passage
	for _, comment := range tree.Comments {
		all = append(all, passage{files.Position(comment.Pos()).Line, comment.Text()})
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", file, err))
			}
			all = append(all, passage{files.Position(literal.Pos()).Line, text})
		}
		return true
	})
	return all
}
