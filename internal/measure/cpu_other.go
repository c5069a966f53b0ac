//go:build !linux

package measure

import (
	"errors"
	"time"
)

// CPU fails: see the package comment.
func (p *Process) CPU() (time.Duration, error) { return 0, errors.ErrUnsupported }
