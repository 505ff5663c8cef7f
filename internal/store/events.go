package store

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/audit"
)

// AddEvent writes an audit event.
func (tx *Tx) AddEvent(e audit.Event) error { return tx.AddEvents([]audit.Event{e}) }

// AddEvents writes audit events, many with each statement.
func (tx *Tx) AddEvents(events []audit.Event) error {
	for part := range slices.Chunk(events, tx.rows) {
		var rows where
		for i := range part {
			e := &part[i]
			detail, err := json.Marshal(e.Detail)
			if err != nil {
				return err
			}
			rows.add("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				e.ID, orNull(e.WorkspaceID), micros(e.At), e.ActorID, e.ActorName, e.Via, e.Action, e.TargetKind, e.TargetID, e.TargetName, e.OwnerID,
				address(e.Address), e.UserAgent, e.RequestID, string(detail))
		}
		_, err := tx.exec(`insert into audit_events (id, workspace_id, at, actor_id, actor_name, via, action, target_kind, target_id, target_name, owner_id, address, user_agent, request_id, detail)
			values `+strings.Join(rows.conds, ", "), rows.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// EventFilter narrows the audit log. Zero fields don't narrow.
type EventFilter struct {
	WorkspaceID string
	Concerns    string // a user id: events by that person, or about what is theirs
	ActorID     string
	TargetID    string
	Action      audit.Action
	From, To    time.Time
}

// Events lists audit events, newest first.
func (tx *Tx) Events(f EventFilter, p Page) (out []audit.Event, err error) {
	var w where
	w.add("e.workspace_id = ?", f.WorkspaceID)
	for _, c := range []struct{ cond, v string }{
		{"e.actor_id = ?", f.ActorID}, {"e.target_id = ?", f.TargetID}, {"e.action = ?", string(f.Action)},
	} {
		if c.v != "" {
			w.add(c.cond, c.v)
		}
	}
	if f.Concerns != "" {
		w.add("(e.actor_id = ? or e.owner_id = ?)", f.Concerns, f.Concerns)
	}
	if !f.From.IsZero() {
		w.add("e.at >= ?", micros(f.From))
	}
	if !f.To.IsZero() {
		w.add("e.at < ?", micros(f.To))
	}
	tail := w.page(p, "e.id")
	err = tx.each(`select e.id, e.workspace_id, e.at, e.actor_id, e.actor_name, e.via, e.action, e.target_kind, e.target_id, e.target_name, e.owner_id,
		e.address, e.user_agent, e.request_id, e.detail from audit_events e`+w.String()+tail, w.args, func(scan func(...any) error) error {
		var e audit.Event
		var detail string
		if err := scan(&e.ID, nullText{&e.WorkspaceID}, at{&e.At}, &e.ActorID, &e.ActorName, &e.Via, &e.Action, &e.TargetKind, &e.TargetID, &e.TargetName,
			&e.OwnerID, addr{&e.Address}, &e.UserAgent, &e.RequestID, &detail); err != nil {
			return err
		}
		out = append(out, e)
		return json.Unmarshal([]byte(detail), &out[len(out)-1].Detail)
	})
	return out, err
}
