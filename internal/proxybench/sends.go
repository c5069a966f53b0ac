package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/measure"
)

// send is a request to /v1/send, and what it replaces: the same request signed by /v1/sign and sent through
// ReverseProxy or, if the response determines the cost, through ReverseProxy alone.
type send struct {
	name          string
	whole, passed load
	signed        *load
	gate          float64
}

func sends(aws string) []send {
	document := func(fields string) []byte { return []byte(`{"url":"http://` + aws + fields + "}") }
	body := `{"order":"` + strings.Repeat("0123456789", 100) + `"}`
	post := `/small","method":"POST","headers":{"Content-Type":"application/json"},"body":` + body
	own := func(path, fields string, requests, connections int) load {
		return load{
			requests: requests, connections: connections, method: http.MethodPost, path: path, own: true, body: document(fields),
			headers: map[string]string{"Content-Type": "application/json"},
		}
	}
	sign := own("/v1/sign", post, 4000, 8)
	return []send{
		{
			name: "/v1/send, POST 1 KiB", gate: 1.15, whole: own("/v1/send", post, 4000, 8), signed: &sign,
			passed: load{
				requests: 4000, connections: 8, method: http.MethodPost, path: "/small", body: []byte(body),
				headers: map[string]string{"Content-Type": "application/json"},
			},
		},
		{
			name: "/v1/send, GET 75 MiB", gate: 2.5, whole: own("/v1/send", `/file","method":"GET"`, 6, 2),
			passed: load{requests: 6, connections: 2, method: http.MethodGet, path: "/file"},
		},
	}
}

// compare measures the parts and the whole.
func (s *send) compare(out io.Writer, bare, product *child, aws string, rounds int) error {
	var cost, ratio []float64
	var memory float64
	for round := -1; round < rounds; round++ {
		parts, _, err := bare.give(&s.passed, aws)
		if err == nil && s.signed != nil {
			var signing float64
			signing, _, err = product.give(s.signed, aws)
			parts += signing
		}
		if err != nil {
			return fmt.Errorf("%s, what it wraps: %w", s.name, err)
		}
		whole, resident, err := product.give(&s.whole, aws)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if round >= 0 {
			cost, ratio, memory = append(cost, whole), append(ratio, whole/parts), max(memory, resident)
		}
	}
	fmt.Fprintf(out, "%s\t÷ what it wraps\t%.0f\t%.2f\t%.0f\t%.2f\t\t\n", s.name, measure.Median(cost), measure.Median(ratio), memory, s.gate)
	return nil
}

const events = 400

// serveEvents sends a number of events, each with the current time.
func serveEvents(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for range events {
		fmt.Fprintf(w, "%d\n", time.Now().UnixNano())
		_ = http.NewResponseController(w).Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

// followEvents prints how long events take to arrive.
func (c *child) followEvents(out io.Writer, aws string) error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, c.url("/events", aws), nil)
	if err != nil {
		return err
	}
	r.Header.Set("X-Api-Key", apiKey)
	response, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var late []float64
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		sent, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return err
		}
		late = append(late, float64(time.Now().UnixNano()-sent)/1e6)
	}
	if len(late) != events {
		return fmt.Errorf("%d events of %d arrived", len(late), events)
	}
	first := late[0]
	slices.Sort(late)
	fmt.Fprintf(out, "events\t%s\t the first %.2f ms late, the median %.2f, 99 %% within %.2f (gate 5)\n", c.name, first, late[events/2],
		late[events*99/100])
	return nil
}
