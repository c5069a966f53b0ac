//go:build peers

package proxy_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// chunked returns a body in signed chunks of a size; the signatures are a client's, made with a key that no one has.
func chunked(body []byte, size int) string {
	var out strings.Builder
	zeros := strings.Repeat("0", 64)
	for rest := body; len(rest) > 0; {
		n := min(size, len(rest))
		fmt.Fprintf(&out, "%x;chunk-signature=%s\r\n%s\r\n", n, zeros, rest[:n])
		rest = rest[n:]
	}
	fmt.Fprintf(&out, "0;chunk-signature=%s\r\n\r\n", zeros)
	return out.String()
}

// put sends a request exactly as written here, closes its connection, and returns the status, 0 if there was no
// response.
func put(t *testing.T, front, key, hash string, decoded int, length int, body string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(front, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	head := fmt.Sprintf("PUT /proxy/%s/%s/bucket/%s HTTP/1.1\r\nHost: x\r\n"+
		"X-API-Key: %s\r\nX-Amz-Content-Sha256: %s\r\nContent-Length: %d\r\n",
		profile, host, key, apiKey, hash, length)
	if strings.HasPrefix(hash, "STREAMING") {
		head += fmt.Sprintf("Content-Encoding: aws-chunked\r\nX-Amz-Decoded-Content-Length: %d\r\n", decoded)
	}
	go func() {
		_, _ = io.WriteString(conn, head+"\r\n"+body)
		if len(body) < length {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// get returns the object with a key, and whether it exists.
func get(t *testing.T, front, key string) ([]byte, bool) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front+"/proxy/"+profile+"/"+host+"/bucket/"+key, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", apiKey)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNotFound {
		t.Fatalf("reading %s: %s, %v", key, response.Status, err)
	}
	return body, response.StatusCode == http.StatusOK
}

// makeBucket creates a bucket. It retries, since MinIO is up before it accepts requests.
func makeBucket(t *testing.T, front string) {
	t.Helper()
	var status string
	for range 100 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, front+"/proxy/"+profile+"/"+host+"/bucket", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", apiKey)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if status = response.Status; response.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("making a bucket: %s", status)
}

// Chunks of all sizes are stored, and a body with a broken chunk or a wrong hash never creates an object.
func TestProxy_StoresOnlyWholeBodies(t *testing.T) {
	for server, start := range map[string]func(*testing.T) string{"versitygw": startVersity, "MinIO": startMinIO} {
		t.Run(server, func(t *testing.T) {
			front, _ := startProxy(t, start(t), false)
			makeBucket(t, front)
			body := bytes.Repeat([]byte("0123456789abcdef"), (2<<20+48)/16)
			for name, row := range map[string]struct{ size, length int }{
				"no byte": {8 << 10, 0}, "one byte": {8 << 10, 1}, "8 KiB": {8 << 10, len(body)}, "64 KiB": {64 << 10, len(body)},
				"1 MiB": {1 << 20, len(body)},
			} {
				sent := body[:row.length]
				wire, key := chunked(sent, row.size), strings.ReplaceAll(name, " ", "-")
				status := put(t, front, key, signing.StreamingPayload, len(sent), len(wire), wire)
				if got, found := get(t, front, key); status != http.StatusOK || !found || !bytes.Equal(got, sent) {
					t.Errorf("%s: response %d, stored %t, %d bytes", name, status, found, len(got))
				}
			}
			whole, hash := chunked(body, 64<<10), sha256.Sum256([]byte("another body"))
			false256 := hex.EncodeToString(hash[:])
			middle := strings.LastIndex(whole[:len(whole)/2], ";chunk-signature=")
			for name, row := range map[string]struct {
				hash, body string
				length     int
			}{
				"a chunk above 1 MiB":        {signing.StreamingPayload, chunked(body, 1<<20+1), 0},
				"an invalid signature":       {signing.StreamingPayload, whole[:middle+20] + "zz" + whole[middle+22:], 0},
				"a chunk with a larger size": {signing.StreamingPayload, whole[:middle-5] + "0ffff" + whole[middle:], 0},
				"an invalid size":            {signing.StreamingPayload, whole[:middle-1] + "x" + whole[middle:], 0},
				"cut off in a chunk":         {signing.StreamingPayload, whole[:len(whole)/2], len(whole)},
				"cut off between chunks":     {signing.StreamingPayload, whole[:middle-5], len(whole)},
				"without its last chunk":     {signing.StreamingPayload, whole[:strings.LastIndex(whole, "\r\n0;")+2], len(whole)},
				"data after the end":         {signing.StreamingPayload, whole + "x", 0},
				"a wrong hash":               {false256, string(body), 0},
				"cut off under its hash":     {hexOf(body), string(body[:len(body)-1]), len(body)},
			} {
				length := max(row.length, len(row.body))
				key := strings.ReplaceAll(name, " ", "-")
				status := put(t, front, key, row.hash, len(body), length, row.body)
				if status >= 200 && status < 400 {
					t.Errorf("%s: response %d", name, status)
				}
				if _, found := get(t, front, key); found {
					t.Errorf("%s: stored", name)
				}
			}
		})
	}
}

func hexOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
