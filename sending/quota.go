package sending

import "sync"

// Quota limits the bytes that the files of spools take at once. One caller gets at
// most half of it, so that there is always space for others. It is safe for
// concurrent use.
type Quota struct {
	total int64

	mu      sync.Mutex
	used    int64
	refused uint64
	callers map[string]int64
}

// NewQuota returns a quota of total bytes.
func NewQuota(total int64) *Quota { return &Quota{total: total, callers: map[string]int64{}} }

// Status returns how many bytes are in use, how many may be, and how many requests for
// bytes were refused.
func (q *Quota) Status() (used, total int64, refused uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used, q.total, q.refused
}

// take reports whether the caller gets n more bytes.
func (q *Quota) take(caller string, n int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+n > q.total || q.callers[caller]+n > q.total/2 {
		q.refused++
		return false
	}
	q.used += n
	q.callers[caller] += n
	return true
}

// give returns bytes that the caller took.
func (q *Quota) give(caller string, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used -= n
	if q.callers[caller] -= n; q.callers[caller] == 0 {
		delete(q.callers, caller)
	}
}
