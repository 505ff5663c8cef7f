package config

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Feed is a database whose tables are published. Tables are named as the database has them, or schema.table; columns as
// table.column; * stands for any letters where it says patterns.
type Feed struct {
	Workspace         string              `yaml:"workspace" doc:"The workspace whose members and apps read it. Required."`
	Name              string              `yaml:"name" doc:"Its place in the address: /odata/{workspace}/{name}/. Required."`
	Title             string              `yaml:"title" doc:"What people see; the name when left out."`
	Database          string              `yaml:"database" doc:"A path for SQLite, or a postgres:// address of a role that only reads."`
	DatabaseEnv       string              `yaml:"database_env" doc:"The variable that holds the address instead, to keep its password out of the file."`
	Scope             string              `yaml:"scope" default:"odata:read" doc:"The scope that a token needs."`
	Tables            []string            `yaml:"tables" doc:"Patterns of tables and views to publish, such as sales.*; what is not named is not published. Required."`
	LeaveOut          []string            `yaml:"leave_out" doc:"Patterns of columns that are not published, such as \"*.password*\"."`
	Names             map[string]string   `yaml:"names" doc:"Other names: cust: Customers, or cust.nm: Name."`
	Titles            map[string]string   `yaml:"titles" doc:"Titles for people, by table or column."`
	Keys              map[string][]string `yaml:"keys" doc:"Key columns of views, and of tables without a primary key: sales_by_day: [day, region]."`
	Links             []FeedLink          `yaml:"links" doc:"Relations that no foreign key declares. A list; each has:"`
	Rows              map[string]string   `yaml:"rows" doc:"Which rows a caller sees, in SQL, by table: orders: owner_email = $user.email. It knows $user.id, $user.email, $user.name, $workspace and $app.id; what a caller does not have is null."`
	Times             map[string]string   `yaml:"times" doc:"How a column of whole numbers or text keeps times: seconds or microseconds since 1970, days since 1970, or iso."`
	Types             map[string]string   `yaml:"types" doc:"The type of a column for which SQLite has none, such as decimal(10,2)."`
	PageSize          int                 `yaml:"page_size" default:"0" doc:"Rows of a page; 0 chooses."`
	StatementTimeout  string              `yaml:"statement_timeout" default:"30s" doc:"How long one statement may take, 1s to 10m."`
	ConcurrentQueries int                 `yaml:"concurrent_queries" default:"4" doc:"How many requests read from the database at the same time, 1 to 64. Others wait two seconds, and are told to try again."`
	AllowWritableRole bool                `yaml:"allow_writable_role" doc:"Publish although the role could write. Nothing is written in any case."`

	// DSN is the address, from wherever it was given.
	DSN token.Secret
}

// FeedLink is a relation between two tables.
type FeedLink struct {
	From string `yaml:"from" doc:"The column that refers, such as orders.customer; several separated by commas."`
	To   string `yaml:"to" doc:"What it refers to, such as customers.id."`
	Name string `yaml:"name" doc:"Of the way there; one is made when left out."`
	Back string `yaml:"back" doc:"Of the way back; one is made when left out."`
}

// Timeout returns how long one statement may take.
func (f *Feed) Timeout() time.Duration {
	d, err := time.ParseDuration(f.StatementTimeout)
	if err != nil {
		return 0
	}
	return d
}

// ReservedFeed is the name of the feed that every workspace has.
const ReservedFeed = "keywright"

var (
	columnName = regexp.MustCompile(`^[^.\s]+(?:\.[^.\s]+){1,2}$`)
	callerName = regexp.MustCompile(`\$[A-Za-z_][A-Za-z0-9_.]*`)
)

