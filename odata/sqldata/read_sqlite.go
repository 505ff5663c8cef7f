package sqldata

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// lite reads the schema of an SQLite database.
type lite struct{ tx *sql.Tx }

func (l lite) list(ctx context.Context) ([]*relation, error) {
	var rs []*relation
	err := each(ctx, l.tx, func(scan func(...any) error) error {
		r := &relation{}
		var kind string
		if err := scan(&r.name, &kind); err != nil {
			return err
		}
		if kind == "virtual" || kind == "shadow" {
			r.part = kind == "shadow" // so that patterns don't find it
			r.problem = "a virtual table may be anything: publish a view of it"
		}
		rs = append(rs, r)
		return nil
	}, `select name, type from pragma_table_list where schema = 'main' and name not like 'sqlite\_%' escape '\' order by name`)
	return rs, err
}

func (l lite) load(ctx context.Context, rs []*relation) error {
	for _, r := range rs {
		if r.problem != "" {
			continue
		}
		for _, read := range []func(context.Context, *relation) error{l.columns, l.indexes, l.references} {
			if err := read(ctx, r); err != nil {
				return err
			}
		}
	}
	// A reference may name no columns: those of the primary key are meant. Names of tables and columns don't regard case.
	for _, r := range rs {
		for i := range r.references {
			f := &r.references[i]
			for _, other := range rs {
				if strings.EqualFold(other.name, f.table) {
					f.table = other.name
					f.resolve(r, other)
				}
			}
		}
	}
	return nil
}

// resolve spells the columns of both ends as their tables do.
func (f *reference) resolve(from, to *relation) {
	if slices.Contains(f.to, "") {
		f.to = to.primary
	}
	spell := func(names []string, r *relation) []string {
		spelt := slices.Clone(names)
		for i, n := range spelt {
			for _, c := range r.columns {
				if strings.EqualFold(c.name, n) {
					spelt[i] = c.name
				}
			}
		}
		return spelt
	}
	f.from, f.to = spell(f.from, from), spell(f.to, to)
}

func (l lite) columns(ctx context.Context, r *relation) error {
	var withoutRowid, strict, view bool
	err := l.tx.QueryRowContext(ctx, `select wr, strict, type = 'view' from pragma_table_list where schema = 'main' and name = $1`, r.name).Scan(&withoutRowid, &strict, &view)
	if err != nil {
		return err
	}
	primary := map[int]string{}
	err = each(ctx, l.tx, func(scan func(...any) error) error {
		c := &column{}
		var pk, hidden int
		if err := scan(&c.name, &c.declared, &c.notNull, &pk, &hidden); err != nil {
			return err
		}
		if hidden == 1 {
			return nil
		}
		if pk > 0 {
			primary[pk] = c.name
			c.notNull = c.notNull || withoutRowid || strict
		}
		liteColumn(c)
		r.columns = append(r.columns, c)
		return nil
	}, `select name, type, "notnull", pk, hidden from pragma_table_xinfo($1) order by cid`, r.name)
	if err != nil {
		// What a view is made of may be gone.
		if view && ctx.Err() == nil {
			r.problem = "its columns can't be read: " + err.Error()
			return nil
		}
		return err
	}
	for i := range len(primary) {
		r.primary = append(r.primary, primary[i+1])
	}
	// An INTEGER PRIMARY KEY is the rowid and never null, unless it is one by an index of its own (INTEGER PRIMARY KEY DESC).
	// Other primary keys of SQLite may hold null.
	if len(r.primary) == 1 && strings.EqualFold(r.column(r.primary[0]).declared, "INTEGER") {
		var indexed bool
		err = l.tx.QueryRowContext(ctx, `select exists (select 1 from pragma_index_list($1) where origin = 'pk')`, r.name).Scan(&indexed)
		r.column(r.primary[0]).notNull = !indexed || withoutRowid
	}
	return err
}

func (l lite) indexes(ctx context.Context, r *relation) error {
	var names []string
	err := each(ctx, l.tx, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, `select name from pragma_index_list($1) where "unique" and not partial and origin <> 'pk' order by name`, r.name)
	for _, name := range names {
		if err != nil {
			return err
		}
		var key []string
		whole := true
		err = each(ctx, l.tx, func(scan func(...any) error) error {
			var column sql.NullString // none of expressions
			err := scan(&column)
			key, whole = append(key, column.String), whole && column.Valid
			return err
		}, `select name from pragma_index_info($1) order by seqno`, name)
		if whole {
			r.uniques = append(r.uniques, key)
		}
	}
	return err
}

func (l lite) references(ctx context.Context, r *relation) error {
	last := int64(-1)
	return each(ctx, l.tx, func(scan func(...any) error) error {
		var id int64
		var table, from string
		var to sql.NullString
		if err := scan(&id, &table, &from, &to); err != nil {
			return err
		}
		if id != last {
			r.references = append(r.references, reference{table: table}) // nobody knows whether foreign keys were on when rows were written
			last = id
		}
		f := &r.references[len(r.references)-1]
		f.from, f.to = append(f.from, from), append(f.to, to.String)
		return nil
	}, `select id, "table", "from", "to" from pragma_foreign_key_list($1) order by id, seq`, r.name)
}
