package main

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startUpstream starts a server for the requests in the loads.
func startUpstream() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: upstreamHandler()}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}

// startTLSUpstream starts the same server with TLS and HTTP/1.1, and writes its certificate to a file.
func startTLSUpstream(folder string) (address, ca string, err error) {
	server := httptest.NewTLSServer(upstreamHandler()) // until the program ends
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ca = filepath.Join(folder, "ca.pem")
	return server.Listener.Addr().String(), ca, os.WriteFile(ca, text, 0o600)
}

func upstreamHandler() http.Handler {
	small, piece := []byte(strings.Repeat("x", 200)), make([]byte, 256<<10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		size := map[string]int{"/large": large, "/file": large * 3 / 4}[r.URL.Path]
		switch {
		case r.URL.Path == "/events":
			serveEvents(w)
		case size == 0:
			_, _ = w.Write(small)
		default:
			w.Header().Set("Content-Length", strconv.Itoa(size))
			for sent := 0; sent < size; sent += len(piece) {
				_, _ = w.Write(piece)
			}
		}
	})
}
