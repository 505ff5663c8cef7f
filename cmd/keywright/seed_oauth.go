package main

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// life is that of an app or an OAuth token.
type life struct {
	workspace token.Preset
	who       string
	ago       int // days before today that it was made
	app       authority.NewApp
	pair      authority.NewOAuthToken
	perDay    int // requests on a working day
	from      string
	rotated   int // days before today that the app's client secret was rotated, with a week of overlap; 0 never
	ended     int // days before today that it was disabled; 0 never
	replayed  int // days before today that a refresh token that had been replaced came again; 0 never
}

// lives are in the order of their beginnings: a workspace's first signing key is older than what it signs.
func lives() []life {
	read := []string{"odata:read"}
	days := func(n int) *int { return &n }
	return []life{
		{
			workspace: token.Standard, who: demoDev, ago: 66, perDay: 30, from: "198.51.100.70", ended: 20,
			app: authority.NewApp{Name: "Old web shop", Description: "Replaced by the new shop in spring", Scopes: read},
		},
		{
			workspace: token.OAuthTokens, who: demoMember, ago: 63, perDay: 5, from: "203.0.113.40",
			pair: authority.NewOAuthToken{Name: "First try", LifetimeDays: days(7)},
		},
		{
			workspace: token.Standard, who: demoDev, ago: 60, perDay: 140, from: "198.51.100.60", rotated: 2,
			app: authority.NewApp{Name: "Warehouse loader", Description: "Copies orders into the warehouse three times a day", Scopes: read},
		},
		{
			workspace: token.AppsAndTokens, who: demoDev, ago: 52, perDay: 90, from: "198.51.100.61",
			app: authority.NewApp{Name: "Workflow robot", Description: "Starts workflows from the help desk", Scopes: read},
		},
		{
			workspace: token.Standard, who: demoAdmin, ago: 47, perDay: 25, from: "198.51.100.62",
			app: authority.NewApp{Name: "Invoice service", Description: "Posts invoices at night", Scopes: read},
		},
		{
			workspace: token.AppsAndTokens, who: demoAdmin, ago: 44, perDay: 12, from: "198.51.100.63", ended: 11,
			app: authority.NewApp{Name: "Report export", Description: "Until the new reports were ready", Scopes: read},
		},
		{
			workspace: token.OAuthTokens, who: demoDev, ago: 40, perDay: 15, from: "198.51.100.24", ended: 25,
			pair: authority.NewOAuthToken{Name: "Workshop", LifetimeDays: days(365)},
		},
		{
			workspace: token.OAuthTokens, who: demoMember, ago: 35, perDay: 18, from: "203.0.113.40",
			pair: authority.NewOAuthToken{Name: "Python notebook", LifetimeDays: days(90)},
		},
		{
			workspace: token.Standard, who: demoMember, ago: 33, perDay: 9, from: "203.0.113.40",
			pair: authority.NewOAuthToken{Name: "Sales notebook", LifetimeDays: days(90)},
		},
		{
			workspace: token.Standard, who: demoDev, ago: 27, perDay: 11, from: "198.51.100.31",
			pair: authority.NewOAuthToken{Name: "Month-end script", LifetimeDays: days(30)},
		},
		{
			workspace: token.OAuthTokens, who: demoDev, ago: 26, perDay: 22, from: "198.51.100.24",
			pair: authority.NewOAuthToken{Name: "Nightly export", LifetimeDays: days(30)},
		},
		{
			workspace: token.Standard, who: demoDev, ago: 21, perDay: 7, from: "198.51.100.31", replayed: 12,
			pair: authority.NewOAuthToken{Name: "Shared build machine", LifetimeDays: days(90)},
		},
		{
			workspace: token.Standard, who: demoAdmin, ago: 16, perDay: 3, from: "203.0.113.7", ended: 6,
			pair: authority.NewOAuthToken{Name: "Postman", LifetimeDays: days(30)},
		},
	}
}

// program is what uses a credential in the demo's history.
type program struct {
	*life
	id       string
	secrets  []token.Secret // of an app, those that are used; of an OAuth token, its refresh tokens
	lifeless bool
}

// liveOne makes an app or an OAuth token, uses it day by day, and ends it.
func (sd *seeder) liveOne(l *life, end time.Time) error {
	sd.now = morning(l.ago, end)
	by := sd.people[l.who]
	by.SignedInAt = sd.now
	p := program{life: l}
	if err := sd.make(&p, by); err != nil {
		return err
	}
	last := max(l.ended, l.replayed)
	for ago := l.ago - 1; ago >= last && !p.lifeless; ago-- {
		if err := sd.work(&p, ago, end); err != nil {
			return err
		}
		if l.rotated > 0 && ago == l.rotated {
			sd.now = morning(ago, end).Add(10 * time.Hour)
			by.SignedInAt = sd.now
			_, secret, err := sd.rules.RotateAppSecret(sd.ctx, by, string(l.workspace), p.id, authority.Rotation{Keep: 7 * 24 * time.Hour})
			if err != nil {
				return err
			}
			p.secrets = append(p.secrets, secret)
		}
	}
	if last > 0 {
		sd.now = morning(last, end).Add(12 * time.Hour)
		if err := sd.end(&p, by); err != nil {
			return err
		}
	}
	return sd.checks.Flush(sd.ctx)
}

func (l *life) isApp() bool { return l.app.Name != "" }

func (sd *seeder) make(p *program, by token.Identity) error {
	ws := string(p.workspace)
	if p.isApp() {
		app, secret, err := sd.rules.CreateApp(sd.ctx, by, ws, p.app)
		p.id, p.secrets = app.ID, []token.Secret{secret}
		return err
	}
	pair, issued, err := sd.rules.CreateOAuthToken(sd.ctx, by, ws, p.pair)
	p.id, p.secrets = pair.ID, []token.Secret{issued.RefreshToken}
	return err
}

