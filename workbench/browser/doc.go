// Package browser tests the workbench in a real browser. It is a module of its own, so that the browser driver is not a
// dependency of the service.
package browser
