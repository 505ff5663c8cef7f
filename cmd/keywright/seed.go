package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// The demo's people.
const (
	demoAdmin  = "admin@example.com"
	demoDev    = "dev@example.com"
	demoMember = "member@example.com"
	readyName  = "Ready-made demo token"
	readyApp   = "Ready-made demo app"
)

// seeder lives through the weeks before the demo: it does with the real rules, on a clock of its own, what
// people would have done, so that the demo's history is true in every detail.
type seeder struct {
	ctx    context.Context
	store  *store.Store
	checks *verify.Checker
	rules  *authority.Authority
	now    time.Time
	people map[string]token.Identity
}

// readyMade is what the demo prints, to be pasted; each is empty where the rules were changed so that they
// refuse it.
type readyMade struct {
	token        token.Secret
	appID        string
	clientSecret token.Secret
	refresh      token.Secret
}

// seed fills a new directory, or opens one that was filled before; it sets everybody's password and
// returns what is ready-made.
func seed(ctx context.Context, cfg config.Config, password string) (made readyMade, err error) {
	start := time.Now()
	sd := &seeder{ctx: ctx, now: start, people: map[string]token.Identity{}}
	clock := func() time.Time { return sd.now }
	if sd.store, err = store.Open(ctx, store.Options{DSN: cfg.Database, Now: clock}); err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, sd.store.Close()) }()
	lock, err := sd.store.Lock(ctx)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if _, err := sd.store.Migrate(ctx); err != nil {
		return made, err
	}
	format, err := token.NewFormat(cfg.TokenPrefix)
	if err != nil {
		return made, err
	}
	box, err := server.Keyset(ctx, sd.store, cfg)
	if err != nil {
		return made, err
	}
	issuer := server.Issuer(cfg)
	sd.checks = verify.New(verify.Config{Store: sd.store, Format: format, MaxRecords: 1000, Now: clock, Box: box, Issuer: issuer})
	sd.rules = authority.New(authority.Config{Store: sd.store, Checks: sd.checks, Format: format, Now: clock, Box: box, Issuer: issuer})
	fresh, err := sd.rules.NeedsSetUp(ctx)
	if err != nil {
		return made, err
	}
	if fresh {
		if err := sd.live(start); err != nil {
			return made, err
		}
	}
	sd.now = start
	return sd.ready(password)
}

// live plays the history.
func (sd *seeder) live(end time.Time) error {
	sd.now = end.AddDate(0, 0, -80)
	if err := sd.settle(); err != nil {
		return err
	}
	for _, t := range history() {
		if err := sd.play(t, end); err != nil {
			return err
		}
	}
	for _, l := range lives() {
		if err := sd.liveOne(&l, end); err != nil {
			return fmt.Errorf("%s%s: %w", l.app.Name, l.pair.Name, err)
		}
	}
	if err := sd.checks.Flush(sd.ctx); err != nil {
		return err
	}
	return sd.moveIn(end)
}

// settle makes the accounts and the six workspaces.
func (sd *seeder) settle() error {
	code, _, err := sd.rules.OpenSetUp(sd.ctx)
	if err != nil {
		return err
	}
	origin := token.Origin{Address: netip.MustParseAddr("203.0.113.7"), UserAgent: "Mozilla/5.0 (demo)"}
	password := token.RandomText(20).Reveal() // replaced in ready
	first := authority.FirstAccount{Code: code.Reveal(), Email: demoAdmin, Name: "Ana Ruiz", Password: password}
	if _, sd.people[demoAdmin], err = sd.rules.SetUp(sd.ctx, first, origin); err != nil {
		return err
	}
	for _, p := range token.Presets() {
		sd.now = sd.now.Add(7 * time.Minute)
		w := authority.NewWorkspace{Slug: string(p.Name), Name: p.Title, Preset: p.Name}
		if _, err := sd.rules.CreateWorkspace(sd.ctx, sd.people[demoAdmin], w); err != nil {
			return err
		}
		for _, inv := range []authority.Invitation{
			{Email: demoDev, Name: "Daniel Okafor", Role: token.Developer},
			{Email: demoMember, Name: "Mei Tanaka", Role: token.PlainMember},
		} {
			_, link, err := sd.rules.Invite(sd.ctx, sd.people[demoAdmin], string(p.Name), inv)
			if err != nil {
				return err
			}
			if _, known := sd.people[inv.Email]; known {
				continue
			}
			if _, sd.people[inv.Email], err = sd.rules.RedeemLink(sd.ctx, link, password, origin); err != nil {
				return err
			}
		}
	}
	return nil
}

