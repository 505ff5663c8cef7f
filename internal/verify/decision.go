package verify

import (
	"encoding/binary"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Decision is a credential that is good. It holds ids as they are in memory and writes them out when asked,
// so that making one costs nothing.
type Decision struct {
	source, owner rawID
	expires       int64
	grant         *grant
	kind          kind
}

func decisionOf(f *found) Decision {
	d := Decision{source: f.token, owner: f.owner, expires: f.expires, grant: f.grant, kind: f.kind}
	if f.kind == kindSecret {
		d.source = f.owner
	}
	return d
}

// TokenID is the id of the token; of an access token and a client secret, that of what it comes from: an
// app, an OAuth token or a personal access token.
func (d *Decision) TokenID() string { return string(d.AppendTokenID(make([]byte, 0, 32))) }

// AppendTokenID appends TokenID to b.
func (d *Decision) AppendTokenID(b []byte) []byte {
	return d.appendID(b, d.kind.sourcePrefix(), d.source)
}

// OwnerID is the id of the person that the credential acts for, or of the app.
func (d *Decision) OwnerID() string { return string(d.AppendOwnerID(make([]byte, 0, 32))) }

// AppendOwnerID appends OwnerID to b.
func (d *Decision) AppendOwnerID(b []byte) []byte {
	return d.appendID(b, d.kind.ownerPrefix(), d.owner)
}

// WorkspaceID is the id of the workspace that the credential is good in.
func (d *Decision) WorkspaceID() string {
	if d.grant == nil {
		return ""
	}
	return string(d.appendID(make([]byte, 0, 32), token.WorkspaceID, d.grant.workspace))
}

// Workspace is that workspace's slug.
func (d *Decision) Workspace() string {
	if d.grant == nil {
		return ""
	}
	return d.grant.slug
}

// Kind is the kind of the credential: pat, legacy, at (an access token) or sec (a client secret).
func (d *Decision) Kind() token.Kind {
	if d.grant == nil {
		return ""
	}
	return d.kind.credential()
}

// IsApp reports whether the credential acts for an app; then OwnerID is the app's client id.
func (d *Decision) IsApp() bool { return d.grant != nil && d.kind.ofApp() }

// Epoch is the app's now, of a client secret; else 0.
func (d *Decision) Epoch() int64 {
	if d.grant == nil {
		return 0
	}
	return d.grant.epoch
}

// Sunset is for a legacy token: since when it is deprecated, which is when it was imported, and when it
// stops; zero is never.
func (d *Decision) Sunset() (deprecated, stops time.Time, legacy bool) {
	if d.grant == nil || !d.kind.legacy() {
		return deprecated, stops, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(d.source[:8]) >> 16)).UTC(), d.ExpiresAt(), true
}

// Scopes is what the credential carries now; not to be changed.
func (d *Decision) Scopes() token.Scopes {
	if d.grant == nil {
		return nil
	}
	return d.grant.scopes
}

// ScopesText is the scopes as one text, separated by spaces.
func (d *Decision) ScopesText() string {
	if d.grant == nil {
		return ""
	}
	return d.grant.text
}

// ExpiresAt is when the credential ends; zero is never.
func (d *Decision) ExpiresAt() time.Time {
	if d.grant == nil || d.expires == never {
		return time.Time{}
	}
	return time.UnixMicro(d.expires).UTC()
}

func (d *Decision) appendID(b []byte, prefix string, raw rawID) []byte {
	if d.grant == nil {
		return b
	}
	return token.AppendID(b, prefix, raw)
}
