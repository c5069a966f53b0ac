package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// host is the part of host.json that this project uses.
type host struct {
	Version string `json:"version"`
	Logging struct {
		ApplicationInsights struct {
			SamplingSettings struct {
				IsEnabled     *bool  `json:"isEnabled"`
				ExcludedTypes string `json:"excludedTypes"`
			} `json:"samplingSettings"`
		} `json:"applicationInsights"`
	} `json:"logging"`
	Extensions struct {
		HTTP struct {
			RoutePrefix *string `json:"routePrefix"`
		} `json:"http"`
	} `json:"extensions"`
	CustomHandler struct {
		Description struct {
			DefaultExecutablePath string   `json:"defaultExecutablePath"`
			Arguments             []string `json:"arguments"`
		} `json:"description"`
		EnableProxyingHTTPRequest   bool `json:"enableProxyingHttpRequest"`
		EnableForwardingHTTPRequest bool `json:"enableForwardingHttpRequest"`
	} `json:"customHandler"`
}

// trigger is the part of function.json that this project uses.
type trigger struct {
	Bindings []binding `json:"bindings"`
}

type binding struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Direction string   `json:"direction"`
	AuthLevel string   `json:"authLevel"`
	Methods   []string `json:"methods"`
	Route     string   `json:"route"`
}

// check fails for mistakes that the Functions host would accept silently and then serve wrongly. The error contains all of them.
func check(hostJSON, functionJSON []byte) error {
	var h host
	var f trigger
	if err := errors.Join(strict("host.json", hostJSON, &h), strict("function.json", functionJSON, &f)); err != nil {
		return err
	}
	return errors.Join(append(h.faults(), f.faults()...)...)
}

// strict decodes a document and rejects unknown keys: the host ignores those, so that a misspelt one would silently disable
// something.
func strict(name string, text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (h host) faults() []error {
	var faults []error
	require := func(ok bool, text string) {
		if !ok {
			faults = append(faults, errors.New("host.json: "+text))
		}
	}
	c, sampling := h.CustomHandler, h.Logging.ApplicationInsights.SamplingSettings
	require(h.Version == "2.0", `version must be "2.0"`)
	off := sampling.IsEnabled != nil && !*sampling.IsEnabled
	require(off || slices.Contains(strings.Split(sampling.ExcludedTypes, ";"), "Trace"),
		"logging.applicationInsights.samplingSettings.excludedTypes must list Trace: "+
			"audit records are traces, and Application Insights would drop some")
	require(h.Extensions.HTTP.RoutePrefix != nil && *h.Extensions.HTTP.RoutePrefix == "",
		`extensions.http.routePrefix must be "", or every path begins with /api`)
	require(c.Description.DefaultExecutablePath == program, "customHandler.description.defaultExecutablePath must be "+program)
	require(slices.Equal(c.Description.Arguments, []string{"serve"}), "customHandler.description.arguments must be [serve]")
	require(c.EnableProxyingHTTPRequest, "customHandler.enableProxyingHttpRequest must be true: newer hosts use it to stream requests")
	require(c.EnableForwardingHTTPRequest, "customHandler.enableForwardingHttpRequest must be true: older hosts know only this one")
	return faults
}

func (f trigger) faults() []error {
	if len(f.Bindings) != 2 {
		return []error{errors.New("function.json: must have two bindings; otherwise the host wraps requests in a payload of its own")}
	}
	in, out := f.Bindings[0], f.Bindings[1]
	var faults []error
	if in.Type != "httpTrigger" || in.Direction != "in" || in.Name == "" {
		faults = append(faults, errors.New("function.json: the first binding must be an httpTrigger, direction in, with a name"))
	}
	if in.Route != "{*path}" {
		faults = append(faults, errors.New(`function.json: the trigger's route must be "{*path}", so that every path arrives`))
	}
	if !slices.Contains([]string{"anonymous", "function", "admin"}, in.AuthLevel) {
		faults = append(faults, errors.New("function.json: the trigger's authLevel must be anonymous, function or admin"))
	}
	for _, method := range []string{"get", "head", "post", "put", "patch", "delete", "options"} {
		if !slices.Contains(in.Methods, method) {
			faults = append(faults, fmt.Errorf("function.json: the trigger's methods lack %s, which the host would reject by itself", method))
		}
	}
	if out.Type != "http" || out.Direction != "out" || out.Name == "" {
		faults = append(faults, errors.New("function.json: the second binding must be http, direction out, with a name"))
	}
	return faults
}