// episode is a token's life.
type episode struct {
	workspace token.Preset
	who       string
	ago       int // days before today that it was made
	request   token.Request
	perDay    int // requests on a working day
	from      []string
	revoked   int // days before today that it was revoked; 0 never
	reason    string
	deleted   int
}

func history() []episode {
	text := func(s string) *string { return &s }
	scopes := func(s ...string) *[]string { return &s }
	days := func(n int) token.Choice { return token.Choice{LifetimeDays: &n} }
	read := scopes("odata:read")
	return []episode{
		{
			workspace: token.Standard, who: demoDev, ago: 62, perDay: 310, from: []string{"198.51.100.24", "198.51.100.25"},
			request: token.Request{Name: text("Nightly pipeline"), Description: text("Loads orders into the warehouse"), Scopes: read, Expiry: days(365)},
		},
		{
			workspace: token.Standard, who: demoDev, ago: 55, perDay: 4, from: []string{"198.51.100.31"},
			request: token.Request{Name: text("Release script"), Scopes: scopes("odata:read", token.ScopeManage), Expiry: days(90)},
		},
		{
			workspace: token.Standard, who: demoDev, ago: 25, perDay: 40, from: []string{"198.51.100.24"},
			request: token.Request{Name: text("Orders in Power BI"), Description: text("The dashboard in the hall"), Scopes: read, Expiry: days(30)},
		},
		{
			workspace: token.Standard, who: demoDev, ago: 68, perDay: 6, from: []string{"198.51.100.24"}, revoked: 40, reason: "The workshop is over",
			request: token.Request{Name: text("Workshop notebook"), Scopes: read, Expiry: days(90)},
		},
		{
			workspace: token.Standard, who: demoMember, ago: 41, perDay: 14, from: []string{"203.0.113.40"},
			request: token.Request{Name: text("Power BI sales report"), Scopes: read, Expiry: days(90)},
		},
		{
			workspace: token.Standard, who: demoMember, ago: 70, perDay: 5, from: []string{"203.0.113.61"}, revoked: 22, reason: "The laptop was replaced",
			request: token.Request{Name: text("Excel on the old laptop"), Scopes: read, Expiry: days(365)},
		},
		{
			workspace: token.Standard, who: demoAdmin, ago: 33, perDay: 9, from: []string{"203.0.113.7"},
			request: token.Request{Name: text("Postman trial"), Scopes: read, Expiry: days(7)},
		},
		{
			workspace: token.Standard, who: demoAdmin, ago: 26, perDay: 2, from: []string{"203.0.113.7"},
			request: token.Request{Name: text("Quarterly audit"), Scopes: read, Expiry: days(30)},
		},
		{workspace: token.SingleToken, who: demoMember, ago: 50, perDay: 6, from: []string{"203.0.113.40"}, deleted: 9},
		{workspace: token.AppsAndTokens, who: demoDev, ago: 58, perDay: 120, from: []string{"198.51.100.24"}, request: token.Request{Name: text("Build server")}},
		{
			workspace: token.AppsAndTokens, who: demoAdmin, ago: 45, perDay: 3, from: []string{"203.0.113.7"}, revoked: 12, reason: "No longer needed",
			request: token.Request{Name: text("Workflow report")},
		},
		{
			workspace: token.CRMTokens, who: demoAdmin, ago: 37, perDay: 22, from: []string{"203.0.113.7"},
			request: token.Request{Description: text("Sales dashboard in Power BI"), Scopes: read, Expiry: days(365)},
		},
		{
			workspace: token.CRMTokens, who: demoAdmin, ago: 66, perDay: 1, from: []string{"203.0.113.9"}, revoked: 30, reason: "Replaced by the dashboard's own token",
			request: token.Request{Description: text("Trial in Excel"), Scopes: read, Expiry: token.Choice{Never: true}},
		},
		{
			workspace: token.ScopedTokens, who: demoDev, ago: 48, perDay: 75, from: []string{"198.51.100.24"},
			request: token.Request{Name: text("Policy sync"), Scopes: scopes("collection", "policy")},
		},
		{
			workspace: token.ScopedTokens, who: demoMember, ago: 19, perDay: 8, from: []string{"203.0.113.40"},
			request: token.Request{Name: text("Device inventory"), Scopes: scopes("device")},
		},
	}
}

