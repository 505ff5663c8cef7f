package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/sqldata"
)

// feedsPage is what a workspace publishes, for its administrators.
type feedsPage struct {
	Feeds   []publishedFeed
	Own     bool   // there is one of the user's own data
	Path    string // where the button is sent
	Example string
}

type publishedFeed struct {
	feed
	Connect  string // where its address is used; "" when the caller can't
	Who      string // who may hold the scope
	ReadAt   moment
	Tables   []publishedTable
	Warnings []publishedWarning
}

type publishedTable struct {
	Name, Title, About string
	Columns            []publishedColumn
	Ways               []publishedWay
	Rows               string // which rows a caller sees; "" is all
	Summary            string
}

type publishedColumn struct {
	Name, Title, Type, Wire string
	Key, Nullable           bool
}

type publishedWay struct{ Name, To string }

type publishedWarning struct{ What, Why string }

func (v *visit) feeds() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	d := feedsPage{Path: v.at("admin", "feeds"), Example: feedExample(v.in.Slug)}
	reachable := v.readable()
	if v.published != nil {
		for _, f := range v.published.In(v.in.Slug) {
			p := v.publishedFeed(f)
			if slices.ContainsFunc(reachable, func(r *publish.Feed) bool { return r.Name == f.Name }) {
				p.Connect = v.at("connect", f.Name)
			}
			d.Own = d.Own || !f.BuiltIn
			d.Feeds = append(d.Feeds, p)
		}
	}
	// What people made themselves comes first.
	slices.SortStableFunc(d.Feeds, func(a, b publishedFeed) int { return cmp.Compare(order(a.BuiltIn), order(b.BuiltIn)) })
	notes := map[string]string{"read": "The schemas were read again. What programs already loaded stays as it is until they refresh."}
	return v.show(page{title: "Data feeds", name: "feeds", data: d, here: "feeds", crumbs: []string{"Administration", "Data feeds"}, note: v.noteOf(notes)})
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

// readAgain reads the schemas anew. It changes nobody's rights and nothing that is kept.
func (v *visit) readAgain() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	if v.published != nil {
		if err := v.published.ReloadIn(v.r.Context(), v.by, v.in.Slug); err != nil {
			return err
		}
	}
	return v.goTo(v.at("admin", "feeds") + "?done=read")
}

func (v *visit) publishedFeed(f *publish.Feed) publishedFeed {
	p := publishedFeed{feed: v.feedOf(f), Who: v.whoHolds(f.Scope)}
	if !p.State.ReadAt.IsZero() {
		p.ReadAt = v.ago(p.State.ReadAt, "")
	}
	for _, w := range p.State.Warnings {
		p.Warnings = append(p.Warnings, warningOf(w))
	}
	if p.State.Model == nil {
		return p
	}
	for _, s := range p.State.Model.Sets {
		t := tableOf(s)
		t.Rows = p.State.Rows[s.Name]
		p.Tables = append(p.Tables, t)
	}
	return p
}

func warningOf(w sqldata.Warning) publishedWarning {
	what := w.Table
	if w.Column != "" {
		what += "." + w.Column
	}
	return publishedWarning{What: what, Why: w.Text}
}

// whoHolds says whose credentials may hold a scope; "" when nobody's can.
func (v *visit) whoHolds(scope string) string {
	s, ok := v.in.Catalogue.Find(scope)
	if !ok {
		return ""
	}
	var who []string
	for _, r := range s.Roles {
		who = append(who, strings.ToLower(roleName(r))+"s")
	}
	if s.Apps {
		who = append(who, "apps")
	}
	return upper(inWords(who))
}

// inWords joins words as a sentence does.
func inWords(words []string) string {
	switch n := len(words); n {
	case 0:
		return "nobody"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

func tableOf(s *edm.EntitySet) publishedTable {
	t := publishedTable{Name: s.Name, About: s.Description}
	if s.Title != s.Name {
		t.Title = s.Title
	}
	for _, p := range s.Properties {
		if p.Hidden {
			continue
		}
		c := publishedColumn{Name: p.Name, Type: typeWords(p.Type), Wire: p.Type.Kind.String(), Key: slices.Contains(s.Key, p), Nullable: p.Nullable}
		if p.Type.Enum != nil {
			c.Wire = p.Type.Enum.Name
		}
		if p.Title != p.Name {
			c.Title = p.Title
		}
		t.Columns = append(t.Columns, c)
	}
	for _, n := range s.Navigation {
		to := "one of " + n.Target.Name
		switch {
		case n.Many:
			to = "any number of " + n.Target.Name
		case n.Nullable:
			to += ", or none"
		}
		t.Ways = append(t.Ways, publishedWay{n.Name, to})
	}
	t.Summary = count(len(t.Columns), "column")
	if len(t.Ways) > 0 {
		t.Summary += ", " + count(len(t.Ways), "link")
	}
	return t
}

// typeWords is what people call a type.
func typeWords(t edm.Type) string {
	switch t.Kind {
	case edm.Boolean:
		return "Yes or no"
	case edm.Byte, edm.SByte, edm.Int16, edm.Int32, edm.Int64:
		return "Whole number"
	case edm.Single, edm.Double:
		return "Number"
	case edm.Decimal:
		return "Decimal number"
	case edm.String:
		if t.MaxLength > 0 {
			return "Text, up to " + strconv.Itoa(t.MaxLength)
		}
		return "Text"
	case edm.Guid:
		return "Identifier"
	case edm.Date:
		return "Date"
	case edm.TimeOfDay:
		return "Time of day"
	case edm.DateTimeOffset:
		return "Date and time"
	case edm.Duration:
		return "Duration"
	case edm.Enum:
		return "One of " + count(len(t.Enum.Members), "word")
	default:
		return t.Kind.String()
	}
}

// feedExample is how the configuration names a database.
func feedExample(workspace string) string {
	return `feeds:
  - workspace: ` + workspace + `
    name: sales
    title: Sales
    database_env: SALES_DATABASE   # the variable with its address: postgres://…
    tables: ["*"]                  # or by name: [customers, orders]
    leave_out: ["*.password*"]
    rows:                          # optional: who sees which rows
      orders: owner_email = $user.email`
}
