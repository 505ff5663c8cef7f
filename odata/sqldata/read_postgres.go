package sqldata

import (
	"context"
	"database/sql"
	"slices"

	"github.com/keywright/keywright/odata/edm"
)

// pg reads the schema of a PostgreSQL database. Rights count as the role that is connected has them.
type pg struct{ tx *sql.Tx }

func (p pg) list(ctx context.Context) ([]*relation, error) {
	var rs []*relation
	err := each(ctx, p.tx, func(scan func(...any) error) error {
		r := &relation{}
		var readable bool
		if err := scan(&r.oid, &r.schema, &r.name, &r.path, &r.part, &r.heirs, &r.description, &readable); err != nil {
			return err
		}
		if !readable {
			r.problem = "the role may not read it: grant usage on its schema, and select on it"
		}
		rs = append(rs, r)
		return nil
	}, `select c.oid::bigint, n.nspname, c.relname, coalesce(array_position(current_schemas(false), n.nspname), 0) - 1, c.relispartition,
			c.relkind = 'r' and exists (select from pg_inherits i where i.inhparent = c.oid),
			coalesce(obj_description(c.oid, 'pg_class'), ''),
			has_schema_privilege(n.oid, 'usage') and (has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select'))
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
			and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
		order by n.nspname collate "C", c.relname collate "C"`)
	return rs, err
}

func (p pg) load(ctx context.Context, rs []*relation) error {
	byOID := map[int64]*relation{}
	oids := []int64{}
	for _, r := range rs {
		if r.problem == "" {
			byOID[r.oid] = r
			oids = append(oids, r.oid)
		}
	}
	for _, read := range []func(context.Context, map[int64]*relation, []int64) error{p.columns, p.indexes, p.references} {
		if err := read(ctx, byOID, oids); err != nil {
			return err
		}
	}
	return nil
}

func (p pg) columns(ctx context.Context, byOID map[int64]*relation, oids []int64) error {
	enums := map[int64][]*column{}
	// Domains go down to their base type step by step; the last of them says the length. That a domain is "not null" is no promise: outer
	// joins and subqueries get around it. Nor is it one of foreign tables, or while it is not validated.
	err := each(ctx, p.tx, func(scan func(...any) error) error {
		var table, base int64
		var readable bool
		c, t := &column{}, pgType{}
		if err := scan(&table, &c.name, &c.declared, &c.notNull, &c.description, &readable, &base, &t.name, &t.kind, &t.schema, &t.array, &t.mod); err != nil {
			return err
		}
		switch {
		case !readable:
			c.problem = "the role may not read it"
		case t.kind == "e":
			c.enum = &enumeration{schema: t.schema, name: t.name}
			enums[base] = append(enums[base], c)
		default:
			pgColumn(c, t)
		}
		byOID[table].columns = append(byOID[table].columns, c)
		return nil
	}, `with recursive based as (
			select a.attrelid, a.attnum, a.atttypid as type, a.atttypmod as mod
			from pg_attribute a where a.attrelid::bigint = any($1::bigint[]) and a.attnum > 0 and not a.attisdropped
			union all
			select b.attrelid, b.attnum, t.typbasetype, t.typtypmod
			from based b join pg_type t on t.oid = b.type where t.typtype = 'd')
		select a.attrelid::bigint, a.attname, format_type(a.atttypid, a.atttypmod),
			a.attnotnull and r.relkind <> 'f' and not exists (select from pg_constraint o
				where o.contype = 'n' and o.conrelid = a.attrelid and o.conkey[1] = a.attnum and not o.convalidated),
			coalesce(col_description(a.attrelid, a.attnum), ''),
			has_column_privilege(a.attrelid, a.attnum, 'select'), t.oid::bigint, t.typname, t.typtype::text, n.nspname, t.typcategory = 'A', b.mod
		from based b join pg_class r on r.oid = b.attrelid join pg_attribute a on a.attrelid = b.attrelid and a.attnum = b.attnum
			join pg_type t on t.oid = b.type join pg_namespace n on n.oid = t.typnamespace
		where t.typtype <> 'd' order by a.attrelid, a.attnum`, oids)
	if err != nil || len(enums) == 0 {
		return err
	}
	var types []int64
	for oid, columns := range enums {
		types = append(types, oid)
		for _, c := range columns {
			c.enum = columns[0].enum // one for all
		}
	}
	err = each(ctx, p.tx, func(scan func(...any) error) error {
		var oid int64
		var label string
		if err := scan(&oid, &label); err != nil {
			return err
		}
		e := enums[oid][0].enum
		e.labels = append(e.labels, label)
		return nil
	}, `select enumtypid::bigint, enumlabel from pg_enum where enumtypid::bigint = any($1::bigint[]) order by enumtypid, enumsortorder`, types)
	for _, columns := range enums {
		for _, c := range columns {
			c.typ, c.cast, c.kept = edm.Type{Kind: edm.Enum}, "text", Labels
			if len(c.enum.labels) == 0 { // an enumeration of a model has members
				c.typ, c.kept, c.enum = edm.Type{Kind: edm.String}, Plain, nil
			}
		}
	}
	return err
}

