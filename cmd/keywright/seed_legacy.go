package main

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// When the older system's tokens moved in, in days before today, and when they stop, in days from today.
const (
	legacyImported = 30
	legacyStops    = 45
)

// oldToken is a token of an older system.
type oldToken struct {
	who, name, description string
	issued                 int // days before today
	perDay                 int // requests on a working day
	idle                   int // days before today that it was used last
	from                   string
	revoked                bool // once it was idle: its program had moved
}

func oldTokens() []oldToken {
	return []oldToken{
		{who: demoDev, name: "Partner feed", description: "Sends stock levels to two partners", issued: 710, perDay: 26, from: "198.51.100.80"},
		{who: demoDev, name: "Old reporting job", issued: 655, perDay: 8, idle: 4, from: "198.51.100.24", revoked: true},
		{who: demoMember, name: "Spreadsheet macro", issued: 420, perDay: 5, from: "203.0.113.40"},
		{who: demoMember, name: "Trial of last year", issued: 380},
		{who: demoAdmin, name: "Monitoring probe", description: "Asks every quarter of an hour whether the feeds answer", issued: 890, perDay: 18, idle: 12, from: "203.0.113.7"},
	}
}

// moveIn imports the tokens of an older system, uses them day by day, and revokes those whose programs moved.
func (sd *seeder) moveIn(end time.Time) error {
	ws := string(token.OAuthTokens)
	sd.now = morning(legacyImported, end)
	by := sd.people[demoAdmin]
	by.SignedInAt = sd.now
	old := oldTokens()
	secrets := make([]token.Secret, len(old))
	var lines iter.Seq2[legacy.Line, error] = func(yield func(legacy.Line, error) bool) {
		for i, o := range old {
			secrets[i] = token.RandomText(32)
			hash := secrets[i].Hash()
			l := legacy.Line{Number: i + 1, Owner: o.who, Name: o.name, Description: o.description, Scopes: []string{"odata:read"}, CreatedAt: morning(o.issued, end), Scheme: token.SchemeSHA256, Digest: hash[:]}
			if !yield(l, nil) {
				return
			}
		}
	}
	y, m, d := end.UTC().AddDate(0, 0, legacyStops).Date()
	if _, err := sd.rules.ImportTokens(sd.ctx, by, ws, authority.Import{Lines: lines, Stops: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}); err != nil {
		return err
	}
	for i, o := range old {
		if err := sd.useOld(&o, secrets[i], end); err != nil {
			return err
		}
	}
	return sd.checks.Flush(sd.ctx)
}

func (sd *seeder) useOld(o *oldToken, secret token.Secret, end time.Time) error {
	ws := string(token.OAuthTokens)
	for ago := legacyImported - 1; ago >= o.idle && o.perDay > 0; ago-- {
		start := morning(ago, end)
		n := onDay(o.perDay, start)
		for i := range n {
			if sd.now = start.Add(time.Duration(i) * 9 * time.Hour / time.Duration(n)); !sd.now.Before(end) {
				break
			}
			if _, err := sd.checks.Check(sd.ctx, secret.Reveal(), verify.Ask{Workspace: ws, Address: netip.MustParseAddr(o.from)}); err != nil {
				return err
			}
		}
	}
	if !o.revoked {
		return nil
	}
	sd.now = morning(o.idle, end).Add(10 * time.Hour)
	by := sd.people[o.who]
	have, err := sd.rules.LegacyTokens(sd.ctx, by, ws, authority.TokenQuery{Page: authority.Page{Limit: 10}})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(have, func(t token.Token) bool { return t.Name == o.name })
	_, err = sd.rules.RevokeToken(sd.ctx, by, ws, have[i].ID, "Moved to “Nightly export”")
	return err
}
