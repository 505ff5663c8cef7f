package token

import "slices"

// Role is what a member is in a workspace.
type Role string

// The roles, from most to least.
const (
	Administrator Role = "administrator"
	Developer     Role = "developer"
	PlainMember   Role = "member"
)

// Roles returns all roles, in order.
func Roles() []Role { return []Role{Administrator, Developer, PlainMember} }

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }
