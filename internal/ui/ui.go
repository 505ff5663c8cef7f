// Package ui is the pages: what people see of Keywright in a browser.
//
// Every page is rendered on the server with html/template and works without the script. A dialog is a
// page of its own address: the server renders the page it belongs to, inert, and the dialog open over
// it; the script only makes it modal. A form's POST is answered by a redirect, except where it makes a
// secret: then the answer itself shows the secret, once, and nothing can show it again. The form carries
// a single-use mark, so that sending it again makes nothing.
//
// What a workspace's policy does not know does not appear: columns, fields, actions, entries and words
// all come from the policy and the caller's role. The rules themselves are authority's; a page that
// offers too much by mistake is refused there.
//
// Threat: a page shows what others typed, so everything goes through html/template's escaping, and the
// strict Content-Security-Policy of internal/web stays strict: there is no inline script or style and
// nothing from elsewhere. Secrets are written by one template only. One-time links stand in addresses,
// so their pages send no referrer and logs name the route, not the address.
package ui

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
)

// Config is what the pages are made with. Kit and Authority are required.
type Config struct {
	Kit       *web.Kit
	Authority *authority.Authority
	Accent    string // "#rrggbb", readable on white; "" is the default
	Demo      bool   // shows a badge

	Published *publish.Feeds  // nil: there are no feeds, and no page about them
	OData     http.Handler    // of /odata/, which "Test this connection" asks; nil: nothing can be tested
	Checks    *verify.Checker // says whose the tested credential is; nil: the test does not say
}

// UI is the pages. It is safe for use by many goroutines.
type UI struct {
	kit       *web.Kit
	authority *authority.Authority
	demo      bool
	published *publish.Feeds
	odata     http.Handler
	checks    *verify.Checker
	templates *template.Template
	assets    assets
}

// New prepares the pages; it fails when the accent colour can't be read on the pages' background.
func New(c Config) (*UI, error) {
	if c.Kit == nil || c.Authority == nil {
		return nil, errors.New("ui: Kit and Authority are required")
	}
	accent, err := accentStyles(c.Accent)
	if err != nil {
		return nil, err
	}
	files, err := loadAssets(accent)
	if err != nil {
		return nil, err
	}
	t, err := parseTemplates()
	if err != nil {
		return nil, err
	}
	return &UI{
		kit: c.Kit, authority: c.Authority, demo: c.Demo, published: c.Published, odata: c.OData, checks: c.Checks,
		templates: t, assets: files,
	}, nil
}

// Mount adds the pages' routes.
func (u *UI) Mount(mux *http.ServeMux) {
	mux.Handle("GET /static/{file}", u.assets)
	u.mountAccount(mux)
	u.mountTokens(mux)
	u.mountApps(mux)
	u.mountAdministration(mux)
}

func (u *UI) mountAccount(mux *http.ServeMux) {
	open := func(pattern string, h func(*visit) error) { mux.Handle(pattern, u.open(h)) }
	open("GET /sign-in", (*visit).signIn)
	open("POST /sign-in", (*visit).signInSent)
	open("POST /sign-out", (*visit).signOut)
	open("GET /setup", (*visit).setUp)
	open("POST /setup", (*visit).setUpSent)
	open("GET "+web.LinkPath+"{secret}", (*visit).link)
	open("POST "+web.LinkPath+"{secret}", (*visit).linkSent)
	open("POST /theme", (*visit).setTheme)
	signed := func(pattern string, h func(*visit) error) { mux.Handle(pattern, u.signed(h)) }
	signed("GET /{$}", (*visit).home)
	signed("GET /help", (*visit).help)
	signed("GET /account", (*visit).account)
	signed("GET /account/password", (*visit).password)
	signed("POST /account/password", (*visit).passwordSent)
	signed("GET /account/sign-out-everywhere", (*visit).everywhere)
	signed("POST /account/sign-out-everywhere", (*visit).everywhereSent)
	signed("/", (*visit).nowhere) // without a method, so that every other route is more specific
}

func (u *UI) mountTokens(mux *http.ServeMux) {
	in := func(pattern string, h func(*visit) error) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /workspaces/{ws}"+path, u.within(h))
	}
	in("GET /{$}", (*visit).settings)
	in("GET /settings", (*visit).settings)
	in("GET /profile", (*visit).profile)
	in("GET /tokens", (*visit).tokens)
	in("GET /tokens/new", (*visit).newToken)
	in("POST /tokens/new", (*visit).newTokenSent)
	in("GET /tokens/{id}", (*visit).token)
	in("GET /tokens/{id}/scopes", (*visit).editScopes)
	in("POST /tokens/{id}/scopes", (*visit).editScopesSent)
	in("GET /tokens/{id}/regenerate", (*visit).regenerate)
	in("POST /tokens/{id}/regenerate", (*visit).regenerateSent)
	in("GET /tokens/{id}/revoke", (*visit).revoke)
	in("POST /tokens/{id}/revoke", (*visit).revokeSent)
	in("GET /tokens/{id}/delete", (*visit).delete)
	in("POST /tokens/{id}/delete", (*visit).deleteSent)
	in("GET /legacy-tokens", (*visit).legacyTokens)
	in("GET /legacy-tokens/{id}/move", (*visit).moveLegacy)
	in("GET /connect", (*visit).connect)
	in("GET /connect/{feed}", (*visit).connect)
	in("GET /connect/{feed}/{tool}", (*visit).connect)
	in("POST /connect/{feed}/{tool}", (*visit).connectSent)
	in("GET /connect/{feed}/files/{file}", (*visit).connectFile)
	in("GET /audit", (*visit).audit)
	in("GET /usage", (*visit).usage)
}

