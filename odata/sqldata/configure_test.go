package sqldata_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestTheConfigurationShapesTheModel(t *testing.T) {
	t.Parallel()
	p := sqldata.Publish{
		Namespace: "Acme.Sales",
		Tables:    []string{"ORDERS", "cust*", "order_*", "addresses", "categories", "logs", "gone", "searc*"},
		LeaveOut:  []string{"orders.customer_id", "*.CREDIT", "addresses.location", "logs.secret", "orders.pick"},
		Names:     map[string]string{"customers": "Clients", "orders.order": "Reference", "orders.ref": "1 2", "orders.total": "id", "products": "Gone", "addresses.zip": "Zip"},
		Titles:    map[string]string{"customers": "Who \x01 buys", "orders.placed_at": "Placed"},
		Keys:      map[string][]string{"order_totals": {"Customer_ID"}, "logs": {"nothing"}},
		Links: []sqldata.PublishLink{
			{From: "order_totals.customer_id", To: "customers.id", Back: "Totals"},
			{From: "orders.id,customer_id", To: "orders.id,orders.customer_id", Name: "Same", Back: "SameBack"},
			{From: "orders.order", To: "customers.name", Name: "Namesakes"},
			{From: "orders.order", To: "customers.id"},
			{From: "orders.id", To: "gone.id"},
			{From: "orders.id,total", To: "customers.id"},
		},
		Where: map[string]string{"orders": "placed_at > '2026' and ref = $user.id"},
		Kept:  map[string]sqldata.Kept{"orders.placed_at": sqldata.Seconds, "customers.born": sqldata.Plain, "orders.total": sqldata.Micros, "order_lines.quantity": sqldata.DayNumber, "orders.note": sqldata.ISO},
		Types: map[string]string{"order_totals.n": "integer", "orders.note": "nonsense"},
	}
	read := describer(t, liteWith(t, testdata(t, "shop_sqlite.sql")))
	d, err := read(p)
	if err != nil {
		t.Fatal(err)
	}
	sameAs(t, "configured.golden", dump(d))
}

func TestARoleThatCouldWriteIsRefused(t *testing.T) {
	t.Parallel()
	dsn := postgresWith(t, "create table orders (id int primary key, a text); create view totals as select id from orders; create schema s; create table s.other (id int primary key)")
	role := reader(t, dsn, "public", "s")
	everything := sqldata.Publish{Tables: []string{"orders", "totals", "s.*"}, Keys: map[string][]string{"totals": {"id"}}}
	refused := func(read func(sqldata.Publish) (*sqldata.Description, error), why string) {
		t.Helper()
		_, err := read(everything)
		if !errors.Is(err, sqldata.ErrWritable) || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "grant select on all tables in schema \"public\" to reader") {
			t.Errorf("%q is not why it is refused: %v", why, err)
		}
	}
	asReader := describer(t, withRole(t, dsn, role))
	taken := func() {
		t.Helper()
		if _, err := asReader(everything); err != nil {
			t.Errorf("a role that only reads is refused: %v", err)
		}
	}
	asOwner := describer(t, dsn)
	refused(asOwner, "is a superuser")
	taken()
	for _, c := range []struct{ grant, revoke, why string }{
		{"grant insert on orders to R", "revoke insert on orders from R", "may insert into public.orders"},
		{"grant update (a) on orders to R", "revoke update (a) on orders from R", "may update public.orders"},
		{"grant insert (a) on orders to R", "revoke insert (a) on orders from R", "may insert into public.orders"},
		{"grant delete on s.other to R", "revoke delete on s.other from R", "may delete from s.other"},
		{"grant truncate on orders to R", "revoke truncate on orders from R", "may truncate public.orders"},
		{"grant update on totals to R", "revoke update on totals from R", "may update public.totals"},
		{"grant create on schema s to R", "revoke create on schema s from R", "may create tables in schema s"},
		{"alter table orders owner to R", "alter table orders owner to current_user", "may do anything with public.orders"},
		{"grant pg_write_all_data to R", "revoke pg_write_all_data from R", "may delete from public.orders"},
		{"create role R_boss; alter table s.other owner to R_boss; grant R_boss to R", "drop owned by R_boss; drop role R_boss; create table s.other (id int primary key); grant select on s.other to R", "may do anything with s.other"},
	} {
		asWriter(t, dsn, strings.ReplaceAll(c.grant, "R", role))
		refused(asReader, c.why)
		asWriter(t, dsn, strings.ReplaceAll(c.revoke, "R", role))
		if strings.HasPrefix(c.grant, "alter") {
			asWriter(t, dsn, "grant select on orders to "+role)
		}
		taken()
	}
	everything.Writable = true
	if _, err := asOwner(everything); err != nil {
		t.Errorf("it insists, and is refused: %v", err)
	}
	// What is not published does not matter.
	asWriter(t, dsn, "grant insert on s.other to "+role)
	if _, err := asReader(sqldata.Publish{Tables: []string{"orders"}}); err != nil {
		t.Errorf("a right elsewhere refuses: %v", err)
	}
}

