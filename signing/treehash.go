package signing

import (
	"crypto/sha256"
	"hash"
)

// NewTreeHash returns the SHA-256 tree hash of S3 Glacier, which is sent in x-amz-sha256-tree-hash
// (S3 Glacier Developer Guide, "Computing Checksums"): the hashes of each MiB are joined in pairs
// and hashed until one is left.
func NewTreeHash() hash.Hash { return &treeHash{leaf: sha256.New()} }

// treeHash keeps the roots of complete subtrees in descending height, so that its size grows with
// the logarithm of the payload.
type treeHash struct {
	roots  [][sha256.Size]byte
	leaves uint64    // complete leaves; the bits set are the heights of the roots
	leaf   hash.Hash // of the MiB being written
	filled int       // bytes written to it
}

const leafSize = 1 << 20

func (h *treeHash) Size() int      { return sha256.Size }
func (h *treeHash) BlockSize() int { return leafSize }

func (h *treeHash) Reset() {
	h.roots, h.leaves, h.filled = h.roots[:0], 0, 0
	h.leaf.Reset()
}

func (h *treeHash) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if h.filled == leafSize { // complete the leaf only when more data follows
			h.roots = append(h.roots, [sha256.Size]byte(h.leaf.Sum(nil)))
			for bits := h.leaves; bits&1 == 1; bits >>= 1 {
				h.roots = joinLast(h.roots)
			}
			h.leaves++
			h.leaf.Reset()
			h.filled = 0
		}
		n := min(len(p), leafSize-h.filled)
		h.leaf.Write(p[:n])
		h.filled += n
		p = p[n:]
	}
	return written, nil
}

func (h *treeHash) Sum(b []byte) []byte {
	roots := append([][sha256.Size]byte(nil), h.roots...)
	roots = append(roots, [sha256.Size]byte(h.leaf.Sum(nil)))
	for len(roots) > 1 {
		roots = joinLast(roots)
	}
	return append(b, roots[0][:]...)
}

// joinLast replaces the last two roots with their parent.
func joinLast(roots [][sha256.Size]byte) [][sha256.Size]byte {
	n := len(roots)
	var both [2 * sha256.Size]byte
	copy(both[:], roots[n-2][:])
	copy(both[sha256.Size:], roots[n-1][:])
	roots[n-2] = sha256.Sum256(both[:])
	return roots[:n-1]
}