// play makes a token, uses it day by day, and ends it.
func (sd *seeder) play(t episode, end time.Time) error {
	day := func(ago int) time.Time { return morning(ago, end) }
	sd.now = day(t.ago)
	by := sd.people[t.who]
	by.SignedInAt = sd.now
	ws := string(t.workspace)
	made, secret, err := sd.rules.CreateToken(sd.ctx, by, ws, authority.NewToken{Request: t.request})
	if err != nil {
		return err
	}
	last := max(t.revoked, t.deleted, 0)
	for ago := t.ago - 1; ago >= last; ago-- {
		sd.use(secret, t, day(ago), end)
	}
	if t.revoked+t.deleted == 0 {
		return nil
	}
	sd.now = day(last).Add(6 * time.Hour)
	if t.deleted > 0 {
		return sd.rules.DeleteToken(sd.ctx, by, ws, made.ID)
	}
	_, err = sd.rules.RevokeToken(sd.ctx, by, ws, made.ID, t.reason)
	return err
}

// use presents a token through one day, less at weekends and never after now.
func (sd *seeder) use(secret token.Secret, t episode, morning, end time.Time) {
	n := onDay(t.perDay, morning)
	for i := range n {
		sd.now = morning.Add(time.Duration(i) * 9 * time.Hour / time.Duration(n))
		if !sd.now.Before(end) {
			return
		}
		from := netip.MustParseAddr(t.from[i%len(t.from)])
		// An expired token is refused, and the refusal is part of the history.
		_, _ = sd.checks.Check(sd.ctx, secret.Reveal(), verify.Ask{Address: from})
	}
}

// ready sets the passwords, and makes what is ready-made or gives it new secrets.
func (sd *seeder) ready(password string) (made readyMade, err error) {
	by := token.Identity{System: "keywright demo"}
	for _, email := range []string{demoAdmin, demoDev, demoMember} {
		if err := sd.rules.SetPassword(sd.ctx, by, email, password); err != nil {
			return made, err
		}
	}
	_, dev, err := sd.rules.SignIn(sd.ctx, demoDev, password, token.Origin{UserAgent: "keywright demo"})
	if err != nil {
		return made, err
	}
	var errs [3]error
	made.token, errs[0] = sd.readyToken(dev)
	made.appID, made.clientSecret, errs[1] = sd.readyApp(dev)
	made.refresh, errs[2] = sd.readyPair(dev)
	return made, errors.Join(append(errs[:], sd.rules.SignOut(sd.ctx, dev))...)
}

// readyToken makes the token, or renews the one of an earlier run. Where the rules were changed so that
// they refuse it, there is none.
func (sd *seeder) readyToken(dev token.Identity) (token.Secret, error) {
	ws := string(token.Standard)
	name, days, scopes := readyName, 30, []string{"odata:read"}
	have, err := sd.rules.Tokens(sd.ctx, dev, ws, authority.TokenQuery{Filter: store.TokenFilter{Search: readyName}, Page: store.Page{Limit: 1}})
	var secret token.Secret
	switch {
	case err != nil:
	case len(have) == 1 && have[0].StatusAt(sd.now) != token.Revoked:
		_, secret, err = sd.rules.RegenerateToken(sd.ctx, dev, ws, have[0].ID, token.Choice{})
	case len(have) == 1:
		err = sd.rules.DeleteToken(sd.ctx, dev, ws, have[0].ID)
		fallthrough
	default:
		if err == nil {
			_, secret, err = sd.rules.CreateToken(sd.ctx, dev, ws, authority.NewToken{Request: token.Request{Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days}}})
		}
	}
	return secret, unlessRefused(err)
}
