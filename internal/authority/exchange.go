package authority

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// Exchange is a request for a narrower token (RFC 8693 section 2.1).
type Exchange struct {
	Subject token.Secret // a personal access token, or an access token
	Client  *Client      // who asks, if it said so
	GrantRequest
}

// mostParents bounds how often a token is exchanged for another: each names all that it came from, so that it
// ends with them.
const mostParents = 8

// Beside them stand marks, which are stopped like an access token is. What was handed out while somebody else
// was ending what it rests on is dead by its mark, whatever the clocks said.

// secretMark names one secret of a personal access token: it ends when another one replaces it.
func secretMark(h token.Hash) string {
	again := token.HashOf("exchanged from " + string(h[:])) // whoever reads the token learns nothing of the kept hash
	return string(token.AppendID(nil, "from", [16]byte(again[:16])))
}

// clientMark names what an app was handed out by exchange until it was disabled or deleted.
func clientMark(id string, epoch int64) string { return id + "." + strconv.FormatInt(epoch, 10) }

// The refusal is made once: it is the same for everybody.
var errSubject = fault.New(fault.BadRequest, api.CodeInvalidRequest, "The subject token is not valid here, or is of a kind that can't be exchanged.")

// Exchange issues a short-lived access token for a credential: its scopes are among those of the credential,
// and it lasts an hour, or as long as the credential. An access token for a resource is exchanged for that
// resource alone: who was sent it for one purpose can't turn it to another. Errors: invalid_request (the
// subject token is not good: RFC 8693 section 2.2.2), invalid_scope, invalid_target.
func (a *Authority) Exchange(ctx context.Context, x Exchange, from token.Origin) (Issued, error) {
	from = cleanOrigin(from)
	subject := x.Subject.Reveal()
	ask := verify.Ask{Audience: x.Resource, Address: from.Address, Exempt: from.Proxy}
	if x.Client != nil {
		ask.Workspace = x.Client.Workspace
	}
	d, err := a.checks.Check(ctx, subject, ask)
	if err != nil {
		return Issued{}, as(errSubject, err)
	}
	s := source{
		workspaceID: d.WorkspaceID(), workspace: d.Workspace(), id: d.TokenID(), subject: d.OwnerID(), clientID: token.UserClient,
		resource: x.Resource, ends: d.ExpiresAt(),
	}
	switch d.Kind() {
	case token.KindPAT:
		s.parents = secretMark(x.Subject.Hash())
	case token.KindAccess:
		c, ok := claimsOf(subject)
		if !ok {
			return Issued{}, errSubject
		}
		if strings.Count(c.Parents, token.AccessID+"_") >= mostParents {
			return Issued{}, fault.New(fault.BadRequest, api.CodeInvalidRequest, "This token was exchanged too many times already. Exchange the one that it came from.")
		}
		s.clientID, s.epoch, s.parents = c.ClientID, c.Epoch, strings.TrimSpace(c.Parents+" "+c.ID)
	default:
		return Issued{}, errSubject
	}
	if x.Client != nil {
		s.clientID = x.Client.ID
		if mark := clientMark(x.Client.ID, x.Client.Epoch); !slices.Contains(strings.Fields(s.parents), mark) {
			s.parents = strings.TrimSpace(s.parents + " " + mark)
		}
	}
	if s.scopes, err = x.narrow(d.Scopes()); err != nil {
		return Issued{}, err
	}
	out, err := a.issue(ctx, s)
	if err != nil {
		return Issued{}, err
	}
	if err := a.noteExchange(ctx, &s, &out, from); err != nil {
		return Issued{}, err
	}
	return out, nil
}

// noteExchange audits an access token before it is handed out.
func (a *Authority) noteExchange(ctx context.Context, s *source, out *Issued, from token.Origin) error {
	return a.update(ctx, func(tx *store.Tx) error {
		who, err := actor(tx, s.workspaceID, s.subject)
		if err != nil {
			return err
		}
		e := holder(s.workspaceID, who, s.id, from).accessEvent(tx, audit.TokenExchanged, out.id)
		e.Detail.After = map[string]any{"scopes": out.Scopes, "expires_in": int(out.ExpiresIn.Seconds()), "client_id": s.clientID, "resource": s.resource}
		return tx.AddEvent(e)
	}, nil)
}

// actor is whom a credential acts for: a person, or an app by its name. Who is gone has only an id.
func actor(tx *store.Tx, workspaceID, id string) (token.Person, error) {
	who := token.Person{ID: id}
	if _, ok := token.ParseID(token.AppID, id); ok {
		app, err := tx.App(workspaceID, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return who, err
		}
		who.Name = app.Name
		return who, nil
	}
	u, err := tx.User(id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return who, err
	}
	if err == nil {
		who = u.Person
	}
	return who, nil
}

// accessEvent is an event about an access token, by its jti. That of an app is nobody's.
func (s *scene) accessEvent(tx *store.Tx, action audit.Action, jti string) audit.Event {
	e := s.event(tx, action)
	e.TargetKind, e.TargetID = "access_token", jti
	if _, ok := token.ParseID(token.UserID, s.by.User.ID); ok {
		e.OwnerID = s.by.User.ID
	}
	return e
}
