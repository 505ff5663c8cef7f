package odata_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
)

// root is deliberately not where the requests of these tests come in.
const root = "https://data.example.com/odata/acme/"

// accounts is the model of the conformance checklist: tokens with an owner and events.
type accounts struct {
	model                 *edm.Model
	users, tokens, events *edm.EntitySet
}

func newAccounts() accounts {
	status := &edm.EnumType{Name: "TokenStatus", Members: []edm.EnumMember{{Name: "active"}, {Name: "expired", Value: 1}, {Name: "revoked", Value: 2}}}
	prop := func(name string, k edm.Kind) *edm.Property {
		return &edm.Property{Name: name, Type: edm.Type{Kind: k}}
	}
	null := func(p *edm.Property) *edm.Property {
		p.Nullable = true
		return p
	}
	hidden := func(p *edm.Property) *edm.Property {
		p.Hidden = true
		return p
	}
	users := &edm.EntitySet{Name: "Users", TypeName: "User", Title: "People", Properties: []*edm.Property{
		prop("ID", edm.String), prop("Name", edm.String), hidden(null(prop("BossID", edm.String))),
	}}
	tokens := &edm.EntitySet{Name: "Tokens", TypeName: "Token", Properties: []*edm.Property{
		prop("ID", edm.Guid), prop("Name", edm.String),
		{Name: "Status", Type: edm.Type{Kind: edm.Enum, Enum: status}},
		prop("Uses", edm.Int64), prop("CreatedAt", edm.DateTimeOffset), null(prop("ExpiresAt", edm.DateTimeOffset)),
		{Name: "Rate", Type: edm.Type{Kind: edm.Decimal, Precision: 10, Scale: 2}},
		hidden(null(prop("OwnerID", edm.String))),
	}}
	events := &edm.EntitySet{Name: "Events", TypeName: "Event", Properties: []*edm.Property{
		prop("TokenID", edm.Guid), prop("Number", edm.Int32), prop("Type", edm.String), null(prop("Weight", edm.Double)),
	}}
	users.Key = users.Properties[:1:1]
	tokens.Key = tokens.Properties[:1:1]
	events.Key = events.Properties[:2:2]
	tokens.Searchable = tokens.Properties[1:2]
	link := func(from, to *edm.Property) []edm.Link { return []edm.Link{{From: from, To: to}} }
	owner := &edm.Navigation{Name: "Owner", Target: users, Nullable: true, On: link(tokens.Properties[7], users.Properties[0])}
	owned := &edm.Navigation{Name: "Tokens", Target: tokens, Many: true, Partner: owner, On: link(users.Properties[0], tokens.Properties[7])}
	owner.Partner = owned
	of := &edm.Navigation{Name: "Token", Target: tokens, On: link(events.Properties[0], tokens.Properties[0])}
	has := &edm.Navigation{Name: "Events", Target: events, Many: true, Partner: of, On: link(tokens.Properties[0], events.Properties[0])}
	of.Partner = has
	boss := &edm.Navigation{Name: "Boss", Target: users, Nullable: true, On: link(users.Properties[2], users.Properties[0])}
	staff := &edm.Navigation{Name: "Staff", Target: users, Many: true, Partner: boss, On: link(users.Properties[0], users.Properties[2])}
	boss.Partner = staff
	users.Navigation = []*edm.Navigation{owned, boss, staff}
	tokens.Navigation = []*edm.Navigation{owner, has}
	events.Navigation = []*edm.Navigation{of}
	return accounts{
		model: &edm.Model{
			Namespace: "Acme", Container: "Data", Sets: []*edm.EntitySet{users, tokens, events}, Enums: []*edm.EnumType{status},
		},
		users: users, tokens: tokens, events: events,
	}
}

