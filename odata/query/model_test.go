package query_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// world is a model with a property of each kind, ways of each sort, and a few rows.
type world struct {
	model                 *edm.Model
	users, tokens, events *edm.EntitySet
	source                memory.Source
}

func newWorld() *world {
	status := &edm.EnumType{Name: "Status", Members: []edm.EnumMember{{Name: "active", Value: 1}, {Name: "revoked", Value: 2}}}
	rights := &edm.EnumType{Name: "Rights", Flags: true, Members: []edm.EnumMember{{Name: "read", Value: 1}, {Name: "write", Value: 2}, {Name: "admin", Value: 4}}}
	property := func(name string, k edm.Kind, nullable bool) *edm.Property {
		return &edm.Property{Name: name, Type: edm.Type{Kind: k}, Nullable: nullable}
	}
	key := property("ID", edm.Int32, false)
	manager := property("ManagerID", edm.Int32, true)
	manager.Hidden = true
	name := property("Name", edm.String, true)
	users := &edm.EntitySet{
		Name: "Users", TypeName: "User", Key: []*edm.Property{key},
		Properties: []*edm.Property{key, name, manager}, Searchable: []*edm.Property{name},
	}
	id, owner, tokenName := property("ID", edm.Guid, false), property("OwnerID", edm.Int32, true), property("Name", edm.String, true)
	owner.Hidden = true
	state, may := property("Status", edm.Enum, true), property("Rights", edm.Enum, true)
	state.Type.Enum, may.Type.Enum = status, rights
	tokens := &edm.EntitySet{
		Name: "Tokens", TypeName: "Token", Key: []*edm.Property{id}, Searchable: []*edm.Property{tokenName},
		Properties: []*edm.Property{
			id, tokenName, state, may, property("Uses", edm.Int64, true), property("Rate", edm.Decimal, true), property("Score", edm.Double, true),
			property("Weight", edm.Single, true), property("CreatedAt", edm.DateTimeOffset, true), property("Day", edm.Date, true),
			property("At", edm.TimeOfDay, true), property("Took", edm.Duration, true), property("Live", edm.Boolean, true), property("Small", edm.Int16, true), owner,
		},
	}
	token, no := property("TokenID", edm.Guid, false), property("No", edm.Int32, false)
	events := &edm.EntitySet{Name: "Events", TypeName: "Event", Key: []*edm.Property{token, no}, Properties: []*edm.Property{token, no, property("Kind", edm.String, true), property("Size", edm.Int32, true)}}
	one := func(from *edm.EntitySet, name string, to *edm.EntitySet, a, b *edm.Property) {
		from.Navigation = append(from.Navigation, &edm.Navigation{Name: name, Target: to, Nullable: true, On: []edm.Link{{From: a, To: b}}})
	}
	many := func(from *edm.EntitySet, name string, to *edm.EntitySet, a, b *edm.Property) {
		from.Navigation = append(from.Navigation, &edm.Navigation{Name: name, Target: to, Many: true, On: []edm.Link{{From: a, To: b}}})
	}
	one(tokens, "Owner", users, owner, key)
	many(tokens, "Events", events, id, token)
	many(users, "Tokens", tokens, key, owner)
	one(users, "Manager", users, manager, key)
	many(users, "Reports", users, key, manager)
	one(events, "Token", tokens, token, id)
	w := &world{
		model: &edm.Model{Namespace: "NS", Container: "C", Sets: []*edm.EntitySet{users, tokens, events}, Enums: []*edm.EnumType{status, rights}},
		users: users, tokens: tokens, events: events,
	}
	n := func(i int64) any { return i }
	guid := func(i int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", i) }
	w.source = memory.Source{
		users: {{n(1), "Ann", nil}, {n(2), "bob", n(1)}, {n(3), nil, n(2)}},
		tokens: {
			{guid(1), "Alpha", n(1), n(3), n(10), "1.50", 0.5, float64(float32(0.1)), at("2026-01-02T03:04:05.25Z"), at("2026-01-02T00:00:00Z"), 3*time.Hour + 30*time.Minute, 90 * time.Minute, true, n(1), n(1)},
			{guid(2), "beta", n(2), n(4), n(3), "-2.25", -1.5, 2.5, at("2025-12-31T23:59:59Z"), at("2025-12-31T00:00:00Z"), 0 * time.Hour, -time.Second, false, n(2), n(1)},
			{guid(3), "O'Größe", n(1), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
			{guid(4), nil, nil, n(0), n(10), "100", 1e10, 3.0, at("2026-01-02T03:04:05.25Z"), at("2024-02-29T00:00:00Z"), 23 * time.Hour, 48 * time.Hour, true, n(-1), n(3)},
		},
		events: {
			{guid(1), n(1), "open", n(5)}, {guid(1), n(2), "close", n(7)}, {guid(2), n(1), "open", n(1)}, {guid(4), n(1), "fail", nil},
		},
	}
	return w
}

func at(s string) time.Time { return instant(s) }

// bind parses and binds a URL without a leading slash.
func (w *world) bind(url string) (*query.Bound, error) {
	path, options, _ := strings.Cut(url, "?")
	r, err := uri.Parse(path, strings.ReplaceAll(options, " ", "%20"), uri.Limits{})
	if err != nil {
		return nil, err
	}
	return query.Bind(w.model, r, query.Options{Now: instant("2026-01-02T03:04:05Z"), Root: "https://example.com/odata/"})
}

// answer is what a URL gives: rows divided by semicolons with values divided by commas, or how it is refused.
func (w *world) answer(url string) string {
	b, err := w.bind(url)
	if err != nil {
		return refusal(err)
	}
	ctx := context.Background()
	reader, err := w.source.Open(ctx)
	if err != nil {
		return err.Error()
	}
	if b.Query == nil {
		return fmt.Sprintf("document %d", b.Ask)
	}
	if b.Ask == query.Size {
		n, err := reader.Count(ctx, b.Query)
		return fmt.Sprint(n, err)
	}
	rows, err := reader.Rows(ctx, b.Query)
	if err != nil {
		return err.Error()
	}
	var all []string
	for rows.Next() {
		var values []string
		for i, v := range rows.Values() {
			values = append(values, strings.TrimPrefix(b.Query.Columns[i].Expr.Type().Format(v), "00000000-0000-0000-0000-00000000000"))
		}
		all = append(all, strings.Join(values, ","))
	}
	return strings.Join(all, ";")
}

func refusal(err error) string {
	var e *query.Error
	var p *uri.Error
	switch {
	case errors.As(err, &e) && e.Missing:
		return "404 " + e.Message
	case errors.As(err, &e) && e.Unsupported:
		return "501 " + e.Message
	case errors.As(err, &e):
		return fmt.Sprintf("400 %s:%d %s", e.Option, e.Pos, e.Message)
	case errors.As(err, &p):
		return "refused by the parser"
	}
	return err.Error()
}