func TestARowFilterThatIsWrongTakesItsTableOut(t *testing.T) {
	t.Parallel()
	const made = "create table orders (id int primary key, owner text not null, n int); create table other (id int primary key)"
	for engine, dsn := range map[string]string{"sqlite": liteWith(t, made), "postgres": postgresWith(t, made)} {
		read := describer(t, dsn)
		for filter, good := range map[string]bool{
			"owner = $user.email": true,
			"owner = $user.email and n > 0 or exists (select from_t.id from other from_t where from_t.id = n)": true,
			"owner = 'a;b'":                        true,
			"owner_email = $user.email":            false,
			`"owner_emial" = $user.email`:          false,
			"owner = $user.mail":                   false,
			"owner = $user.email)":                 false,
			"owner = $1":                           false,
			"true); delete from orders; select (1": false,
			"owner = $user.email) or (1 = 1":       false,
			"owner = 'open":                        false,
			"":                                     false,
			" ":                                    false,
			"orders.owner = $user.email":           true,
			"owner = (select no from other)":       false,
			"owner = no_function($user.email)":     false,
		} {
			d, err := read(sqldata.Publish{
				Tables: []string{"*"}, Where: map[string]string{"Orders": filter}, Writable: true, Caller: []string{"user.email"},
			})
			if err != nil {
				t.Errorf("%s, %q: %v", engine, filter, err)
				continue
			}
			i := slices.IndexFunc(d.Tables, func(t sqldata.Table) bool { return t.Set.Name == "Orders" })
			if (i >= 0) != good {
				t.Errorf("%s, %q: published is %t, warnings %v", engine, filter, i >= 0, d.Warnings)
			}
			if want := map[bool]string{true: filter}[good]; d.Filters["Orders"] != want {
				t.Errorf("%s, %q: the filters are %q", engine, filter, d.Filters)
			}
			if i >= 0 && !strings.Contains(d.Tables[i].Where, filter) {
				t.Errorf("%s, %q: the filter is lost: %q", engine, filter, d.Tables[i].Where)
			}
			if i < 0 && (len(d.Warnings) != 1 || !strings.HasPrefix(d.Warnings[0].String(), "orders: it is not published, because its row filter is wrong: ")) {
				t.Errorf("%s, %q: warnings %v", engine, filter, d.Warnings)
			}
		}
		for _, name := range []string{"order", "orders.id", "public.other_orders", "*"} {
			if _, err := read(sqldata.Publish{Tables: []string{"*"}, Where: map[string]string{name: "1 = 1"}, Writable: true}); err == nil {
				t.Errorf("%s: a filter of %q, which is no table, is passed over", engine, name)
			}
		}
	}
}

