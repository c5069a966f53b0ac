// Command gen writes the table that package endpoints embeds.
//
// It reads tab-separated files of facts with the columns fact, key, value, extra and source, and
// writes one line for each fact, sorted by kind and key, without the sources. It fails on unknown
// kinds, missing columns and contradictory facts. The files are
//
//	models.tsv  names, suffixes and partitions from the models of the AWS SDKs
//	names.tsv   services and regions, with titles for people
//	rules.tsv   forms of hosts from AWS's documentation
//	quirks.tsv  what services require of signers
//	stores.tsv  third-party S3-compatible stores
//
// To update the table, edit them and run
//
//	go run ./gen -o facts.txt gen/models.tsv gen/names.tsv gen/rules.tsv gen/quirks.tsv gen/stores.tsv
package main

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	out := flag.String("o", "facts.txt", "`file` to write")
	flag.Parse()
	if err := run(flag.Args(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(files []string, out string) error {
	t := table{}
	for _, name := range files {
		if err := t.readFile(name); err != nil {
			return err
		}
	}
	return os.WriteFile(out, []byte(t.String()), 0o644)
}

// columns is the header of every file.
const columns = "fact key value extra source"

// table holds the lines to write: kind and key, then the other columns.
type table map[[2]string][]string

// put adds a fact. The same fact may be added twice, from two sources.
func (t table) put(kind, key string, values ...string) error {
	k := [2]string{kind, key}
	if old, ok := t[k]; ok && !slices.Equal(old, values) {
		return fmt.Errorf("%s %q is both %q and %q", kind, key, old, values)
	}
	t[k] = values
	return nil
}

// extend adds a word to the last column of a fact that is collected from several rows.
func (t table) extend(kind, key string, word string, values ...string) error {
	k := [2]string{kind, key}
	old, ok := t[k]
	if !ok {
		t[k] = append(values, word)
		return nil
	}
	last := len(old) - 1
	if !slices.Equal(old[:last], values) {
		return fmt.Errorf("%s %q is both %q and %q", kind, key, old[:last], values)
	}
	words := strings.Fields(old[last])
	if !slices.Contains(words, word) {
		words = append(words, word)
	}
	slices.Sort(words)
	old[last] = strings.Join(words, " ")
	return nil
}

func (t table) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	r.LazyQuotes = true
	r.FieldsPerRecord = len(strings.Fields(columns))
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if got := strings.Join(head, " "); got != columns {
		return fmt.Errorf("%s has the columns %q, not %q", name, got, columns)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = t.add(row)
		}
		if err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
}

// String returns the content of the file: one fact per line, columns separated by tabs.
func (t table) String() string {
	var b strings.Builder
	b.WriteString("# Facts about AWS hosts, written by gen: see facts.go for what each kind means.\n")
	keys := slices.SortedFunc(maps.Keys(t), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, k := range keys {
		b.WriteString(k[0] + "\t" + k[1])
		for _, v := range t[k] {
			b.WriteString("\t" + v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
