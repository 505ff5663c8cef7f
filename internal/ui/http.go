package ui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/web"
)

// open makes a handler of a page that needs no sign-in.
func (u *UI) open(h func(*visit) error) http.Handler {
	return u.kit.Handle("ui", u.refused, func(w http.ResponseWriter, r *http.Request) error {
		v, err := u.visit(w, r)
		if err != nil {
			return err
		}
		if by, err := u.kit.Identity(r); err == nil && by.SessionID != "" {
			v.by = by
		}
		return h(v)
	})
}

// signed makes a handler of a page for people who are signed in; others are asked to sign in first.
func (u *UI) signed(h func(*visit) error) http.Handler {
	return u.kit.Handle("ui", u.refused, func(w http.ResponseWriter, r *http.Request) error {
		v, err := u.visit(w, r)
		if err != nil {
			return err
		}
		if err := v.identify(); err != nil {
			if fault.From(err).Kind != fault.Unauthenticated {
				return err
			}
			return v.toSignIn()
		}
		return h(v)
	})
}

// within makes a handler of a page of the workspace that the address names.
func (u *UI) within(h func(*visit) error) http.Handler {
	return u.signed(func(v *visit) error {
		if err := v.enter(v.r.PathValue("ws")); err != nil {
			return err
		}
		return h(v)
	})
}

func (u *UI) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v := &visit{UI: u, w: w, r: r, now: u.authority.Now()}
	var err error
	if v.asked, err = web.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	v.sent = url.Values{}
	if r.Method == http.MethodPost && !uploads(r) {
		v.sent, err = web.Form(w, r)
	}
	return v, err
}

// identify finds out who asks. Pages take sessions only: a bearer token belongs to the API.
func (v *visit) identify() error {
	by, err := v.kit.Identity(v.r)
	if err != nil {
		return err
	}
	if by.SessionID == "" {
		return fault.New(fault.Unauthenticated, api.CodeSignInRequired, "Sign in first.")
	}
	v.by = by
	v.me, err = v.authority.Me(v.r.Context(), by)
	return err
}

func (v *visit) enter(ws string) error {
	in, err := v.authority.Enter(v.r.Context(), v.by, ws)
	if err != nil {
		return err
	}
	v.in = &in
	v.remember(in.Slug)
	return nil
}

// toSignIn leads to the sign-in, and from there back. What was typed into the form for a new token or
// app goes along in the address, which that form reads; nothing of any other form does.
func (v *visit) toSignIn() error {
	back := v.r.URL.RequestURI()
	if v.r.Method == http.MethodPost {
		back = v.r.URL.Path
		if strings.HasSuffix(back, "tokens/new") || strings.HasSuffix(back, "/apps/new") {
			back += prefill(v.sent)
		}
	}
	to := "/sign-in"
	if back != "/" {
		to += "?next=" + url.QueryEscape(back)
	}
	return v.goTo(to)
}

// goTo answers with a redirect that a GET follows.
func (v *visit) goTo(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// local returns a path of ours to go on to, or the fallback for anything else.
func local(path, fallback string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return fallback
	}
	return path
}

// at returns an address below the workspace's.
func (v *visit) at(parts ...string) string {
	var b strings.Builder
	b.WriteString("/workspaces/" + url.PathEscape(v.in.Slug))
	for _, p := range parts {
		b.WriteString("/" + p)
	}
	return b.String()
}

// form returns a trimmed field of the form.
func (v *visit) form(name string) string { return strings.TrimSpace(v.sent.Get(name)) }

// query returns a parameter of the address.
func (v *visit) query(name string) string { return strings.TrimSpace(v.asked.Get(name)) }

const (
	workspaceCookie = "kw_workspace"
	themeCookie     = "kw_theme"
	yearSeconds     = 365 * 24 * 60 * 60
)

// remember keeps the last workspace for "/". It is a preference and no secret: anybody may know it, and
// what it says is checked when it is used.
func (v *visit) remember(slug string) {
	if v.lastWorkspace() == slug {
		return
	}
	v.preference(workspaceCookie, slug)
}

// lastWorkspace is the slug that the browser remembers, "" if there is none.
func (v *visit) lastWorkspace() string {
	c, err := v.r.Cookie(workspaceCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

func (v *visit) preference(name, value string) {
	http.SetCookie(v.w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: yearSeconds, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(v.kit.URL("/"), "https:"),
	})
}

func (v *visit) theme() string {
	if c, err := v.r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// setTheme keeps the chosen theme; "" follows the system.
func (v *visit) setTheme() error {
	theme := v.form("theme")
	if theme != "light" && theme != "dark" {
		theme = "system"
	}
	v.preference(themeCookie, theme)
	return v.goTo(local(v.form("back"), "/"))
}