func TestARowFilterHoldsInEverySchemaThatItMayMean(t *testing.T) {
	t.Parallel()
	dsn := postgresWith(t, `create table "Orders" (id int primary key, owner text); create table orders (id int primary key, owner text);
		create schema s; create table s.orders (id int primary key, owner text); create table s.more (id int primary key, owner text)`)
	d, err := describe(t, dsn, sqldata.Publish{
		Tables: []string{"*", "s.*"}, Writable: true, Where: map[string]string{"ORDERS": "owner = $me", "s.orders": "id > 0"}, LeaveOut: []string{"orders.OWNER"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range d.Tables {
		want := map[string]string{
			`"public"."Orders"`: "(owner = $me)", `"public"."orders"`: "(owner = $me)", `"s"."orders"`: "(owner = $me) and (id > 0)", `"s"."more"`: "",
		}[table.From]
		if table.Where != want {
			t.Errorf("%s has %q, want %q", table.From, table.Where, want)
		}
		if leftOut := table.Set.Property("Owner") == nil; leftOut != (want != "") {
			t.Errorf("%s: owner left out is %t", table.From, leftOut)
		}
	}
}

func TestAColumnToLeaveOutThatDoesNotExistPublishesNothing(t *testing.T) {
	t.Parallel()
	const made = "create table people (id int primary key, password text)"
	for _, dsn := range []string{liteWith(t, made), postgresWith(t, made)} {
		read := describer(t, dsn)
		for pattern, fails := range map[string]bool{"people.pasword": true, "PEOPLE.pasword": true, "people.password": false, "people.pasword*": false, "other.pasword": false} {
			_, err := read(sqldata.Publish{Tables: []string{"*"}, LeaveOut: []string{pattern}, Writable: true})
			if failed := err != nil; failed != fails || fails && !strings.Contains(err.Error(), pattern) {
				t.Errorf("%s: %v", pattern, err)
			}
		}
	}
}

func TestPatternsPublishWhatTheyNameAndNothingElse(t *testing.T) {
	t.Parallel()
	const made = `create table orders (id int primary key); create table "Orders2" (id int primary key); create table "a.b" (id int primary key);
		create table "50%_off" (id int primary key)`
	dsn := postgresWith(t, made+`; create schema s; create table s.orders (id int primary key); create table s.deep (id int primary key); create table "s"."x.y" (id int primary key);
		create table parts (id int primary key) partition by range (id); create table parts_1 partition of parts for values from (1) to (2)`)
	lite := liteWith(t, made)
	postgres, sqlite := describer(t, dsn), describer(t, lite)
	for _, c := range []struct {
		read           func(sqldata.Publish) (*sqldata.Description, error)
		patterns, want string
	}{
		{sqlite, "orders", "orders"},
		{sqlite, "ORDERS", "orders"},
		{sqlite, "order*", "Orders2 orders"},
		{sqlite, "*", "50%_off Orders2 a.b orders"},
		{sqlite, "a.b", "a.b"},
		{sqlite, "a.*", "a.b"},
		{sqlite, "50%*", "50%_off"},
		{sqlite, "_rders", ""},
		{sqlite, "sqlite_*", ""},
		{sqlite, "orders or 1=1", ""},
		{postgres, "orders", "public.orders"},
		{postgres, "ORDERS", ""},
		{postgres, "order*", "public.orders"},
		{postgres, "*", "public.50%_off public.Orders2 public.a.b public.orders public.parts"},
		{postgres, "parts_1", "public.parts_1"},
		{postgres, "parts_*", ""},
		{postgres, "s.*", "s.deep s.orders s.x.y"},
		{postgres, "*.orders", "public.orders s.orders"},
		{postgres, "public.o*", "public.orders"},
		{postgres, "a.*", ""},
		{postgres, "a.b", "public.a.b"},
		{postgres, "deep", ""},
		{postgres, "pg_catalog.*", ""},
		{postgres, "information_schema.*", ""},
		{postgres, "*.*", "public.50%_off public.Orders2 public.a.b public.orders public.parts s.deep s.orders s.x.y"},
		{postgres, "s.o*s, s.orders", "s.orders"},
	} {
		d, err := c.read(sqldata.Publish{Tables: strings.Split(c.patterns, ", "), Writable: true})
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "no table is published") || !strings.Contains(err.Error(), "names nothing") {
				t.Errorf("%s: %v", c.patterns, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.patterns, err)
			continue
		}
		var got []string
		for _, table := range d.Tables {
			got = append(got, strings.ReplaceAll(table.From, `"`, ""))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s publishes %v, want %s", c.patterns, got, c.want)
		}
	}
}

func TestRowsWithoutAKeyAreNotPublishedWhereTheDatabaseAllowsThem(t *testing.T) {
	t.Parallel()
	d, err := describe(t, liteWith(t, `create table a (code text primary key); create table b (code text primary key) without rowid; create table c (id integer primary key);
		create table d (id int primary key); create table e (x text, y text not null, primary key (x, y)); create view v as select code from a;
		create table f (id integer primary key desc)`), sqldata.Publish{Tables: []string{"*"}, Keys: map[string][]string{"v": {"code"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": `"code" is not null`, "B": "", "C": "", "D": `"id" is not null`, "E": `"x" is not null`, "V": `"code" is not null`, "F": `"id" is not null`}
	for _, table := range d.Tables {
		if table.Where != want[table.Set.Name] {
			t.Errorf("%s has %q, want %q", table.Set.Name, table.Where, want[table.Set.Name])
		}
		for _, p := range table.Set.Key {
			if p.Nullable {
				t.Errorf("%s.%s is nullable", table.Set.Name, p.Name)
			}
		}
	}
	if len(d.Tables) != len(want) {
		t.Errorf("%d tables", len(d.Tables))
	}
}

func TestKeysThatWillNotDoTakeTheirTableOut(t *testing.T) {
	t.Parallel()
	const made = "create table good (id int primary key); create table bad (id int primary key, r double precision, b text)"
	for _, dsn := range []string{liteWith(t, made), postgresWith(t, made)} {
		read := describer(t, dsn)
		for why, key := range map[string][]string{
			"there is no column none": {"none"}, "it has no columns": {}, "id is in it twice": {"id", "ID"}, "b is left out": {"id", "b"}, "r is of type": {"r"},
		} {
			d, err := read(sqldata.Publish{Tables: []string{"*"}, Keys: map[string][]string{"bad": key}, LeaveOut: []string{"bad.b"}, Writable: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Tables) != 1 || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0].Text, why) {
				t.Errorf("%q: %d tables, warnings %v", why, len(d.Tables), d.Warnings)
			}
		}
	}
}

func TestTypesAreTheSameForTwoTablesInTwoSchemas(t *testing.T) {
	t.Parallel()
	dsn := postgresWith(t, `create schema a; create type public.kind as enum ('x'); create type a.kind as enum ('y');
		create table public.t (id kind primary key); create table a.t (id a.kind primary key, other public.kind references public.t)`)
	d, err := describe(t, dsn, sqldata.Publish{Tables: []string{"t", "a.t"}, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Model.Enums) != 2 || len(d.Tables) != 2 {
		t.Fatalf("%d enumerations, %d tables", len(d.Model.Enums), len(d.Tables))
	}
	for _, table := range d.Tables {
		for p := range table.Columns {
			if p.Type.Kind != edm.Enum || p.Type.Enum == nil {
				t.Errorf("%s.%s is %v", table.Set.Name, p.Name, p.Type.Kind)
			}
		}
		if table.From == `"a"."t"` && len(table.Set.Navigation) != 1 {
			t.Error("a foreign key of an enumeration is lost")
		}
	}
}

func TestWhatLeadsToFilteredRowsMayLeadToNone(t *testing.T) {
	t.Parallel()
	read := describer(t, postgresWith(t, "create table owners (id int primary key); create table things (id int primary key, owner_id int not null references owners)"))
	for filter, nullable := range map[string]bool{"": false, "id = 1": true} {
		p := sqldata.Publish{Tables: []string{"*"}, Writable: true}
		if filter != "" {
			p.Where = map[string]string{"owners": filter}
		}
		d, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		if way := d.Model.Set("Things").Way("Owner"); way == nil || way.Nullable != nullable {
			t.Errorf("filter %q: %+v", filter, way)
		}
	}
}
