// Command clients runs the same S3 operations with aws-sdk-go-v2 or with minio-go, through an endpoint, and reports for
// each whether it worked:
//
//	clients sdk|minio ENDPOINT BUCKET KEYS
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strconv"
)

// operation is an operation that must work.
type operation struct {
	name string
	do   func(context.Context) error
}

func main() {
	client, endpoint, bucket := os.Args[1], os.Args[2], os.Args[3]
	keys, err := strconv.Atoi(os.Args[4])
	if err != nil {
		panic(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file := os.Getenv("AWS_CA_BUNDLE"); file != "" {
		roots := x509.NewCertPool()
		text, err := os.ReadFile(file)
		if err != nil || !roots.AppendCertsFromPEM(text) {
			panic(err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	operations := sdk
	if client == "minio" {
		operations = minioGo
	}
	for _, o := range operations(transport, endpoint, bucket, keys) {
		if err := o.do(context.Background()); err != nil {
			fmt.Printf("FAIL %s: %v\n", o.name, err)
			continue
		}
		fmt.Printf("ok %s\n", o.name)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

var (
	small = []byte("hello, world")
	large = random(11<<20 + 1)
)

func md5Of(b []byte) string {
	sum := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// randomKeys returns object keys with everything that a key may contain, except what file-based servers cannot store:
// segments of dots, and empty segments.
func randomKeys(n int) []string {
	alphabet := []rune("abcXYZ019 -_.!~*'()&$@=;:+,?#[]%\"<>^`{|}äöß€日本語🙂")
	keys := make([]string, n)
	for i := range keys {
		key := make([]rune, 1+mathrand.IntN(24))
		for j := range key {
			key[j] = alphabet[mathrand.IntN(len(alphabet))]
		}
		keys[i] = fmt.Sprintf("keys/%d/x%sx", i, string(key))
	}
	return keys
}

func same(r io.Reader, want []byte) error {
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d bytes, want %d others", len(got), len(want))
	}
	return err
}

func expect(ok bool, what string, values ...any) error {
	if ok {
		return nil
	}
	return errors.New(what + ": " + fmt.Sprint(values...))
}