func (p pg) indexes(ctx context.Context, byOID map[int64]*relation, oids []int64) error {
	// pg_get_indexdef would quote names: attributes are looked up by number.
	return each(ctx, p.tx, func(scan func(...any) error) error {
		var table, index int64
		var primary, first bool
		var column string
		if err := scan(&table, &index, &primary, &first, &column); err != nil {
			return err
		}
		r := byOID[table]
		if r.heirs {
			return nil
		}
		switch last := len(r.uniques) - 1; {
		case primary:
			r.primary = append(r.primary, column)
		case first:
			r.uniques = append(r.uniques, []string{column})
		default:
			r.uniques[last] = append(r.uniques[last], column)
		}
		return nil
	}, `select i.indrelid::bigint, i.indexrelid::bigint, i.indisprimary, k.place = 1, a.attname
		from pg_index i join pg_class c on c.oid = i.indexrelid
			cross join lateral unnest(i.indkey::smallint[]) with ordinality as k(number, place)
			join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
		where i.indrelid::bigint = any($1::bigint[]) and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and k.place <= i.indnkeyatts
		order by i.indrelid, i.indnkeyatts, c.relname collate "C", k.place`, oids)
}

func (p pg) references(ctx context.Context, byOID map[int64]*relation, oids []int64) error {
	return each(ctx, p.tx, func(scan func(...any) error) error {
		var table, other int64
		var f reference
		var first bool
		var from, to string
		if err := scan(&table, &other, &f.name, &f.trusted, &first, &from, &to); err != nil {
			return err
		}
		r := byOID[table]
		if first {
			f.schema, f.table = byOID[other].schema, byOID[other].name
			r.references = append(r.references, f)
		}
		last := &r.references[len(r.references)-1]
		last.from, last.to = append(last.from, from), append(last.to, to)
		return nil
	}, `select o.conrelid::bigint, o.confrelid::bigint, o.conname, o.convalidated, k.place = 1, a.attname, b.attname
		from pg_constraint o cross join lateral unnest(o.conkey, o.confkey) with ordinality as k(here, there, place)
			join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.here
			join pg_attribute b on b.attrelid = o.confrelid and b.attnum = k.there
		where o.contype = 'f' and o.conrelid::bigint = any($1::bigint[]) and o.confrelid::bigint = any($1::bigint[])
		order by o.conrelid, o.conname collate "C", o.oid, k.place`, oids)
}

// rights finds out whether the role could write: the reason in words, or "".
func (p pg) rights(ctx context.Context, rs []*relation) (string, error) {
	var role string
	var super bool
	err := p.tx.QueryRowContext(ctx, `select current_user, rolsuper from pg_roles where rolname = current_user`).Scan(&role, &super)
	if err != nil {
		return "", err
	}
	if super {
		return "role " + quote(role) + " is a superuser", nil
	}
	oids := []int64{}
	for _, r := range rs {
		oids = append(oids, r.oid)
	}
	var reasons []string
	err = each(ctx, p.tx, func(scan func(...any) error) error {
		var reason string
		err := scan(&reason)
		reasons = append(reasons, reason)
		return err
	}, `select 'may ' || case when pg_has_role(c.relowner, 'member') then 'do anything with' when has_table_privilege(c.oid, 'truncate') then 'truncate'
			when has_table_privilege(c.oid, 'delete') then 'delete from' when has_table_privilege(c.oid, 'insert') or has_any_column_privilege(c.oid, 'insert') then 'insert into'
			else 'update' end || ' ' || n.nspname || '.' || c.relname
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.oid::bigint = any($1::bigint[]) and (pg_has_role(c.relowner, 'member') or has_table_privilege(c.oid, 'insert, update, delete, truncate')
			or has_any_column_privilege(c.oid, 'insert, update'))
		union all
		select distinct 'may create tables in schema ' || n.nspname
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.oid::bigint = any($1::bigint[]) and has_schema_privilege(n.oid, 'create')`, oids)
	if err != nil || len(reasons) == 0 {
		return "", err
	}
	slices.Sort(reasons)
	return "role " + quote(role) + " " + reasons[0], nil
}
