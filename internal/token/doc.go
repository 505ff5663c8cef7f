// Package token says what things are: the nouns of Keywright and the pure rules about them.
//
// Here live the format of a secret and its checksum, scopes and catalogues, the policy of a workspace
// with its six presets, calendar arithmetic for expiry, and the status of a token. Nothing here reads
// a clock, a database or a request: times and lists come in as arguments, so that every rule can be
// tested by itself and means the same wherever it is applied.
//
// Threat: a secret is a bearer credential. It is 178 bits from crypto/rand, exists in clear only in
// the answer that hands it out and in requests that present it, and is kept as a SHA-256 hash. The
// type Secret prints as "[redacted]" everywhere, so that a careless log line shows nothing.
package token