func (u *UI) mountApps(mux *http.ServeMux) {
	in := func(pattern string, h func(*visit) error) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /workspaces/{ws}"+path, u.within(h))
	}
	in("GET /apps", (*visit).apps)
	in("GET /apps/new", (*visit).newApp)
	in("POST /apps/new", (*visit).newAppSent)
	in("GET /apps/{id}", (*visit).app)
	in("GET /apps/{id}/secret", (*visit).appSecret)
	in("POST /apps/{id}/secret", (*visit).appSecretSent)
	in("GET /apps/{id}/edit", (*visit).editApp)
	in("POST /apps/{id}/edit", (*visit).editAppSent)
	in("GET /apps/{id}/rotate", (*visit).rotateApp)
	in("POST /apps/{id}/rotate", (*visit).rotateAppSent)
	in("GET /apps/{id}/secrets/{secret}/end", (*visit).endSecret)
	in("POST /apps/{id}/secrets/{secret}/end", (*visit).endSecretSent)
	in("GET /apps/{id}/disable", (*visit).disableApp)
	in("POST /apps/{id}/disable", (*visit).disableAppSent)
	in("GET /apps/{id}/activate", (*visit).activateApp)
	in("POST /apps/{id}/activate", (*visit).activateAppSent)
	in("GET /apps/{id}/delete", (*visit).deleteApp)
	in("POST /apps/{id}/delete", (*visit).deleteAppSent)
	in("GET /oauth-tokens", (*visit).oauthTokens)
	in("GET /oauth-tokens/new", (*visit).newOAuth)
	in("POST /oauth-tokens/new", (*visit).newOAuthSent)
	in("GET /oauth-tokens/batch", (*visit).oauthBatch)
	in("POST /oauth-tokens/batch", (*visit).oauthBatchSent)
	in("GET /oauth-tokens/{id}", (*visit).oauthToken)
	in("GET /oauth-tokens/{id}/disable", (*visit).disableOAuth)
	in("POST /oauth-tokens/{id}/disable", (*visit).disableOAuthSent)
	in("GET /oauth-tokens/{id}/delete", (*visit).deleteOAuth)
	in("POST /oauth-tokens/{id}/delete", (*visit).deleteOAuthSent)
}

func (u *UI) mountAdministration(mux *http.ServeMux) {
	in := func(pattern string, h func(*visit) error) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /workspaces/{ws}/admin"+path, u.within(h))
	}
	in("GET /tokens", (*visit).allTokens)
	in("GET /tokens.csv", (*visit).tokensCSV)
	in("GET /tokens/batch", (*visit).batch)
	in("POST /tokens/batch", (*visit).batchSent)
	in("GET /members", (*visit).members)
	in("GET /members/new", (*visit).invite)
	in("POST /members/new", (*visit).inviteSent)
	in("GET /members/{id}/role", (*visit).memberRole)
	in("POST /members/{id}/role", (*visit).memberRoleSent)
	in("GET /members/{id}/remove", (*visit).memberRemove)
	in("POST /members/{id}/remove", (*visit).memberRemoveSent)
	in("GET /members/{id}/invitation", (*visit).memberInvitation)
	in("POST /members/{id}/invitation", (*visit).memberInvitationSent)
	in("GET /scopes", (*visit).scopes)
	in("POST /scopes", (*visit).scopesSent)
	in("GET /policy", (*visit).policy)
	in("POST /policy", (*visit).policySent)
	in("GET /legacy", (*visit).imports)
	in("POST /legacy/stop", (*visit).stopSent)
	in("POST /legacy/confirm", (*visit).importsConfirmed)
	in("GET /legacy/sample.csv", (*visit).sampleCSVFile)
	in("GET /legacy/sample.jsonl", (*visit).sampleJSONLFile)
	mux.Handle(checkPattern, u.within((*visit).checkSent))
	mux.Handle(importPattern, u.within((*visit).importSent))
	in("GET /feeds", (*visit).feeds)
	in("POST /feeds", (*visit).readAgain)
	in("GET /keys", (*visit).keys)
	in("GET /keys/rotate", (*visit).rotateKeys)
	in("POST /keys/rotate", (*visit).rotateKeysSent)
	in("GET /keys/replace", (*visit).replaceKeys)
	in("POST /keys/replace", (*visit).replaceKeysSent)
	signed := func(pattern string, h func(*visit) error) { mux.Handle(pattern, u.signed(h)) }
	signed("GET /installation", (*visit).installation)
	signed("GET /installation/workspaces/new", (*visit).newWorkspace)
	signed("POST /installation/workspaces/new", (*visit).newWorkspaceSent)
	signed("GET /installation/workspaces/{ws}/rename", (*visit).renameWorkspace)
	signed("POST /installation/workspaces/{ws}/rename", (*visit).renameWorkspaceSent)
	signed("GET /installation/workspaces/{ws}/delete", (*visit).deleteWorkspace)
	signed("POST /installation/workspaces/{ws}/delete", (*visit).deleteWorkspaceSent)
	signed("GET /installation/administrators", (*visit).administrator)
	signed("POST /installation/administrators", (*visit).administratorSent)
}

// visit is one request for a page: who asks, where, and when.
type visit struct {
	*UI
	w   http.ResponseWriter
	r   *http.Request
	by  token.Identity
	me  authority.Profile // when signed in
	in  *authority.View   // when in a workspace
	now time.Time

	asked url.Values // the address's parameters
	sent  url.Values // the form's fields
}
