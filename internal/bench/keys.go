package main

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/keywright/keywright/internal/token"
)

const (
	secretLength = 43 // kw_pat_, 30 random characters, 6 of checksum
	workspaces   = 10
	perOwner     = 50 // tokens of a member, as many as the standard policy lets them have
	fewTokens    = 1000
)

// keys are secrets that a number gives again. Stored and unknown ones differ in their kind of number.
//
// A token's owner follows from its hash and grows with it: rows that are inserted in the order of their
// hashes then are in the order of every index, which makes seeding a million fast. Those who present a
// token know its workspace without having to be told.
type keys struct {
	owners  uint64
	unknown bool
}

func keysOf(tokens uint64) keys {
	return keys{owners: max(tokens/perOwner/workspaces, 1) * workspaces}
}

// secret is the i-th secret. It is a good one in form and checksum, and no secret at all.
func (k keys) secret(i uint64) (s [secretLength]byte) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	seed := [9]byte{8: 's'}
	if k.unknown {
		seed[8] = 'u'
	}
	binary.LittleEndian.PutUint64(seed[:], i)
	n := copy(s[:], "kw_pat_")
	random := sha256.Sum256(seed[:])
	for _, r := range random[:30] {
		s[n] = alphabet[r%62]
		n++
	}
	sum := crc32.ChecksumIEEE(s[:n])
	for j := secretLength - 1; j >= n; j-- {
		s[j] = alphabet[sum%62]
		sum /= 62
	}
	return s
}

// hash is what a secret is kept as.
func (k keys) hash(i uint64) token.Hash {
	s := k.secret(i)
	return sha256.Sum256(s[:])
}

// owner is the number of the member whose token a hash is.
func (k keys) owner(h token.Hash) uint64 {
	return uint64(binary.BigEndian.Uint32(h[:])) * k.owners >> 32
}

// workspace is the number of a member's workspace.
func (k keys) workspace(owner uint64) uint64 { return owner * workspaces / k.owners }

func slug(workspace uint64) string { return "bench-" + strconv.FormatUint(workspace, 10) }
