package store_test

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
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
	return slices.Concat(peopleCalls(), tokenCalls(), appCalls(), oauthCalls(), legacyCalls())
}

// peopleCalls are the methods about people and workspaces.
func peopleCalls() []call {
	hour := testkit.NewClock().Now().Add(time.Hour)
	policy, _ := token.Standard.Policy()
	return []call{
		{"AddUser", func(tx *store.Tx) error {
			return tx.AddUser(store.User{Person: token.Person{ID: "usr_c", Email: "c", Name: "C"}, PasswordHash: "h", InstallationAdmin: true, CreatedAt: tx.Now})
		}},
		{"User", func(tx *store.Tx) error { return result(tx.User("usr_c")) }},
		{"UserByEmail", func(tx *store.Tx) error { return result(tx.UserByEmail("c")) }},
		{"HasUsers", func(tx *store.Tx) error { return result(tx.HasUsers()) }},
		{"SetPassword", func(tx *store.Tx) error { return tx.SetPassword("usr_c", "h2") }},
		{"SetInstallationAdmin", func(tx *store.Tx) error { return tx.SetInstallationAdmin("usr_c", false) }},
		{"InstallationAdmins", func(tx *store.Tx) error { return result(tx.InstallationAdmins()) }},
		{"AddSession", func(tx *store.Tx) error { return tx.AddSession(session("ses_1", "usr_a", hour), hashOf(1)) }},
		{"SessionByHash", func(tx *store.Tx) error { return result(tx.SessionByHash(hashOf(1), tx.Now, tx.Now)) }},
		{"TouchSession", func(tx *store.Tx) error { return tx.TouchSession("ses_1", hour) }},
		{"EndSession", func(tx *store.Tx) error { return tx.EndSession("ses_1") }},
		{"EndSessions", func(tx *store.Tx) error { return result(tx.EndSessions("usr_a", "")) }},
		{"Sweep", func(tx *store.Tx) error { return result(tx.Sweep(tx.Now, tx.Now)) }},
		{"AddLink", func(tx *store.Tx) error { return tx.AddLink("usr_a", "reset", hashOf(1), hour) }},
		{"Link", func(tx *store.Tx) error { _, _, err := tx.Link(hashOf(1)); return err }},
		{"UseLink", func(tx *store.Tx) error { return tx.UseLink(hashOf(1)) }},
		{"SpendNonce", func(tx *store.Tx) error { return tx.SpendNonce(hashOf(1), hour) }},
		{"AddWorkspace", func(tx *store.Tx) error { return addWorkspace(tx, "ws_2", "two") }},
		{"Workspace", func(tx *store.Tx) error { return result(tx.Workspace("two")) }},
		{"Workspaces", func(tx *store.Tx) error { return result(tx.Workspaces()) }},
		{"Rules", func(tx *store.Tx) error { return result(tx.Rules("ws_2")) }},
		{"SetRules", func(tx *store.Tx) error { return tx.SetRules("ws_2", store.Rules{Policy: policy}) }},
		{"RenameWorkspace", func(tx *store.Tx) error { return tx.RenameWorkspace("ws_2", "2") }},
		{"TakeWorkspaceTurn", func(tx *store.Tx) error { return tx.TakeWorkspaceTurn("ws_2") }},
		{"DeleteWorkspace", func(tx *store.Tx) error { return tx.DeleteWorkspace("ws_2") }},
		{"Membership", func(tx *store.Tx) error { return result(tx.Membership("one", "usr_a")) }},
		{"Memberships", func(tx *store.Tx) error { return result(tx.Memberships("usr_a")) }},
		{"TakeTurn", func(tx *store.Tx) error { return result(tx.TakeTurn("ws_1", "usr_a")) }},
		{"TakeOwnTurn", func(tx *store.Tx) error {
			return errors.Join(tx.TakeOwnTurn("ws_1", "usr_a"), tx.TakeOwnTurn("one", "usr_a"))
		}},
		{"TakeEveryTurn", func(tx *store.Tx) error { return tx.TakeEveryTurn("ws_1") }},
		{"TakeInstallationTurn", func(tx *store.Tx) error { return tx.TakeInstallationTurn() }},
		{"HoldPassword", func(tx *store.Tx) error { return tx.HoldPassword("usr_c", "h2") }},
		{"DropLinks", func(tx *store.Tx) error { return tx.DropLinks("usr_c") }},
		{"AddMember", func(tx *store.Tx) error { return tx.AddMember("ws_1", "usr_c", token.PlainMember) }},
		{"Member", func(tx *store.Tx) error { return result(tx.Member("ws_1", "usr_c")) }},
		{"Members", func(tx *store.Tx) error { return result(tx.Members("ws_1", store.Page{After: "zzz", Limit: 10})) }},
		{"CountAdministrators", func(tx *store.Tx) error { return result(tx.CountAdministrators("ws_1")) }},
		{"SetRole", func(tx *store.Tx) error { return tx.SetRole("ws_1", "usr_c", token.Developer) }},
		{"RemoveMember", func(tx *store.Tx) error { return tx.RemoveMember("ws_1", "usr_c") }},
	}
}