// end disables it, or lets somebody who has an old refresh token try it: then it ends by itself.
func (sd *seeder) end(p *program, by token.Identity) error {
	ws := string(p.workspace)
	var err error
	switch {
	case p.replayed > 0:
		if _, err = sd.rules.Refresh(sd.ctx, p.secrets[0], "", authority.GrantRequest{}, sd.origin("192.0.2.66")); fault.From(err).Kind != fault.Internal {
			err = nil // it is refused, and the whole family has ended
		}
	case p.isApp():
		_, err = sd.rules.DisableApp(sd.ctx, by, ws, p.id)
	default:
		_, err = sd.rules.DisableOAuthToken(sd.ctx, by, ws, p.id)
	}
	return err
}

// work is a program's day: an app gets an access token three times, a person's script one in the morning.
func (sd *seeder) work(p *program, ago int, end time.Time) error {
	start := morning(ago, end)
	times := 1
	if p.isApp() {
		times = 3
	}
	n := onDay(p.perDay, start) / times
	for nth := range times {
		sd.now = start.Add(time.Duration(nth) * 3 * time.Hour)
		if n == 0 || !sd.now.Before(end) {
			return nil
		}
		access, err := sd.access(p, nth)
		if err != nil && fault.From(err).Kind == fault.Internal {
			return err
		}
		if p.lifeless = err != nil; p.lifeless { // it has expired
			return nil
		}
		for range n {
			if sd.now = sd.now.Add(50 * time.Minute / time.Duration(n)); !sd.now.Before(end) {
				return nil
			}
			if _, err := sd.checks.Check(sd.ctx, access.Reveal(), verify.Ask{Address: netip.MustParseAddr(p.from)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// access gets an access token, in turn by each of an app's client secrets.
func (sd *seeder) access(p *program, nth int) (token.Secret, error) {
	from := sd.origin(p.from)
	if !p.isApp() {
		issued, err := sd.rules.Refresh(sd.ctx, p.secrets[len(p.secrets)-1], "", authority.GrantRequest{}, from)
		if issued.RefreshToken.Reveal() != "" {
			p.secrets = append(p.secrets, issued.RefreshToken)
		}
		return issued.AccessToken, err
	}
	client, err := sd.rules.Client(sd.ctx, authority.ClientAuth{ID: p.id, Secret: p.secrets[nth%len(p.secrets)]}, from)
	if err != nil {
		return token.Secret{}, err
	}
	issued, err := sd.rules.ClientCredentials(sd.ctx, client, authority.GrantRequest{})
	return issued.AccessToken, err
}

func (sd *seeder) origin(address string) token.Origin {
	return token.Origin{Address: netip.MustParseAddr(address), UserAgent: "python-requests/2.32"}
}

// morning is when people and programs begin, so many days ago.
func morning(ago int, end time.Time) time.Time {
	y, m, d := end.UTC().AddDate(0, 0, -ago).Date()
	return time.Date(y, m, d, 9, 12, 0, 0, time.UTC)
}

// onDay is how often something that is done so often on a working day is done on a day.
func onDay(perDay int, day time.Time) int {
	n := perDay * (70 + day.YearDay()*37%60) / 100
	if slices.Contains([]time.Weekday{time.Saturday, time.Sunday}, day.Weekday()) {
		n /= 8
	}
	return n
}

// readyApp gives the ready-made app a new client secret, or makes it. Where the rules were changed so that
// they refuse it, there is none.
func (sd *seeder) readyApp(dev token.Identity) (id string, secret token.Secret, err error) {
	ws := string(token.Standard)
	have, err := sd.rules.Apps(sd.ctx, dev, ws, authority.AppQuery{Filter: authority.AppFilter{Search: readyApp}, Page: authority.Page{Limit: 1}})
	var app token.App
	switch {
	case err != nil:
	case len(have) == 1 && have[0].Status() == token.Active:
		app, secret, err = sd.rules.RotateAppSecret(sd.ctx, dev, ws, have[0].ID, authority.Rotation{})
	case len(have) == 1:
		err = sd.rules.DeleteApp(sd.ctx, dev, ws, have[0].ID)
		fallthrough
	default:
		if err == nil {
			app, secret, err = sd.rules.CreateApp(sd.ctx, dev, ws, authority.NewApp{Name: readyApp, Description: "For the lines that the demo prints", Scopes: []string{"odata:read"}})
		}
	}
	return app.ID, secret, unlessRefused(err)
}

// readyPair makes the ready-made OAuth token, in place of that of an earlier run.
func (sd *seeder) readyPair(dev token.Identity) (refresh token.Secret, err error) {
	ws := string(token.OAuthTokens)
	have, err := sd.rules.OAuthTokens(sd.ctx, dev, ws, authority.OAuthQuery{Filter: authority.OAuthFilter{Search: readyName}, Page: authority.Page{Limit: 10}})
	for _, t := range have {
		err = errors.Join(err, sd.rules.DeleteOAuthToken(sd.ctx, dev, ws, t.ID))
	}
	if err != nil {
		return token.Secret{}, unlessRefused(err)
	}
	days := 30
	_, issued, err := sd.rules.CreateOAuthToken(sd.ctx, dev, ws, authority.NewOAuthToken{Name: readyName, LifetimeDays: &days})
	return issued.RefreshToken, unlessRefused(err)
}

// unlessRefused leaves out what is only a refusal.
func unlessRefused(err error) error {
	if err != nil && fault.From(err).Kind != fault.Internal {
		return nil
	}
	return err
}
