package reading_test

import (
	"strings"
	"testing"

	"countersign/reading"
)

func TestReadCurlArguments_ReadsFiles(t *testing.T) {
	files := map[string]string{"body": "a b\r\n\x00c", "big": strings.Repeat("x", 9<<20)}
	read := func(words ...string) reading.Reading {
		file := func(name string) ([]byte, bool) {
			text, ok := files[name]
			return []byte(text), ok
		}
		return reading.ReadCurlArguments(reading.CurlArguments{Words: append(words, "https://a.example/f/"), File: file})
	}
	for _, test := range []struct {
		words             []string
		method, url, body string
	}{
		{[]string{"-d", "@body"}, "POST", "https://a.example/f/", "a bc"},
		{[]string{"--data-binary", "@body"}, "POST", "https://a.example/f/", files["body"]},
		{[]string{"--data-raw", "@body"}, "POST", "https://a.example/f/", "@body"},
		{[]string{"--json", "@body"}, "POST", "https://a.example/f/", files["body"]},
		{[]string{"--data-urlencode", "n@body"}, "POST", "https://a.example/f/", "n=a+b%0D%0A%00c"},
		{[]string{"-d", "q=1", "--data-urlencode", "@body"}, "POST", "https://a.example/f/", "q=1&a+b%0D%0A%00c"},
		{[]string{"-T", "body"}, "PUT", "https://a.example/f/body", files["body"]},
		{[]string{"--data-binary", "@big"}, "POST", "https://a.example/f/", files["big"]},
	} {
		r := read(test.words...)
		if len(r.Exchanges) != 1 || len(r.Notes) != 0 {
			t.Errorf("%v: %d requests, notes %v", test.words, len(r.Exchanges), r.Notes)
			continue
		}
		q := r.Exchanges[0].Request
		if q.Method.Text() != test.method || q.URL.Text() != test.url || q.Body.Content.Text() != test.body {
			t.Errorf("%v: %s %s %.40q", test.words, q.Method.Text(), q.URL.Text(), q.Body.Content.Text())
		}
	}
	if r := read("-d", "@none"); len(r.Notes) != 1 || r.Notes[0].Code != "body_in_file" {
		t.Errorf("a missing file: %v", r.Notes)
	}
	if r := read("-d", "a", "-T", "body"); len(r.Notes) == 0 || !r.Notes[0].Error {
		t.Errorf("two bodies: %v", r.Notes)
	}
}

func TestTakesNext(t *testing.T) {
	for word, want := range map[string]bool{
		"-d": true, "-sSd": true, "-da=1": false, "-s": false, "--data": true, "--silent": false, "--no-buffer": false, "-": false,
		"--": false, "a": false, "-XPOST": false, "-sX": true, "--none": false, "-~": false,
	} {
		if got := reading.TakesNext(word); got != want {
			t.Errorf("%s: %t", word, got)
		}
	}
}
