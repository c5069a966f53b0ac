// Package browser tries the workbench in a real browser. It is a module of its
// own, so that what drives the browser is no dependency of the service.
package browser