// tokenCalls are the methods about personal access tokens, their use, and events.
func tokenCalls() []call {
	hour := testkit.NewClock().Now().Add(time.Hour)
	filter := store.TokenFilter{
		WorkspaceID: "ws_1", OwnerID: "usr_a", Status: token.Active, Scope: "a", ScopeRoles: token.Roles(), UnusedSince: hour,
		ExpiresBefore: hour.Add(time.Hour), Search: "token",
	}
	use := store.Use{TokenID: aToken(1).ID, OwnerID: "usr_a", WorkspaceID: "ws_1", Day: 3, Requests: 4, LastUsedAt: hour, LastUsedIP: netip.MustParseAddr("::1"), Addresses: addresses("::1", "192.0.2.1")}
	days := store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", TokenID: aToken(1).ID, To: 9}
	expiring := aToken(1)
	expiring.Scopes, expiring.ExpiresAt = token.Scopes{"a"}, hour
	page := store.Page{After: "zzz", Limit: 10}
	return []call{
		{"AddToken", func(tx *store.Tx) error { return tx.AddToken(expiring, hashOf(1)) }},
		{"Token", func(tx *store.Tx) error { return result(tx.Token("ws_1", aToken(1).ID)) }},
		{"TokenHash", func(tx *store.Tx) error { return result(tx.TokenHash(aToken(1).ID)) }},
		{"Tokens", func(tx *store.Tx) error { return result(tx.Tokens(filter, page)) }},
		{"CountTokens", func(tx *store.Tx) error { return result(tx.CountTokens(filter)) }},
		{"NameTaken", func(tx *store.Tx) error { return result(tx.NameTaken("ws_1", "usr_a", "token 1")) }},
		{"TokenByHash", func(tx *store.Tx) error { return result(tx.TokenByHash(hashOf(1))) }},
		{"AddUse", func(tx *store.Tx) error { return tx.AddUse(use) }},
		{"UsePerDay", func(tx *store.Tx) error { return result(tx.UsePerDay(days)) }},
		{"UsePerToken", func(tx *store.Tx) error { return result(tx.UsePerToken(days, 9)) }},
		{"SetTokenScopes", func(tx *store.Tx) error { return tx.SetTokenScopes(aToken(1).ID, nil) }},
		{"SetTokenExpiry", func(tx *store.Tx) error { return tx.SetTokenExpiry(aToken(1).ID, time.Time{}) }},
		{"RenewToken", func(tx *store.Tx) error { return tx.RenewToken(aToken(1), hashOf(2)) }},
		{"AddTokens", func(tx *store.Tx) error {
			return tx.AddTokens([]store.NewToken{{Token: aToken(2), Hash: hashOf(3)}, {Token: legacyToken(3), Hash: hashOf(4)}})
		}},
		{"RevokeToken", func(tx *store.Tx) error { return tx.RevokeToken(aToken(1).ID, "r") }},
		{"RevokeTokensOf", func(tx *store.Tx) error { return result(tx.RevokeTokensOf("ws_1", "usr_a", "r")) }},
		{"DeleteToken", func(tx *store.Tx) error { return tx.DeleteToken(aToken(1).ID) }},
		{"AddEvent", func(tx *store.Tx) error { return tx.AddEvent(event("evt_1", "ws_1")) }},
		{"AddEvents", func(tx *store.Tx) error {
			return tx.AddEvents([]audit.Event{event("evt_2", "ws_1"), event("evt_3", "")})
		}},
		{"Events", func(tx *store.Tx) error {
			return result(tx.Events(store.EventFilter{WorkspaceID: "ws_1", Concerns: "usr_a", ActorID: "usr_a", TargetID: "t", Action: audit.TokenCreated, From: tx.Now, To: hour}, page))
		}},
	}
}

