package testkit

import (
	"net/netip"
	"testing"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// Who is in every workspace of an Installation, and with what they sign in.
const (
	Admin    = "admin@example.com"  // administrator, and of the installation
	Dev      = "dev@example.com"    // developer
	Member   = "member@example.com" // plain member
	Password = "correct horse battery staple"
)

// Issuer is what access tokens of a workspace name as their issuer.
func Issuer(slug string) string { return "https://keywright.example/w/" + slug }

// Installation is a set-up Keywright without its server: workspaces of all six presets, whose slugs are
// the presets' names, each with the three members, all on the test's clock.
type Installation struct {
	DB
	Store  *store.Store
	Checks *verify.Checker
	Format token.Format
	Box    *keyring.Box
	*authority.Authority

	// The three, signed in a moment ago, and the cookies of their sessions.
	People  map[string]token.Identity
	Cookies map[string]token.Secret
}

// Install sets up an installation. The test's end closes it.
func Install(t testing.TB, db DB) *Installation {
	t.Helper()
	in := Bare(t, db)
	code, open, err := in.OpenSetUp(t.Context())
	if err != nil || !open {
		t.Fatalf("set-up is open %v: %v", open, err)
	}
	first := authority.FirstAccount{Code: code.Reveal(), Email: Admin, Name: "Ana Ruiz", Password: Password}
	cookie, admin, err := in.SetUp(t.Context(), first, Origin())
	if err != nil {
		t.Fatal(err)
	}
	in.People[Admin], in.Cookies[Admin] = admin, cookie
	known := false
	for _, p := range token.Presets() {
		w := authority.NewWorkspace{Slug: string(p.Name), Name: p.Title, Preset: p.Name}
		if _, err := in.CreateWorkspace(t.Context(), admin, w); err != nil {
			t.Fatal(err)
		}
		for _, inv := range []authority.Invitation{
			{Email: Dev, Name: "Daniel Okafor", Role: token.Developer},
			{Email: Member, Name: "Mei Tanaka", Role: token.PlainMember},
		} {
			_, link, err := in.Invite(t.Context(), admin, w.Slug, inv)
			if err != nil {
				t.Fatal(err)
			}
			if known {
				continue
			}
			if in.Cookies[inv.Email], in.People[inv.Email], err = in.RedeemLink(t.Context(), link, Password, Origin()); err != nil {
				t.Fatal(err)
			}
		}
		known = true
	}
	return in
}

// Bare opens an installation that nobody has set up yet.
func Bare(t testing.TB, db DB) *Installation {
	t.Helper()
	format, err := token.NewFormat("kw")
	if err != nil {
		t.Fatal(err)
	}
	box, err := keyring.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	s := db.Open(t)
	checks := verify.New(verify.Config{Store: s, Format: format, MaxRecords: 10_000, Now: db.Clock.Now, Box: box, Issuer: Issuer})
	rules := authority.New(authority.Config{Store: s, Checks: checks, Format: format, Now: db.Clock.Now, Box: box, Issuer: Issuer})
	return &Installation{
		DB: db, Store: s, Checks: checks, Format: format, Box: box, Authority: rules,
		People: map[string]token.Identity{}, Cookies: map[string]token.Secret{},
	}
}

// Origin is where the test's people are.
func Origin() token.Origin {
	return token.Origin{Address: netip.MustParseAddr("203.0.113.7"), UserAgent: "keywright testkit", RequestID: "req-test"}
}

// As signs a person in with the Password.
func (in *Installation) As(t testing.TB, email string) token.Identity {
	t.Helper()
	_, by, err := in.SignIn(t.Context(), email, Password, Origin())
	if err != nil {
		t.Fatalf("signing %s in: %v", email, err)
	}
	return by
}

// Join makes a person, with the Password, a member of a workspace.
func (in *Installation) Join(t testing.TB, ws, email string, role token.Role) token.Identity {
	t.Helper()
	_, link, err := in.Invite(t.Context(), in.As(t, Admin), ws, authority.Invitation{Email: email, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	if link.Reveal() == "" { // they have an account
		return in.As(t, email)
	}
	_, by, err := in.RedeemLink(t.Context(), link, Password, Origin())
	if err != nil {
		t.Fatal(err)
	}
	return by
}
