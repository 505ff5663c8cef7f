package sqldata

import (
	"fmt"
	"slices"
	"strings"
)

// readOnlyRole is the SQL that makes a role which may read tables and do nothing else.
func readOnlyRole(rs []*relation) string {
	var b strings.Builder
	b.WriteString("create role reader login password '…'; ")
	var schemas []string
	for _, r := range rs {
		if !slices.Contains(schemas, r.schema) {
			schemas = append(schemas, r.schema)
			fmt.Fprintf(&b, "grant usage on schema %s to reader; ", quote(r.schema))
		}
	}
	for _, s := range schemas {
		fmt.Fprintf(&b, "grant select on all tables in schema %s to reader; revoke create on schema %s from public; ", quote(s), quote(s))
	}
	return strings.TrimSpace(b.String())
}