// appCalls are the methods about apps.
func appCalls() []call {
	hour := testkit.NewClock().Now().Add(time.Hour)
	filter := store.AppFilter{WorkspaceID: "ws_1", CreatedBy: "usr_a", Status: token.Active, Scope: "a", Search: "app"}
	return []call{
		{"AddApp", func(tx *store.Tx) error { return tx.AddApp(anApp(1)) }},
		{"App", func(tx *store.Tx) error { return result(tx.App("ws_1", anApp(1).ID)) }},
		{"AppByID", func(tx *store.Tx) error { _, _, err := tx.AppByID(anApp(1).ID); return err }},
		{"Apps", func(tx *store.Tx) error { return result(tx.Apps(filter, store.Page{After: "zzz", Limit: 9})) }},
		{"CountApps", func(tx *store.Tx) error { return result(tx.CountApps(filter)) }},
		{"TakeAppTurn", func(tx *store.Tx) error { return tx.TakeAppTurn(anApp(1).ID) }},
		{"ChangeApp", func(tx *store.Tx) error { return tx.ChangeApp(anApp(1)) }},
		{"AddClientSecret", func(tx *store.Tx) error { return tx.AddClientSecret(aSecret(1, anApp(1).ID), hashOf(1)) }},
		{"ClientSecrets", func(tx *store.Tx) error { return result(tx.ClientSecrets(anApp(1).ID)) }},
		{"ClientSecretByHash", func(tx *store.Tx) error { return result(tx.ClientSecretByHash(hashOf(1))) }},
		{"AddUse", func(tx *store.Tx) error {
			return tx.AddUse(store.Use{TokenID: anApp(1).ID, SecretID: aSecret(1, "").ID, OwnerID: anApp(1).ID, WorkspaceID: "ws_1", Day: 3, Requests: 1, LastUsedAt: hour})
		}},
		{"EndClientSecret", func(tx *store.Tx) error { return tx.EndClientSecret(aSecret(1, "").ID, hour) }},
		{"EraseSealedSecrets", func(tx *store.Tx) error { return tx.EraseSealedSecrets("ws_1") }},
		{"DropClientSecret", func(tx *store.Tx) error { return tx.DropClientSecret(aSecret(1, "").ID) }},
		{"DisableApp", func(tx *store.Tx) error { return tx.DisableApp(anApp(1).ID, true) }},
		{"ActivateApp", func(tx *store.Tx) error { return tx.ActivateApp(anApp(1).ID, true) }},
		{"DeleteApp", func(tx *store.Tx) error { return tx.DeleteApp(anApp(1).ID) }},
	}
}

// oauthCalls are the methods about OAuth tokens and keys.
func oauthCalls() []call {
	hour := testkit.NewClock().Now().Add(time.Hour)
	filter := store.OAuthFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", Status: token.Active, UnusedSince: hour, ExpiresBefore: hour.Add(time.Hour), Search: "oauth"}
	id := anOAuthToken(1).ID
	stop := store.Stop{Reason: "r", EndAccess: true, Reused: true}
	key := store.SigningKey{ID: "key_1", WorkspaceID: "ws_1", Algorithm: token.ES256, Public: "{}", Sealed: []byte{1}, CreatedAt: hour, SignsFrom: hour}
	return []call{
		{"AddOAuthToken", func(tx *store.Tx) error { return tx.AddOAuthToken(anOAuthToken(1)) }},
		{"OAuthToken", func(tx *store.Tx) error { return result(tx.OAuthToken("ws_1", id)) }},
		{"OAuthTokens", func(tx *store.Tx) error { return result(tx.OAuthTokens(filter, store.Page{After: "zzz", Limit: 9})) }},
		{"CountOAuthTokens", func(tx *store.Tx) error { return result(tx.CountOAuthTokens(filter)) }},
		{"TakeOAuthTurn", func(tx *store.Tx) error { return tx.TakeOAuthTurn(id) }},
		{"SetOAuthExpiry", func(tx *store.Tx) error { return tx.SetOAuthExpiry(id, hour) }},
		{"NoteRefresh", func(tx *store.Tx) error { return tx.NoteRefresh(id) }},
		{"AddRefreshToken", func(tx *store.Tx) error { return tx.AddRefreshToken(id, hashOf(1)) }},
		{"RefreshTokenByHash", func(tx *store.Tx) error { return result(tx.RefreshTokenByHash(hashOf(1))) }},
		{"ReplaceRefreshToken", func(tx *store.Tx) error { return tx.ReplaceRefreshToken(hashOf(1), hashOf(2), []byte{1}) }},
		{"EraseSuccessor", func(tx *store.Tx) error { return tx.EraseSuccessor(hashOf(2)) }},
		{"EraseSuccessorsBefore", func(tx *store.Tx) error { return result(tx.EraseSuccessorsBefore(hour)) }},
		{"DisableOAuthToken", func(tx *store.Tx) error { return tx.DisableOAuthToken(id, stop) }},
		{"DisableOAuthTokensOf", func(tx *store.Tx) error { return result(tx.DisableOAuthTokensOf("ws_1", "usr_a", stop)) }},
		{"DeleteOAuthToken", func(tx *store.Tx) error { return tx.DeleteOAuthToken(id) }},
		{"AddSigningKey", func(tx *store.Tx) error { return tx.AddSigningKey(key) }},
		{"SigningKeys", func(tx *store.Tx) error { return result(tx.SigningKeys("ws_1")) }},
		{"SigningKey", func(tx *store.Tx) error { return result(tx.SigningKey("key_1")) }},
		{"RetireSigningKey", func(tx *store.Tx) error { return tx.RetireSigningKey("key_1", hour) }},
		{"DropSigningKey", func(tx *store.Tx) error { return tx.DropSigningKey("key_1") }},
		{"StopAccess", func(tx *store.Tx) error { return tx.StopAccess("at_1", hour) }},
		{"AccessStopped", func(tx *store.Tx) error { return result(tx.AccessStopped("at_1", "at_2")) }},
		{"SetKeysetCheck", func(tx *store.Tx) error { return tx.SetKeysetCheck([]byte{1}) }},
		{"KeysetCheck", func(tx *store.Tx) error { return result(tx.KeysetCheck()) }},
		{"ForgetSealed", func(tx *store.Tx) error { return tx.ForgetSealed() }},
	}
}

