package main

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// operation is an operation that must work.
type operation struct {
	name string
	do   func(context.Context) error
}

// keyed adds Countersign's key to requests.
type keyed struct{}

func (keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-API-Key", os.Getenv("KEY"))
	return http.DefaultTransport.RoundTrip(r)
}

// client is a session and what it received.
type client struct {
	*mcp.ClientSession
	transport, version, endpoint string

	steps   atomic.Int64
	changed chan struct{}
}

func (c *client) connect(ctx context.Context) (err error) {
	c.changed = make(chan struct{}, 16)
	made := mcp.NewClient(&mcp.Implementation{Name: "peer", Version: "1"}, &mcp.ClientOptions{
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			return &mcp.CreateMessageResult{Model: "peer", Role: "assistant", Content: &mcp.TextContent{Text: "yes"}}, nil
		},
		ToolListChangedHandler:      func(context.Context, *mcp.ToolListChangedRequest) { c.changed <- struct{}{} },
		ProgressNotificationHandler: func(context.Context, *mcp.ProgressNotificationClientRequest) { c.steps.Add(1) },
	})
	var transport mcp.Transport = &mcp.StreamableClientTransport{Endpoint: c.endpoint, HTTPClient: &http.Client{Transport: keyed{}}}
	if c.transport == "sse" {
		transport = &mcp.SSEClientTransport{Endpoint: c.endpoint, HTTPClient: &http.Client{Transport: keyed{}}}
	}
	c.ClientSession, err = made.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: c.version})
	return err
}

// call calls a tool for an order and returns the text of its result.
func (c *client) call(ctx context.Context, name string) (string, *mcp.CallToolResult, error) {
	params := &mcp.CallToolParams{Name: name, Arguments: map[string]any{"id": "1042"}}
	params.SetProgressToken(name)
	result, err := c.CallTool(ctx, params)
	if err != nil || len(result.Content) != 1 {
		return "", result, err
	}
	content, _ := result.Content[0].(*mcp.TextContent)
	return content.Text, result, nil
}

func operations(transport, version, endpoint string) []operation {
	c := &client{transport: transport, version: version, endpoint: endpoint}
	list := []operation{
		{"connect", func(ctx context.Context) error {
			if err := c.connect(ctx); err != nil {
				return err
			}
			got := c.InitializeResult().ProtocolVersion
			return expect(got == version, got)
		}},
		{"list tools", func(ctx context.Context) error {
			result, err := c.ListTools(ctx, nil)
			if err != nil {
				return err
			}
			has := slices.ContainsFunc(result.Tools, func(tool *mcp.Tool) bool { return tool.Name == "get_order" })
			return expect(has, len(result.Tools))
		}},
		{"call", func(ctx context.Context) error {
			got, _, err := c.call(ctx, "get_order")
			if err != nil {
				return err
			}
			for range 100 { // the notification handler runs concurrently
				if c.steps.Load() == 3 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			return expect(got == "order 1042" && c.steps.Load() == 3, got, c.steps.Load())
		}},
		{"failing tool", func(ctx context.Context) error {
			got, result, err := c.call(ctx, "fail")
			if err != nil {
				return err
			}
			return expect(result.IsError && strings.Contains(got, "no such order"), got)
		}},
		{"unknown tool", func(ctx context.Context) error {
			_, _, err := c.call(ctx, "unknown")
			return expect(err != nil && strings.Contains(err.Error(), "unknown tool"), err)
		}},
	}
	if version < "2026" { // 2026 has neither sessions nor requests from the server
		list = append(list, operation{"sampling", func(ctx context.Context) error {
			got, _, err := c.call(ctx, "sample")
			if err != nil {
				return err
			}
			return expect(got == "peer", got)
		}}, operation{"change of tools", func(ctx context.Context) error {
			if _, _, err := c.call(ctx, "change"); err != nil {
				return err
			}
			select {
			case <-c.changed:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
	}
	if version < "2026" && transport == "stream" {
		list = append(list, operation{"interrupted stream", func(ctx context.Context) error {
			got, _, err := c.call(ctx, "interrupted")
			if err != nil {
				return err
			}
			return expect(got == "order 1042", got)
		}})
	}
	return append(list, operation{"end", func(context.Context) error { return c.Close() }},
		operation{"tool that is not permitted", func(ctx context.Context) error {
			if err := c.connect(ctx); err != nil {
				return err
			}
			_, _, err := c.call(ctx, "delete_order")
			return expect(err != nil && strings.Contains(err.Error(), "Forbidden"), err)
		}})
}
