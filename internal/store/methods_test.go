package store_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// call is one method with arguments that make it succeed, called in the order of the table.
type call struct {
	method string
	fn     func(*store.Tx) error
}

// result makes a call of what returns a value.
func result[T any](_ T, err error) error { return err }

// calls are all methods of Tx, on what furnish has made.
func calls() []call {
	hour := testkit.NewClock().Now().Add(time.Hour)
	filter := store.TokenFilter{
		WorkspaceID: "ws_1", OwnerID: "usr_a", Status: token.Active, Scope: "a", ScopeRoles: token.Roles(), UnusedSince: hour,
		ExpiresBefore: hour.Add(time.Hour), Search: "token",
	}
	use := store.Use{TokenID: aToken(1).ID, OwnerID: "usr_a", WorkspaceID: "ws_1", Day: 3, Requests: 4, LastUsedAt: hour, LastUsedIP: netip.MustParseAddr("::1"), Addresses: addresses("::1", "192.0.2.1")}
	days := store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", TokenID: aToken(1).ID, To: 9}
	policy, _ := token.Standard.Policy()
	expiring := aToken(1)
	expiring.Scopes, expiring.ExpiresAt = token.Scopes{"a"}, hour
	page := store.Page{After: "zzz", Limit: 10}
	add := func(method string, fn func(*store.Tx) error) call { return call{method, fn} }
	return []call{
		add("AddUser", func(tx *store.Tx) error {
			return tx.AddUser(store.User{Person: token.Person{ID: "usr_c", Email: "c", Name: "C"}, PasswordHash: "h", InstallationAdmin: true, CreatedAt: tx.Now})
		}),
		add("User", func(tx *store.Tx) error { return result(tx.User("usr_c")) }),
		add("UserByEmail", func(tx *store.Tx) error { return result(tx.UserByEmail("c")) }),
		add("HasUsers", func(tx *store.Tx) error { return result(tx.HasUsers()) }),
		add("SetPassword", func(tx *store.Tx) error { return tx.SetPassword("usr_c", "h2") }),
		add("SetInstallationAdmin", func(tx *store.Tx) error { return tx.SetInstallationAdmin("usr_c", false) }),
		add("InstallationAdmins", func(tx *store.Tx) error { return result(tx.InstallationAdmins()) }),
		add("AddSession", func(tx *store.Tx) error { return tx.AddSession(session("ses_1", "usr_a", hour), hashOf(1)) }),
		add("SessionByHash", func(tx *store.Tx) error { return result(tx.SessionByHash(hashOf(1), tx.Now, tx.Now)) }),
		add("TouchSession", func(tx *store.Tx) error { return tx.TouchSession("ses_1", hour) }),
		add("EndSession", func(tx *store.Tx) error { return tx.EndSession("ses_1") }),
		add("EndSessions", func(tx *store.Tx) error { return result(tx.EndSessions("usr_a", "")) }),
		add("Sweep", func(tx *store.Tx) error { return tx.Sweep(tx.Now, tx.Now) }),
		add("AddLink", func(tx *store.Tx) error { return tx.AddLink("usr_a", "reset", hashOf(1), hour) }),
		add("Link", func(tx *store.Tx) error { _, _, err := tx.Link(hashOf(1)); return err }),
		add("UseLink", func(tx *store.Tx) error { return tx.UseLink(hashOf(1)) }),
		add("SpendNonce", func(tx *store.Tx) error { return tx.SpendNonce(hashOf(1), hour) }),
		add("AddWorkspace", func(tx *store.Tx) error { return addWorkspace(tx, "ws_2", "two") }),
		add("Workspace", func(tx *store.Tx) error { return result(tx.Workspace("two")) }),
		add("Workspaces", func(tx *store.Tx) error { return result(tx.Workspaces()) }),
		add("Rules", func(tx *store.Tx) error { return result(tx.Rules("ws_2")) }),
		add("SetRules", func(tx *store.Tx) error { return tx.SetRules("ws_2", store.Rules{Policy: policy}) }),
		add("RenameWorkspace", func(tx *store.Tx) error { return tx.RenameWorkspace("ws_2", "2") }),
		add("TakeWorkspaceTurn", func(tx *store.Tx) error { return tx.TakeWorkspaceTurn("ws_2") }),
		add("DeleteWorkspace", func(tx *store.Tx) error { return tx.DeleteWorkspace("ws_2") }),
		add("Membership", func(tx *store.Tx) error { return result(tx.Membership("one", "usr_a")) }),
		add("Memberships", func(tx *store.Tx) error { return result(tx.Memberships("usr_a")) }),
		add("TakeTurn", func(tx *store.Tx) error { return result(tx.TakeTurn("ws_1", "usr_a")) }),
		add("TakeOwnTurn", func(tx *store.Tx) error {
			return errors.Join(tx.TakeOwnTurn("ws_1", "usr_a"), tx.TakeOwnTurn("one", "usr_a"))
		}),
		add("TakeEveryTurn", func(tx *store.Tx) error { return tx.TakeEveryTurn("ws_1") }),
		add("TakeInstallationTurn", func(tx *store.Tx) error { return tx.TakeInstallationTurn() }),
		add("HoldPassword", func(tx *store.Tx) error { return tx.HoldPassword("usr_c", "h2") }),
		add("DropLinks", func(tx *store.Tx) error { return tx.DropLinks("usr_c") }),
		add("AddMember", func(tx *store.Tx) error { return tx.AddMember("ws_1", "usr_c", token.PlainMember) }),
		add("Member", func(tx *store.Tx) error { return result(tx.Member("ws_1", "usr_c")) }),
		add("Members", func(tx *store.Tx) error { return result(tx.Members("ws_1", page)) }),
		add("CountAdministrators", func(tx *store.Tx) error { return result(tx.CountAdministrators("ws_1")) }),
		add("SetRole", func(tx *store.Tx) error { return tx.SetRole("ws_1", "usr_c", token.Developer) }),
		add("RemoveMember", func(tx *store.Tx) error { return tx.RemoveMember("ws_1", "usr_c") }),
		add("AddToken", func(tx *store.Tx) error { return tx.AddToken(expiring, hashOf(1)) }),
		add("Token", func(tx *store.Tx) error { return result(tx.Token("ws_1", aToken(1).ID)) }),
		add("TokenHash", func(tx *store.Tx) error { return result(tx.TokenHash(aToken(1).ID)) }),
		add("Tokens", func(tx *store.Tx) error { return result(tx.Tokens(filter, page)) }),
		add("CountTokens", func(tx *store.Tx) error { return result(tx.CountTokens(filter)) }),
		add("NameTaken", func(tx *store.Tx) error { return result(tx.NameTaken("ws_1", "usr_a", "token 1")) }),
		add("TokenByHash", func(tx *store.Tx) error { return result(tx.TokenByHash(hashOf(1))) }),
		add("AddUse", func(tx *store.Tx) error { return tx.AddUse(use) }),
		add("UsePerDay", func(tx *store.Tx) error { return result(tx.UsePerDay(days)) }),
		add("UsePerToken", func(tx *store.Tx) error { return result(tx.UsePerToken(days, 9)) }),
		add("SetTokenScopes", func(tx *store.Tx) error { return tx.SetTokenScopes(aToken(1).ID, nil) }),
		add("SetTokenExpiry", func(tx *store.Tx) error { return tx.SetTokenExpiry(aToken(1).ID, time.Time{}) }),
		add("RenewToken", func(tx *store.Tx) error { return tx.RenewToken(aToken(1), hashOf(2)) }),
		add("RevokeToken", func(tx *store.Tx) error { return tx.RevokeToken(aToken(1).ID, "r") }),
		add("RevokeTokensOf", func(tx *store.Tx) error { return result(tx.RevokeTokensOf("ws_1", "usr_a", "r")) }),
		add("DeleteToken", func(tx *store.Tx) error { return tx.DeleteToken(aToken(1).ID) }),
		add("AddEvent", func(tx *store.Tx) error { return tx.AddEvent(event("evt_1", "ws_1")) }),
		add("Events", func(tx *store.Tx) error {
			return result(tx.Events(store.EventFilter{WorkspaceID: "ws_1", Concerns: "usr_a", ActorID: "usr_a", TargetID: "t", Action: audit.TokenCreated, From: tx.Now, To: hour}, page))
		}),
	}
}