// legacyCalls are the methods about imported tokens, and the inventory of everything.
func legacyCalls() []call {
	hour := testkit.NewClock().Now().Add(time.Hour)
	return []call{
		{"AddLegacyKey", func(tx *store.Tx) error {
			return tx.AddLegacyKey(store.LegacyKey{ID: "key_2", WorkspaceID: "ws_1", Sealed: []byte{1}, CreatedAt: hour})
		}},
		{"LegacyKeys", func(tx *store.Tx) error { return result(tx.LegacyKeys("ws_1")) }},
		{"LegacySchemes", func(tx *store.Tx) error { return result(tx.LegacySchemes("ws_1")) }},
		{"LegacyHashes", func(tx *store.Tx) error { return tx.LegacyHashes("ws_1", func(token.Hash) {}) }},
		{"LegacyOwners", func(tx *store.Tx) error { return result(tx.LegacyOwners("ws_1", hour, 10)) }},
		{"SetLegacyStop", func(tx *store.Tx) error {
			return errors.Join(tx.SetLegacyStop("ws_1", hour), tx.SetLegacyStop("ws_1", time.Time{}))
		}},
		{"LegacyStop", func(tx *store.Tx) error { return result(tx.LegacyStop("ws_1")) }},
		{"Inventory", func(tx *store.Tx) error {
			full := store.InventoryFilter{
				WorkspaceID: "ws_1", OwnerID: "usr_a", Status: token.Active, Scope: "a", ScopeRoles: token.Roles(), UnusedSince: hour,
				ExpiresBefore: hour.Add(time.Hour), NeverExpires: true, Search: "e",
			}
			for _, full.Sort = range []store.Sort{store.NewestFirst, store.ExpiresFirst, store.IdleFirst, store.ByName, store.ByOwner} {
				if _, _, err := tx.Inventory(full, "", 9); err != nil {
					return err
				}
			}
			return nil
		}},
		{"KnownHashes", func(tx *store.Tx) error { return result(tx.KnownHashes([]token.Hash{hashOf(1), hashOf(4)})) }},
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
				"AddApp": func(tx *store.Tx) error {
					a := anApp(1)
					a.Keys = bad
					return tx.AddApp(a)
				},
				"AppByID": func(tx *store.Tx) error { _, _, err := tx.AppByID(bad); return err },
				"AddOAuthToken": func(tx *store.Tx) error {
					k := anOAuthToken(1)
					k.Name = bad
					return tx.AddOAuthToken(k)
				},
				"DisableOAuthToken": func(tx *store.Tx) error { return tx.DisableOAuthToken("oat_1", store.Stop{Reason: bad}) },
				"SigningKey":        func(tx *store.Tx) error { return result(tx.SigningKey(bad)) },
				"AddSigningKey": func(tx *store.Tx) error {
					return tx.AddSigningKey(store.SigningKey{ID: "key_1", WorkspaceID: "ws_1", Algorithm: token.Algorithm(bad), Sealed: []byte{1}})
				},
				"StopAccess":    func(tx *store.Tx) error { return tx.StopAccess(bad, tx.Now) },
				"AccessStopped": func(tx *store.Tx) error { return result(tx.AccessStopped("at_1", bad)) },
				"AddTokens": func(tx *store.Tx) error {
					k := legacyToken(1)
					k.Scheme = token.Scheme(bad)
					return tx.AddTokens([]store.NewToken{{Token: k, Hash: hashOf(1)}})
				},
				"Inventory": func(tx *store.Tx) error {
					_, _, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1", OwnerID: bad}, "", 1)
					return err
				},
				"AddEvent": func(tx *store.Tx) error { return tx.AddEvent(audit.Event{ID: "evt_1", UserAgent: bad}) },
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
