package ui

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// entrance is a form that begins a session.
type entrance struct {
	Next, Email, Name, Code string
	Path                    string
	Who                     token.Person
	NeedsHTTPS              string // why nobody can sign in here; "" when one can
	Problems                problems
	SignedOut               bool
}

func (v *visit) signIn() error {
	if v.by.SessionID != "" {
		return v.goTo(local(v.query("next"), "/"))
	}
	open, err := v.authority.NeedsSetUp(v.r.Context())
	if err != nil {
		return err
	}
	if open {
		return v.goTo("/setup")
	}
	return v.showSignIn(0, entrance{Next: v.query("next"), SignedOut: v.query("done") == "signed-out"})
}

func (v *visit) showSignIn(status int, e entrance) error {
	if err := v.kit.NeedHTTPS(v.r); err != nil {
		e.NeedsHTTPS = fault.From(err).Detail
	}
	return v.showPlain(page{title: "Sign in", name: "sign-in", data: e, status: status})
}

func (v *visit) signInSent() error {
	e := entrance{Next: v.form("next"), Email: v.form("email")}
	if err := v.kit.NeedHTTPS(v.r); err != nil {
		return v.showSignIn(http.StatusForbidden, e) // before the password is looked at
	}
	secret, _, err := v.authority.SignIn(v.r.Context(), e.Email, v.sent.Get("password"), v.kit.Origin(v.r))
	if err != nil {
		f := fault.From(err)
		if f.Code == api.CodeWrongCredentials || correctable(f) {
			e.Problems = problemsOf(f, nil)
			return v.showSignIn(web.StatusOf(f), e)
		}
		return err
	}
	return v.begin(secret, e.Next)
}

// begin gives the browser its session and goes on.
func (v *visit) begin(secret token.Secret, next string) error {
	if err := v.kit.SetSession(v.w, v.r, secret); err != nil {
		return err
	}
	return v.goTo(local(next, "/"))
}

func (v *visit) signOut() error {
	if v.by.SessionID != "" {
		if err := v.authority.SignOut(v.r.Context(), v.by); err != nil {
			return err
		}
	}
	v.kit.ClearSession(v.w)
	return v.goTo("/sign-in?done=signed-out")
}

// setUp is the form that makes the first administrator, with the code that the server printed.
func (v *visit) setUp() error { return v.showSetUp(0, entrance{}) }

func (v *visit) showSetUp(status int, e entrance) error {
	open, err := v.authority.NeedsSetUp(v.r.Context())
	if err != nil {
		return err
	}
	if !open {
		return v.goTo("/sign-in")
	}
	if err := v.kit.NeedHTTPS(v.r); err != nil {
		e.NeedsHTTPS = fault.From(err).Detail
	}
	return v.showPlain(page{title: "Set up", name: "set-up", data: e, status: status})
}

func (v *visit) setUpSent() error {
	e := entrance{Email: v.form("email"), Name: v.form("name")}
	if err := v.kit.NeedHTTPS(v.r); err != nil {
		return v.showSetUp(http.StatusForbidden, e)
	}
	secret, _, err := v.authority.SetUp(v.r.Context(), authority.FirstAccount{
		Code: v.form("code"), Email: e.Email, Name: e.Name, Password: v.sent.Get("password"),
	}, v.kit.Origin(v.r))
	if err != nil {
		if f := fault.From(err); correctable(f) {
			e.Problems = problemsOf(f, map[string]string{"code": "code", "email": "email", "name": "name", "password": "password"})
			return v.showSetUp(web.StatusOf(f), e)
		}
		return err
	}
	return v.begin(secret, "/installation")
}

// link is where a one-time link leads: its owner chooses a password. Opening it does not use it up, so
// that a mail program that looks at links spoils nothing.
func (v *visit) link() error { return v.showLink(0, problems{}) }

func (v *visit) showLink(status int, p problems) error {
	// The address is a secret.
	v.w.Header().Set("Referrer-Policy", "no-referrer")
	who, err := v.authority.LinkOwner(v.r.Context(), token.SecretOf(v.r.PathValue("secret")))
	if err != nil {
		if f := fault.From(err); f.Code == api.CodeLinkInvalid {
			return v.showPlain(page{title: "Link", name: "link-over", data: f.Detail, status: web.StatusOf(f)})
		}
		return err
	}
	e := entrance{Who: who, Path: v.r.URL.Path, Problems: p}
	if err := v.kit.NeedHTTPS(v.r); err != nil {
		e.NeedsHTTPS = fault.From(err).Detail
	}
	return v.showPlain(page{title: "Choose a password", name: "link", data: e, status: status})
}

func (v *visit) linkSent() error {
	if err := v.kit.NeedHTTPS(v.r); err != nil {
		return v.showLink(http.StatusForbidden, problems{})
	}
	secret, _, err := v.authority.RedeemLink(v.r.Context(), token.SecretOf(v.r.PathValue("secret")), v.sent.Get("password"), v.kit.Origin(v.r))
	if err != nil {
		if f := fault.From(err); f.Kind == fault.Invalid || f.Code == api.CodeLinkInvalid {
			return v.showLink(web.StatusOf(f), problemsOf(f, map[string]string{"password": "password"}))
		}
		return err
	}
	return v.begin(secret, "/")
}

