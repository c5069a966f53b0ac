// Command mcp uses the Model Context Protocol SDK for Go: as a server with a path for each version of the protocol, or
// as a client that does everything that clients do and reports for each operation whether it worked:
//
//	mcp serve ADDRESS
//	mcp stream|sse VERSION ENDPOINT
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if os.Args[1] == "serve" {
		panic(http.ListenAndServe(os.Args[2], serve()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, o := range operations(os.Args[1], os.Args[2], os.Args[3]) {
		if err := o.do(ctx); err != nil {
			fmt.Printf("FAIL %s: %v\n", o.name, err)
			continue
		}
		fmt.Printf("ok %s\n", o.name)
	}
}

func expect(ok bool, values ...any) error {
	if ok {
		return nil
	}
	return errors.New("got " + fmt.Sprint(values...))
}
