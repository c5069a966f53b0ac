package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type order struct {
	ID string `json:"id"`
}

// serve returns a handler with an endpoint for each version, and /sse for the transport of the first one.
func serve() http.Handler {
	mux := http.NewServeMux()
	for _, version := range mcp.SupportedProtocolVersions() {
		s := server(version)
		mux.Handle("/mcp/"+version, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{
			Stateless: version >= "2026", EventStore: mcp.NewMemoryEventStore(nil), DisableLocalhostProtection: true,
		}))
	}
	mux.Handle("/sse", mcp.NewSSEHandler(func(*http.Request) *mcp.Server { return server("2024-11-05") }, &mcp.SSEOptions{
		DisableLocalhostProtection: true,
	}))
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}

func server(version string) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "orders", Version: "1"}, &mcp.ServerOptions{SupportedProtocolVersions: []string{version}})
	tool := func(name string, do func(context.Context, *mcp.CallToolRequest, order) (*mcp.CallToolResult, error)) {
		mcp.AddTool(s, &mcp.Tool{Name: name, Description: name}, func(
			ctx context.Context, r *mcp.CallToolRequest, in order,
		) (*mcp.CallToolResult, any, error) {
			result, err := do(ctx, r, in)
			return result, nil, err
		})
	}
	tool("get_order", func(ctx context.Context, r *mcp.CallToolRequest, in order) (*mcp.CallToolResult, error) {
		return text("order " + in.ID), progress(ctx, r, 3)
	})
	tool("fail", func(context.Context, *mcp.CallToolRequest, order) (*mcp.CallToolResult, error) {
		return nil, errors.New("there is no such order")
	})
	tool("delete_order", func(context.Context, *mcp.CallToolRequest, order) (*mcp.CallToolResult, error) {
		return text("deleted"), nil
	})
	// Its connection is cut after the first event, see the test.
	tool("interrupted", func(ctx context.Context, r *mcp.CallToolRequest, in order) (*mcp.CallToolResult, error) {
		if err := progress(ctx, r, 1); err != nil {
			return nil, err
		}
		time.Sleep(200 * time.Millisecond)
		return text("order " + in.ID), nil
	})
	tool("sample", func(ctx context.Context, r *mcp.CallToolRequest, _ order) (*mcp.CallToolResult, error) {
		answer, err := r.Session.CreateMessage(ctx, &mcp.CreateMessageParams{MaxTokens: 1})
		if err != nil {
			return nil, err
		}
		return text(answer.Model), nil
	})
	tool("change", func(context.Context, *mcp.CallToolRequest, order) (*mcp.CallToolResult, error) {
		tool("new_tool", func(context.Context, *mcp.CallToolRequest, order) (*mcp.CallToolResult, error) { return text(""), nil })
		return text("changed"), nil
	})
	return s
}

// progress reports n steps, if the client asked for it.
func progress(ctx context.Context, r *mcp.CallToolRequest, n int) error {
	token := r.Params.GetProgressToken()
	for i := range n {
		if token == nil {
			return nil
		}
		if err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
			ProgressToken: token, Progress: float64(i + 1), Total: float64(n),
		}); err != nil {
			return err
		}
	}
	return nil
}
