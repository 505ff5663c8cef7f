// Package verify is the hot path: from a presented secret to a decision.
//
// A decision is made from a record in memory where there is one. Records live in a bounded table without
// pointers, so that a million of them cost the collector nothing, and carry the generations that they were
// read under: a change raises a counter before it returns, and every record from before it is stale from
// then on, on whichever goroutine it is loaded, looked up or evicted. Expiry is compared at each check.
//
// Personal access tokens, client secrets and access tokens are all records. An access token's signature is
// verified once; then its record stands and falls with what it came from. Tokens of an older system have no
// form: a list of their hashes says which foreign texts are worth a look-up.
//
// Use is counted in the records and drained in batches; a check never writes to the database. Unknown
// secrets are remembered for a while, and throttled by the client's address.
//
// Threat: somebody who revoked a token or disabled an app and still sees it work; a guesser; a forger; who has
// the digests of an older system; a flood of garbage; a token that is used from very many addresses. Every
// structure here is bounded, and says by what.
package verify