func (r *reader) checkFeeds() {
	at := map[[2]string]string{}
	for i := range r.c.Feeds {
		f := &r.c.Feeds[i]
		key := "feeds[" + strconv.Itoa(i) + "]"
		r.lines[key+".workspace"] = cmp.Or(r.lines[key+".workspace"], r.lines[key])
		r.lines[key+".name"] = cmp.Or(r.lines[key+".name"], r.lines[key])
		if _, problem := token.CleanSlug(f.Workspace); problem != "" {
			r.bad(key+".workspace", "say which workspace, by its slug")
		}
		if _, problem := token.CleanSlug(f.Name); problem != "" {
			r.bad(key+".name", "%s", problem)
		} else if f.Name == ReservedFeed {
			r.bad(key+".name", "%s is the feed that every workspace has; choose another name", ReservedFeed)
		}
		if first, ok := at[[2]string{f.Workspace, f.Name}]; ok {
			r.bad(key+".name", "%s has the same workspace and name", first)
		}
		at[[2]string{f.Workspace, f.Name}] = key
		f.Title = cmp.Or(f.Title, f.Name)
		if _, problem := token.CleanText(f.Title, 1, 100); problem != "" {
			r.bad(key+".title", "%s", problem)
		}
		r.checkFeedDatabase(key, f)
		if !token.ScopeSyntax(f.Scope) {
			r.bad(key+".scope", "want the name of a scope, such as odata:read")
		}
		if len(f.Tables) == 0 {
			r.lines[key+".tables"] = cmp.Or(r.lines[key+".tables"], r.lines[key])
			r.bad(key+".tables", "say which tables to publish, or \"*\" for all")
		}
		r.checkFeedColumns(key, f)
		if f.PageSize < 0 || f.PageSize > 50_000 {
			r.bad(key+".page_size", "want 0 to 50000")
		}
		if d := f.Timeout(); d < time.Second || d > 10*time.Minute {
			r.bad(key+".statement_timeout", "want a time such as 30s, from 1s to 10m")
		}
		if f.ConcurrentQueries < 1 || f.ConcurrentQueries > 64 {
			r.bad(key+".concurrent_queries", "want 1 to 64")
		}
	}
}

func (r *reader) checkFeedDatabase(key string, f *Feed) {
	r.lines[key+".database"] = cmp.Or(r.lines[key+".database"], r.lines[key])
	switch {
	case (f.Database == "") == (f.DatabaseEnv == ""):
		r.bad(key+".database", "give the database once: as database, or in a variable that database_env names")
	case f.Database != "":
		f.DSN = token.SecretOf(f.Database)
	default:
		dsn := r.getenv(f.DatabaseEnv)
		if dsn == "" {
			r.bad(key+".database_env", "the variable %s is not set", f.DatabaseEnv)
		}
		f.DSN = token.SecretOf(dsn)
	}
}

func (r *reader) checkFeedColumns(key string, f *Feed) {
	for i, l := range f.Links {
		link := key + ".links[" + strconv.Itoa(i) + "]"
		for _, end := range []struct{ name, value string }{{".from", l.From}, {".to", l.To}} {
			for column := range strings.SplitSeq(end.value, ",") {
				if !columnName.MatchString(strings.TrimSpace(column)) {
					r.lines[link+end.name] = cmp.Or(r.lines[link+end.name], r.lines[link])
					r.bad(link+end.name, "want a column with its table, such as orders.customer")
					break
				}
			}
		}
	}
	known := []string{"$user.id", "$user.email", "$user.name", "$workspace", "$app.id"}
	for _, table := range slices.Sorted(maps.Keys(f.Rows)) {
		for _, name := range callerName.FindAllString(f.Rows[table], -1) {
			if !slices.Contains(known, name) {
				r.bad(key+".rows."+table, "%s is not known here; there are %s", name, strings.Join(known, ", "))
			}
		}
	}
	for _, column := range slices.Sorted(maps.Keys(f.Times)) {
		if !slices.Contains([]string{"seconds", "microseconds", "days", "iso"}, f.Times[column]) {
			r.bad(key+".times."+column, "want seconds, microseconds, days or iso")
		}
	}
}