// exercise calls every method once, each in a transaction of its own.
func exercise(t *testing.T, s *store.Store) {
	t.Helper()
	for _, c := range calls() {
		if err := s.Update(t.Context(), c.fn); err != nil {
			t.Errorf("%s: %v", c.method, err)
		}
	}
}

func TestTheTableOfCallsHasEveryMethod(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"Exec": true, "Strings": true, "Sent": true} // of these tests
	for _, c := range calls() {
		known[c.method] = true
	}
	for m := range reflect.TypeFor[*store.Tx]().Methods() {
		if !known[m.Name] {
			t.Errorf("calls() lacks %s", m.Name)
		}
	}
}

func TestEveryMethodWorksAndAllInOneTransactionToo(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		rollback := errors.New("none of it")
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			for _, c := range calls() {
				if err := c.fn(tx); err != nil {
					t.Errorf("%s: %v", c.method, err)
				}
			}
			return rollback
		})
		if !errors.Is(err, rollback) {
			t.Error(err)
		}
		exercise(t, s)
	})
}

func TestTextThatOneEngineWouldRefuseIsRefusedByBoth(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		for _, bad := range []string{"a\x00b", "\x00", "a\xff", "\xed\xa0\x80"} {
			k := aToken(1)
			k.Name = bad
			for name, fn := range map[string]func(*store.Tx) error{
				"AddUser": func(tx *store.Tx) error {
					return tx.AddUser(store.User{Person: token.Person{ID: "u", Email: bad, Name: "N"}})
				},
				"UserByEmail": func(tx *store.Tx) error { return result(tx.UserByEmail(bad)) },
				"SetPassword": func(tx *store.Tx) error { return tx.SetPassword("usr_a", bad) },
				"Workspace":   func(tx *store.Tx) error { return result(tx.Workspace(bad)) },
				"Membership":  func(tx *store.Tx) error { return result(tx.Membership(bad, "usr_a")) },
				"Members":     func(tx *store.Tx) error { return result(tx.Members("ws_1", store.Page{After: bad, Limit: 1})) },
				"AddMember":   func(tx *store.Tx) error { return tx.AddMember("ws_1", "usr_a", token.Role(bad)) },
				"AddToken":    func(tx *store.Tx) error { return tx.AddToken(k, hashOf(1)) },
				"Token":       func(tx *store.Tx) error { return result(tx.Token("ws_1", bad)) },
				"Tokens, search": func(tx *store.Tx) error {
					return result(tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", Search: strings.ToValidUTF8(bad, "\x00")}, store.Page{Limit: 1}))
				},
				"Tokens, scope": func(tx *store.Tx) error {
					return result(tx.CountTokens(store.TokenFilter{WorkspaceID: "ws_1", Scope: bad}))
				},
				"NameTaken": func(tx *store.Tx) error { return result(tx.NameTaken("ws_1", "usr_a", bad)) },
				"AddEvent":  func(tx *store.Tx) error { return tx.AddEvent(audit.Event{ID: "evt_1", UserAgent: bad}) },
				"Events": func(tx *store.Tx) error {
					return result(tx.Events(store.EventFilter{WorkspaceID: "ws_1", Action: audit.Action(bad)}, store.Page{Limit: 1}))
				},
			} {
				if err := s.Update(t.Context(), fn); !errors.Is(err, store.ErrText) {
					t.Errorf("%s(%q) = %v, want ErrText", name, bad, err)
				}
			}
		}
	})
}

func TestTextIsKeptByteForByteAndSortedByBytes(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		// In the order of their bytes. What looks alike is not the same.
		names := []string{"", " ", " a", "A", "Z", "_", "a", "a ", "a  ", "ab", "e\u0301", "z", "\u0130", "\u0131", "ß", "é", "ı", "Ω", "ω", "\u200d", "中", "\ufffd", "😀", "\U0010ffff"}
		update(t, s, func(tx *store.Tx) error {
			for n := range names {
				k := aToken(int64(n))
				k.Name = names[(n*7)%len(names)]
				if err := tx.AddToken(k, hashOf(int64(n))); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			rows, err := tx.Strings(1, "select name from tokens order by name")
			seen := map[string]bool{}
			for i, row := range rows {
				seen[row[0]] = true
				if i > 0 && row[0] < rows[i-1][0] {
					t.Errorf("%q comes after %q", row[0], rows[i-1][0])
				}
			}
			for _, name := range names {
				if !seen[name] {
					t.Errorf("%q is not read back", name)
				}
			}
			return err
		})
	})
}