func guid(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// rows are users, and for each of n tokens as many events as its number modulo 4.
func (a accounts) rows(n int) memory.Source {
	s := memory.Source{
		a.users: {
			{"ann", "Ann O'Neil", nil}, {"b/ob", "Bob & Co", "ann"}, {"cy", "Cyä", "b/ob"}, {"dee", "Dee", "cy"},
		},
		a.tokens: {}, a.events: {},
	}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		var expires, owner any
		if i%3 != 0 {
			expires = start.AddDate(0, 0, i%7)
		}
		if i%5 != 0 {
			owner = []string{"ann", "b/ob"}[i%2]
		}
		s[a.tokens] = append(s[a.tokens], []any{
			guid(i), fmt.Sprintf("token %d", i%10), int64(i % 3), int64(1)<<53 + int64(i), start.Add(time.Duration(i) * time.Hour), expires, "12.50", owner,
		})
		for k := range i % 4 {
			s[a.events] = append(s[a.events], []any{guid(i), int64(k), "used", 0.5})
		}
	}
	return s
}

// client asks a service directly.
type client struct {
	t       testing.TB
	service *odata.Service
	access  odata.Access
}

func newClient(t testing.TB, m *edm.Model, source query.Source, o odata.Options) client {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := odata.New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return client{t, s, odata.Access{Source: source, Root: root, Caller: "me"}}
}

func (c client) as(caller string) client {
	c.access.Caller = caller
	return c
}

// get asks for a URL that is absolute or below the root. Headers come in pairs.
func (c client) get(url string, headers ...string) *httptest.ResponseRecorder {
	return c.send(http.MethodGet, url, "", headers...)
}

func (c client) send(method, url, body string, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	path := strings.ReplaceAll(strings.TrimPrefix(url, root), " ", "%20")
	r := httptest.NewRequest(method, "/"+strings.TrimPrefix(path, "/"), strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.service.Serve(w, r, c.access)
	if v := w.Header()["OData-Version"]; len(v) != 1 || v[0] != "4.0" || len(w.Header()["Odata-Version"]) != 0 { //nolint:staticcheck // this spelling is what is tested
		c.t.Errorf("%s %s: OData-Version is %q and %q", method, url, v, w.Header()["Odata-Version"])
	}
	return w
}

// want is a status that is expected.
func (c client) want(status int, url string, headers ...string) string {
	c.t.Helper()
	w := c.get(url, headers...)
	if w.Code != status {
		c.t.Fatalf("GET %s: %d instead of %d: %s", url, w.Code, status, w.Body)
	}
	if status >= 400 {
		checkError(c.t, w)
	}
	return w.Body.String()
}

func checkError(t testing.TB, w *httptest.ResponseRecorder) {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d is no OData error: %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

// page is what is read of a collection.
type page struct {
	Context string           `json:"@odata.context"`
	Count   json.Number      `json:"@odata.count"`
	Value   []map[string]any `json:"value"`
	Next    string           `json:"@odata.nextLink"`
}

func (c client) page(url string, headers ...string) page {
	c.t.Helper()
	var p page
	text := c.want(http.StatusOK, url, headers...)
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		c.t.Fatalf("GET %s: %v: %s", url, err, text)
	}
	return p
}

// all follows next links. between is called between two pages.
func (c client) all(url string) (rows []map[string]any, pages int) {
	c.t.Helper()
	for url != "" {
		p := c.page(url)
		rows = append(rows, p.Value...)
		if pages++; pages > 10_000 {
			c.t.Fatalf("%s has no end", url)
		}
		url = p.Next
	}
	return rows, pages
}

// numbers is a source of any number of rows that are made while they are read.
type numbers struct {
	model  *edm.Model
	set    *edm.EntitySet
	id     *edm.Property
	size   int
	fail   error                            // behind the last row
	each   func(ctx context.Context, i int) // before each row
	closed func()
	values [][]any // the same again and again
	asked  int     // parents whose parts were asked for
}

func newNumbers(size int) *numbers {
	n := &numbers{size: size, id: &edm.Property{Name: "ID", Type: edm.Type{Kind: edm.Int64}}}
	text := &edm.Property{Name: "Name", Type: edm.Type{Kind: edm.String}, Nullable: true}
	at := &edm.Property{Name: "At", Type: edm.Type{Kind: edm.DateTimeOffset}}
	price := &edm.Property{Name: "Price", Type: edm.Type{Kind: edm.Decimal, Scale: 2, Precision: 12}}
	n.set = &edm.EntitySet{Name: "Numbers", TypeName: "Number", Properties: []*edm.Property{n.id, text, at, price}, Key: []*edm.Property{n.id}}
	of := &edm.Property{Name: "Of", Type: edm.Type{Kind: edm.Int64}}
	part := &edm.Property{Name: "Part", Type: edm.Type{Kind: edm.Int64}}
	parts := &edm.EntitySet{Name: "Parts", TypeName: "PartOfNumber", Properties: []*edm.Property{of, part}, Key: []*edm.Property{of, part}}
	n.set.Navigation = []*edm.Navigation{{Name: "Parts", Target: parts, Many: true, On: []edm.Link{{From: n.id, To: of}}}}
	n.model = &edm.Model{Namespace: "Acme", Container: "Data", Sets: []*edm.EntitySet{n.set, parts}}
	for i := range 1000 {
		n.values = append(n.values, []any{int64(i), "a name of some length", time.Unix(int64(i)*1e6, 0).UTC(), "1234.50"})
	}
	return n
}

func (n *numbers) Open(context.Context) (query.Reader, error) { return n, nil }
func (n *numbers) Close() error {
	if n.closed != nil {
		n.closed()
	}
	return nil
}

func (n *numbers) Count(_ context.Context, q *query.Query) ([]int64, error) {
	if q.Parents == nil {
		return []int64{int64(n.size)}, nil
	}
	return make([]int64, len(q.Parents.Values)), nil
}

func (n *numbers) Rows(ctx context.Context, q *query.Query) (query.Rows, error) {
	r := &numberRows{numbers: n, ctx: ctx, q: q, at: -1, end: n.size}
	if q.Parents != nil { // each number has a part for each number
		n.asked += len(q.Parents.Values)
		r.end = len(q.Parents.Values) * n.size
		if q.Top >= 0 && q.Top < int64(n.size) {
			r.end = len(q.Parents.Values) * int(q.Top)
		}
		r.values = make([]any, len(q.Columns))
		return r, nil
	}
	if len(q.After) > 0 {
		r.at = int(as[int64](q.After[0]))
	}
	r.end = n.size
	if q.Top >= 0 {
		r.end = min(r.end, r.at+1+int(q.Top))
	}
	r.values = make([]any, len(q.Columns))
	return r, nil
}

type numberRows struct {
	*numbers
	ctx    context.Context
	q      *query.Query
	at     int
	end    int
	values []any
}

func (r *numberRows) Next() bool {
	if r.at++; r.at >= r.end {
		return false
	}
	if r.each != nil {
		r.each(r.ctx, r.at)
	}
	return r.ctx.Err() == nil
}

func (r *numberRows) Values() []any {
	if r.q.Parents != nil {
		for i := range r.values {
			r.values[i] = int64(r.at)
		}
		return r.values
	}
	for i, c := range r.q.Columns {
		p := as[*query.Property](c.Expr).Prop
		for k, own := range r.set.Properties {
			if own == p {
				r.values[i] = r.numbers.values[r.at%1000][k]
			}
		}
		if p == r.id && r.size > 1000 {
			r.values[i] = int64(r.at)
		}
	}
	return r.values
}

func (r *numberRows) Parent() int { return r.at * len(r.q.Parents.Values) / r.end }

func (r *numberRows) Err() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.at >= r.end && r.at >= r.size {
		return r.fail
	}
	return nil
}
func (r *numberRows) Close() error { return nil }

// discard reads to the end, and says how much there was.
// as is what a value is known to be.
func as[T any](v any) T {
	got, ok := v.(T)
	if !ok {
		panic(fmt.Sprintf("a %T", v))
	}
	return got
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func discard(t testing.TB, r io.Reader) int64 {
	t.Helper()
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
