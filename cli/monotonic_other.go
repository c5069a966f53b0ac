//go:build !linux

package cli

// reloadingLines say that a reload begins.
func reloadingLines() []string { return []string{"RELOADING=1"} }