// home leads to the workspace that was used last, or the first.
func (v *visit) home() error {
	slug := ""
	for _, m := range v.me.Workspaces {
		if m.Slug == v.lastWorkspace() {
			slug = m.Slug
		}
	}
	switch {
	case slug != "":
	case len(v.me.Workspaces) > 0:
		slug = v.me.Workspaces[0].Slug
	case v.by.InstallationAdmin:
		return v.goTo("/installation")
	default:
		return v.show(page{title: "Welcome", name: "lonely", narrow: true})
	}
	return v.goTo("/workspaces/" + slug + "/settings")
}

func (v *visit) nowhere() error { return fault.Missing() }

func (v *visit) help() error {
	offer, err := v.helpOffer()
	if err != nil {
		return err
	}
	return v.show(page{title: "Help", name: "help", narrow: true, data: map[string]any{"Offer": offer, "Verify": v.kit.URL("/verify"), "Token": v.kit.URL("/oauth2/token"), "Docs": "/api/v1/docs"}})
}

// helpOffer is what one can do to one's own tokens in the workspace that was used last.
type helpOffer struct {
	Stop                string // "revoke or delete"; "" where only administrators stop tokens
	Regenerate, Only    bool
	Tokens, Apps, OAuth bool // which kinds there are
	Rotate, Viewable    bool // refresh tokens are replaced; client secrets can be seen again
}

func (v *visit) helpOffer() (helpOffer, error) {
	slug := ""
	for _, m := range v.me.Workspaces {
		if slug == "" || m.Slug == v.lastWorkspace() {
			slug = m.Slug
		}
	}
	if slug == "" {
		return helpOffer{Tokens: true}, nil
	}
	in, err := v.authority.Enter(v.r.Context(), v.by, slug)
	if err != nil {
		return helpOffer{}, err
	}
	r := &in.Policy.Tokens
	var stops []string
	if r.Allows(token.ActRevoke) {
		stops = append(stops, "revoke")
	}
	if r.Allows(token.ActDelete) && r.Delete == token.DeleteAnyTime {
		stops = append(stops, "delete")
	}
	offered := func(a *token.Access) bool { return a.Offered && a.Holds(in.Role) }
	return helpOffer{
		Stop: strings.Join(stops, " or "), Regenerate: r.Allows(token.ActRegenerate), Only: r.PerUser == 1,
		Tokens: offered(&r.Access), Apps: offered(&in.Policy.Apps.Access), OAuth: offered(&in.Policy.OAuthTokens.Access),
		Rotate: in.Policy.Refresh == token.Rotate, Viewable: in.Policy.Apps.Secret == token.SecretViewable,
	}, nil
}

func (v *visit) account() error {
	notes := map[string]string{"password": "Your password is changed. You are signed out everywhere else."}
	return v.show(page{
		title: "Profile", name: "account", here: "account", narrow: true, note: v.noteOf(notes), crumbs: []string{"Account", "Profile"},
		data: map[string]any{"Person": v.me.User, "Since": v.day(v.me.User.CreatedAt), "Workspaces": v.placesOf()},
	})
}

func (v *visit) placesOf() []place {
	var out []place
	for _, m := range v.me.Workspaces {
		out = append(out, place{Name: m.Name, Path: "/workspaces/" + m.Slug + "/settings", Role: roleName(m.Role)})
	}
	return out
}

func (v *visit) password() error { return v.showPassword(0, problems{}) }

func (v *visit) showPassword(status int, p problems) error {
	return v.show(page{
		title: "Change password", name: "password", here: "password", narrow: true, status: status, crumbs: []string{"Account", "Password"},
		data: map[string]any{"Problems": p, "Email": v.by.User.Email},
	})
}

func (v *visit) passwordSent() error {
	err := v.authority.ChangePassword(v.r.Context(), v.by, v.sent.Get("current"), v.sent.Get("new"))
	if err == nil {
		return v.goTo("/account?done=password")
	}
	if f := fault.From(err); correctable(f) {
		return v.showPassword(web.StatusOf(f), problemsOf(f, map[string]string{"current": "current", "new": "new"}))
	}
	return err
}

func (v *visit) everywhere() error {
	return v.show(page{
		title: "Profile", name: "account", here: "account", narrow: true, crumbs: []string{"Account", "Profile"},
		data:   map[string]any{"Person": v.me.User, "Since": v.day(v.me.User.CreatedAt), "Workspaces": v.placesOf()},
		dialog: "confirm", ask: confirmation{
			Title: "Sign out everywhere", Path: "/account/sign-out-everywhere", Cancel: "/account", Button: "Sign out everywhere",
			Body: []string{"You are signed out in every browser, this one too. Your tokens go on working."},
		},
	})
}

func (v *visit) everywhereSent() error {
	if err := v.authority.SignOutEverywhere(v.r.Context(), v.by); err != nil {
		return err
	}
	v.kit.ClearSession(v.w)
	return v.goTo("/sign-in?done=signed-out")
}
