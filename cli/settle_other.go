//go:build !linux

package cli

// unmapProgram is for Linux alone.
func unmapProgram() {}
